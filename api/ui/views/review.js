/**
 * `/datasets/<key>`: the review page: look at the pictures of a data set, decide, export the list.
 * @module views/review
 */
import { html, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState, toast, url } from '../lib.js';
import { Chips } from '../components/chips.js';
import { Detail } from '../components/detail.js';
import { Facets } from '../components/facets.js';
import { Footer } from '../components/footer.js';
import { Grid } from '../components/grid.js';
import { Header } from '../components/header.js';
import { actionOf, Help } from '../components/keys.js';
import { LAYERS } from '../components/marks.js';
import { Model } from '../components/model.js';
import { Pair } from '../components/pair.js';
import { WHOLE, zoomed } from '../components/picture.js';
import { Pictures } from '../components/pictures.js';
import { keep, recall } from '../components/settings.js';
import { DECISIONS } from '../components/words.js';

export const styles = ['views/review.css'];

/**
 * @param {object} props
 * @param {{key: string}} props.params
 * @param {URLSearchParams} props.query
 */
export default function Review({ params, query }) {
  const model = useMemo(() => new Model(params.key), [params.key]);
  const [, redraw] = useReducer((/** @type {number} */ n) => n + 1, 0);
  const [wide, setWide] = useState(() => Number(recall('bqat-tile')) || 132);
  const [layers, setLayers] = useState(() => new Set((recall('bqat-layers') ?? 'face,eyes').split(',').filter((name) => LAYERS.includes(name))));
  const lastLayers = useRef(layers.size ? layers : new Set(['face', 'eyes']));
  const [zoom, setZoom] = useState(WHOLE);
  const [help, setHelp] = useState(false);
  const [pair, setPair] = useState(/** @type {number[] | null} */ (null));
  const [sheet, setSheet] = useState('');
  const { view } = model;

  useEffect(() => {
    const stop = model.listen(() => redraw(undefined));
    model.start();
    return () => {
      stop();
      model.stop();
    };
  }, [model]);
  useEffect(() => model.address.adopt(location.search), [query.toString()]);
  useEffect(() => setZoom(WHOLE), [model.focused?.row]);

  const changeLayers = (/** @type {Set<string>} */ next) => {
    if (next.size) lastLayers.current = next;
    setLayers(next);
    keep('bqat-layers', [...next].join(','));
  };
  const setOpen = (/** @type {boolean} */ open) => model.view.open !== open && model.address.setView({ open });
  const compare = (/** @type {any} */ other) => model.focused && setPair([model.focused.row, other.row]);

  const act = (/** @type {string} */ action) => {
    const grid = model.grid;
    const columns = grid?.columns ?? 1;
    const go = (/** @type {number} */ index) => {
      const modal = model.view.open || sheet === 'detail';
      model.focus(index, { take: !modal });
    };
    const decision = DECISIONS.find(({ value, verb }) => (value ?? 'clear') === action || verb.toLowerCase() === action);
    if (decision) return model.decisions.decide(decision.value);
    switch (action) {
      case 'left': return go(model.index - 1);
      case 'right': return go(model.index + 1);
      case 'up': return go(view.open ? model.index - 1 : model.index - columns >= 0 ? model.index - columns : model.index);
      case 'down': return go(view.open ? model.index + 1 : model.index + columns < model.windows.total ? model.index + columns : model.index);
      case 'first': return go(0);
      case 'last': return go(model.windows.total - 1);
      case 'page up': return go(Math.max(model.index % columns, model.index - (grid?.page ?? 1)));
      case 'page down': return go(model.index + (grid?.page ?? 1));
      case 'open': return model.focused && setOpen(true);
      case 'close':
        if (sheet) return setSheet('');
        if (view.open) return setOpen(false);
        return model.selection.unmark();
      case 'undo': return model.decisions.undo();
      case 'redo': return model.decisions.redo();
      case 'overlay': return changeLayers(layers.size ? new Set() : new Set(lastLayers.current));
      case 'all': return model.selection.selectAll();
      case 'mark': return model.selection.mark(model.index);
      case 'larger': return setZoom(zoomed(zoom, 1.5));
      case 'smaller': return setZoom(zoomed(zoom, 1 / 1.5));
      case 'help': return setHelp(true);
      case 'search': {
        setSheet(matchMedia('(max-width: 60rem)').matches ? 'filters' : '');
        requestAnimationFrame(() => document.getElementById('rv-search')?.focus());
        return undefined;
      }
      case 'compare': {
        if (!model.focused) return undefined;
        const marked = [...model.selection.marked.keys()].filter((row) => row !== model.focused?.row);
        if (marked.length) return compare({ row: marked[marked.length - 1] });
        return void model.details.load(model.focused.row).then((detail) => {
          // Pictures of its person lie in order, the closest first.
          const copy = [...(detail.duplicates ?? []), ...(detail.identities ?? [])].find((one) => one.row !== model.focused?.row);
          if (copy) compare(copy);
          else toast('Mark a second picture with Space, then press c.');
        }, (error) => model.failed(error));
      }
      default: return undefined;
    }
  };
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const press = (/** @type {KeyboardEvent} */ event) => {
      const action = actionOf(event);
      if (!action) return;
      event.preventDefault();
      if (event.repeat && ['keep', 'reject', 'unsure', 'clear', 'all', 'mark'].includes(action)) return;
      latest.current(action);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);

  const resize = useCallback((/** @type {number} */ next) => {
    setWide(next);
    keep('bqat-tile', String(next));
    model.grid?.setWide(next);
  }, [model]);

  const empty = model.loaded && model.windows.total === 0;
  const classes = ['rv', view.open ? 'open' : '', sheet ? `sheet-${sheet}` : ''].join(' ');
  return html`<div class=${classes}>
    <${Header} model=${model} />
    <aside class="rv-left" aria-label="Filters" id="rv-filters">
      <button class="rv-sheet-close" onClick=${() => setSheet('')}>Show ${model.windows.total.toLocaleString('en')} pictures</button>
      <${Facets} model=${model} />
    </aside>
    <main class="rv-main">
      <${Chips} model=${model} wide=${wide} onWide=${resize} onFilters=${() => setSheet('filters')} />
      ${model.problem && html`<p class="rv-problem" role="alert">${model.problem}</p>`}
      ${model.details.hiddenPictures && html`<p class="rv-problem quietly">${model.details.hiddenPictures}</p>`}
      ${empty &&
      html`<div class="rv-empty"><h2>${!model.rows ? 'This data set has no pictures yet' : view.filters.includes('decision:eq:undecided') ? 'Nothing here is left to decide' : 'No picture meets these filters'}</h2>
        ${model.rows > 0 && html`<button onClick=${() => model.address.setFilters([])}>Show all ${model.rows.toLocaleString('en')}</button>`}</div>`}
      <${GridOf} model=${model} wide=${wide} onOpen=${() => setOpen(true)} onTap=${() => setSheet('detail')} hidden=${empty} />
    </main>
    <aside class="rv-right" aria-label="Picture">
      <button class="rv-sheet-close" onClick=${() => setSheet('')}>Back to the pictures</button>
      <${Detail} model=${model} layers=${layers} zoom=${zoom} onZoom=${setZoom} large=${view.open} onOpen=${() => setOpen(true)}
        onClose=${() => setOpen(false)} onCompare=${compare}
        onLayer=${(/** @type {string} */ name) => {
          const next = new Set(layers);
          if (!next.delete(name)) next.add(name);
          changeLayers(next);
        }} />
    </aside>
    <${Footer} model=${model} act=${(/** @type {string} */ action) => act(action)} />
    ${help && html`<${Help} onClose=${() => setHelp(false)} />`}
    ${pair && html`<${Pair} model=${model} rows=${pair} layers=${layers} onClose=${() => setPair(null)} />`}
  </div>`;
}

/**
 * @param {object} props
 * @param {Model} props.model
 * @param {number} props.wide
 * @param {() => void} props.onOpen
 * @param {() => void} props.onTap  A picture was tapped where the pane is a sheet.
 * @param {boolean} props.hidden
 */
function GridOf({ model, wide, onOpen, onTap, hidden }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const calls = useRef({ onOpen, onTap });
  calls.current = { onOpen, onTap };
  useLayoutEffect(() => {
    const pictures = new Pictures((address) => model.details.askWhy(address));
    const grid = new Grid(/** @type {HTMLElement} */ (place.current), pictures, {
      item: (index) => model.windows.item(index),
      want: (first, last, ahead, fast) => model.windows.want(first, last, ahead, fast),
      url: (row, size) => url(`${model.base}/profiles/${row}/thumbnail`, { size }),
      click: (index, event) => {
        if (event.shiftKey) model.selection.markTo(index);
        else if (event.ctrlKey || event.metaKey) model.selection.mark(index);
        else {
          model.focus(index, { take: true });
          model.selection.anchor = index;
          if (matchMedia('(max-width: 60rem)').matches) calls.current.onTap();
        }
      },
      open: (index) => {
        model.focus(index);
        calls.current.onOpen();
      },
      mark: (index) => model.selection.mark(index),
      isMarked: (row) => model.selection.has(row),
    });
    grid.setWide(wide);
    model.grid = grid;
    if (model.loaded) {
      grid.setTotal(model.windows.total);
      grid.focus(model.index);
    }
    return () => {
      model.grid = null;
      grid.close();
    };
  }, [model]);
  return html`<div class="rv-grid" ref=${place} role="grid" aria-label="Pictures" aria-multiselectable="true" tabindex="-1" hidden=${hidden}></div>`;
}
