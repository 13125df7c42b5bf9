/** The line at the top: name and verdicts of the data set, its rule set, report and exports. */
import { html, api, counted, formatNumber, formatTime, root, toast, url, useEffect, useRef, useState } from '../lib.js';

/** @param {{model: import('./model.js').Model}} props */
export function Header({ model }) {
  const { view } = model;
  const { info, verdicts, ruleSets } = model.summary;
  const rejected = countOf(model, 'reject');
  const own = info?.requirements ?? '';
  const shown = verdicts ?? info?.verdicts ?? {};
  const rules = (/** @type {any} */ event) => model.address.setView({ rules: event.currentTarget.value === own ? '' : event.currentTarget.value });
  const known = ruleSets.some((one) => one.name === own);
  return html`<header class="rv-header">
    <a class="rv-home" href=${`${root}/`} aria-label="All data sets" title="All data sets">‹</a>
    <h1>${info?.name ?? model.dataset}</h1>
    <${Bar} verdicts=${shown} />
    <p class="rv-facts-line">
      <span>${info ? counted(info.rows, 'file') : ''}</span>
      <span class="rv-judged"><label for="rv-rules">judged as</label>
        <select id="rv-rules" onChange=${rules} value=${view.rules || own}>
          ${own && !known && html`<option value=${own} selected=${!view.rules}>${own}</option>`}
          ${ruleSets.map((one) => html`<option key=${one.name} value=${one.name} selected=${(view.rules || own) === one.name}>${one.title.replace(/ \(.*\)$/, '')}</option>`)}
        </select></span>
      <span class="rv-scanned">${info?.scanned ? `scanned ${formatTime(info.scanned)}` : ''}</span>
    </p>
    <div class="rv-header-buttons">
      ${info && html`<a class="button" href=${url(`${model.base}/report`)}>Report</a>`}
      ${info && html`<a class="button rv-compare" href=${url('/compare', { a: info.key })}>Compare</a>`}
      <span class="rv-export">
        <a class="button primary" href=${url(`${model.base}/decisions`, { decision: 'reject', format: 'csv', rules: judgedBy(model) })} download>Export ${formatNumber(rejected)}<span class="rv-long"> to take again</span></a>
        <${Menu} model=${model} rejected=${rejected} />
      </span>
    </div>
  </header>`;
}

/**
 * Rule set that judges what is exported. Named, it judges now: what the page shows, also where the scan's own verdicts are of an
 * earlier version of it.
 * @param {import('./model.js').Model} model
 * @returns {string | undefined}
 */
function judgedBy(model) {
  return model.view.rules || model.summary.ruleSets.find((one) => one.name === model.summary.info?.requirements)?.name;
}

/**
 * How many pictures of the whole set have a decision.
 * @param {import('./model.js').Model} model
 * @param {string} decision
 */
function countOf(model, decision) {
  if (typeof model.summary.state?.[decision] === 'number') return model.summary.state[decision];
  const facet = model.summary.facets?.facets.find((/** @type {any} */ one) => one.name === 'decision');
  return facet?.values.find((/** @type {any} */ one) => one.value === decision)?.count ?? 0;
}

/** @param {{verdicts: Record<string, number>}} props */
function Bar({ verdicts }) {
  const parts = ['pass', 'borderline', 'fail', 'not_assessed'].map((name) => ({ name, count: verdicts[name] ?? 0 }));
  const all = parts.reduce((sum, { count }) => sum + count, 0);
  const said = parts.filter(({ count }) => count).map(({ name, count }) => `${formatNumber(count)} ${name.replace('_', ' ')}`).join(', ');
  let x = 0;
  return html`<svg class="rv-verdicts" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${said || 'nothing judged yet'}>
    <title>${said}</title>
    ${all > 0 && parts.map(({ name, count }) => {
      const width = (count / all) * 100;
      x += width;
      return html`<rect key=${name} class=${`o-${name === 'not_assessed' ? 'none' : name}`} x=${x - width} y="0" width=${width} height="8" />`;
    })}
  </svg>`;
}

/** @param {{model: import('./model.js').Model, rejected: number}} props */
function Menu({ model, rejected }) {
  const details = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const { filters } = model.view;
  const [making, setMaking] = useState(false);
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      const open = details.current;
      if (open?.open && !open.contains(/** @type {Node} */ (event.target))) open.open = false;
    };
    document.addEventListener('click', close);
    return () => document.removeEventListener('click', close);
  }, []);
  const state = model.summary.state;
  const make = async () => {
    setMaking(true);
    try {
      await api.post(`${model.base}/review`);
      toast('The review table is being written.');
      for (let tries = 0; tries < 120; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        const now = await api.get(`${model.base}/review`);
        model.summary.take(now);
        if (now.up_to_date) {
          toast('The review table is written; download it from the Export menu.');
          break;
        }
      }
    } catch (error) {
      toast(`The review table was not written: ${/** @type {any} */ (error).message}`);
    } finally {
      setMaking(false);
    }
  };
  const link = (/** @type {string} */ text, /** @type {string} */ address) => html`<a href=${address} download>${text}</a>`;
  const judged = judgedBy(model);
  const params = { filter: filters, rules: judged };
  return html`<details class="rv-menu" ref=${details} onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || !details.current?.open) return;
    event.stopPropagation();
    details.current.open = false;
    details.current.querySelector('summary')?.focus();
  }}>
    <summary class="button primary" aria-label="More exports" title="More exports">▾</summary>
    <div class="rv-menu-list">
      <h2 class="kicker">Decisions</h2>
      ${link(`To take again (${formatNumber(rejected)}), CSV`, url(`${model.base}/decisions`, { decision: 'reject', format: 'csv', rules: judged }))}
      ${link('All decisions, CSV', url(`${model.base}/decisions`, { format: 'csv', rules: judged }))}
      ${link('All decisions, Parquet', url(`${model.base}/decisions`, { format: 'parquet', rules: judged }))}
      <h2 class="kicker">What is shown</h2>
      ${link('Measures, CSV', url(`${model.base}/export`, { ...params, format: 'csv' }))}
      ${link('Measures, Parquet', url(`${model.base}/export`, { ...params, format: 'parquet' }))}
      ${link('Decisions, CSV', url(`${model.base}/decisions`, { ...params, format: 'csv' }))}
      ${link('Decisions, Parquet', url(`${model.base}/decisions`, { ...params, format: 'parquet' }))}
      <h2 class="kicker">Review table</h2>
      <p class="small soft">Every file with its disposition, by whom and why.</p>
      <button disabled=${making} onClick=${make}>${making ? 'Being made …' : 'Make review table'}</button>
      ${state?.exported && html`${link(`review.csv${state.up_to_date ? '' : ' (before the last decisions)'}`, url(`${model.base}/review.csv`))}${link('review.parquet', url(`${model.base}/review.parquet`))}`}
    </div>
  </details>`;
}
