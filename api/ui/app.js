/**
 * Shows the view that the address names. Each view is loaded when it is first needed.
 * A view's module exports a component (default), which gets `{params, query}`, and may name its own `styles`.
 * @module app
 */
import { html, render, useEffect, useState, address, navigate, isPage, root } from './lib.js';

const VIEWS = [
  [/^\/$/, () => import('./views/datasets.js')],
  [/^\/datasets\/(?<key>[^/]+)$/, () => import('./views/review.js')],
  [/^\/assess$/, () => import('./views/assess.js')],
  [/^\/compare$/, () => import('./views/compare.js')],
];

const styled = new Map();

/** Load a style sheet of a view, once; a view is shown when its style sheets are loaded. */
function stylesheet(path) {
  if (!styled.has(path)) {
    styled.set(path, new Promise((resolve) => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = `${root}/ui/${path}`;
      link.onload = link.onerror = resolve;
      document.head.append(link);
    }));
  }
  return styled.get(path);
}

function App() {
  const { path, query } = address.value;
  const [load, params] = match(path);
  const [view, setView] = useState(null);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let current = true;
    load?.().then(async (module) => {
      await Promise.all((module.styles ?? []).map(stylesheet));
      if (current) { setView({ load, component: module.default }); setProblem(''); }
    }).catch((error) => { if (current) setProblem(String(error)); });
    return () => { current = false; };
  }, [load]);
  if (!load) return html`<main class="layout"><h1>There is no such page</h1><p><a href=${`${root}/`}>Data sets</a></p></main>`;
  if (problem) return html`<main class="layout"><h1>The page could not be loaded</h1><p class="soft">${problem}</p></main>`;
  if (view?.load !== load) return html`<main aria-busy="true"></main>`;
  return html`<${view.component} key=${path} params=${params} query=${query} />`;
}

function match(path) {
  for (const [pattern, load] of VIEWS) {
    const found = pattern.exec(path);
    if (found) return [load, Object.fromEntries(Object.entries(found.groups ?? {}).map(([k, v]) => [k, decodeURIComponent(v)]))];
  }
  return [null, {}];
}

// Links between the pages are followed here; all others (reports, downloads) are left to the browser.
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const target = new URL(link.href);
  if (link.target || link.hasAttribute('download') || target.origin !== location.origin || !isPage(target.pathname)) return;
  event.preventDefault();
  navigate((target.pathname.slice(root.length) || '/') + target.search);
});

render(html`<${App} />`, document.getElementById('app'));
