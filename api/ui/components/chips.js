/** The line above the grid: filters as chips, how many match, the sort, the size of the tiles. */
import { html, counted } from '../lib.js';
import { chosen, parseFilter, rangeOf, withChosen, withRange } from './filters.js';
import { measured, titled, unitSign } from './words.js';

/**
 * One chip for each value that is filtered by: its text, and the filters that are left without it.
 * @param {string[]} filters
 * @param {any} facets
 * @param {any[]} columns
 */
export function chipsOf(filters, facets, columns) {
  const chips = [];
  const seen = new Set();
  for (const text of filters) {
    const { column, operator, value } = parseFilter(text);
    const facet = facets?.facets.find((/** @type {any} */ one) => one.name === column);
    const histogram = facets?.histograms.find((/** @type {any} */ one) => one.column === column);
    const about = columns.find((one) => one.name === column);
    const title = facet?.title || histogram?.title || about?.title || titled(column);
    if (operator === 'eq' || operator === 'in') {
      for (const one of chosen([text], column)) {
        const known = facet?.values.find((/** @type {any} */ other) => String(other.value) === one);
        const rest = chosen(filters, column).filter((other) => other !== one);
        const words = { outlier: 'Unusual', duplicate: 'Copies', 'outlier false': 'Not unusual', 'duplicate false': 'No copies', identity: 'May show one person', 'identity false': 'In no pair of one person' };
        const said = words[/** @type {keyof typeof words} */ (one === 'true' ? column : `${column} ${one}`)] ?? known?.title ?? titled(one);
        const label = ['decision', 'verdict', 'failed', 'outlier', 'duplicate', 'identity'].includes(column) ? said : `${title}: ${said}`;
        chips.push({ key: `${text} ${one}`, label, without: withChosen(filters, column, rest) });
      }
    } else if (['ge', 'gt', 'le', 'lt'].includes(operator)) {
      if (seen.has(column)) continue;
      seen.add(column);
      const { min, max } = rangeOf(filters, column);
      const unit = histogram?.unit ?? about?.unit;
      const value = (/** @type {number} */ number) => measured(number, null, `.${String(number).split('.')[1]?.length ?? 0}f`);
      const said = min !== null && max !== null ? `${value(min)} to ${value(max)}${unitSign(unit)}` : min !== null ? `from ${value(min)}${unitSign(unit)}` : `up to ${value(/** @type {number} */ (max))}${unitSign(unit)}`;
      chips.push({ key: text, label: `${title} ${said}`, without: withRange(filters, column, null, null) });
    } else {
      const said = operator === 'contains' ? `${column === 'file' ? '' : `${title}: `}“${value}”` : operator === 'isnull' ? `${title} ${value === 'true' ? 'missing' : 'measured'}` : `${title} ${operator} ${value}`;
      chips.push({ key: text, label: said, without: filters.filter((other) => other !== text) });
    }
  }
  return chips;
}

const SORTS = [
  ['worst', 'Worst first'],
  ['-worst', 'Best first'],
  ['file', 'Name, A to Z'],
  ['-file', 'Name, Z to A'],
  ['row', 'As scanned'],
];

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {number} props.wide
 * @param {(wide: number) => void} props.onWide
 * @param {() => void} props.onFilters  Opens the filters where they are a sheet.
 */
export function Chips({ model, wide, onWide, onFilters }) {
  const { view, windows } = model;
  const { facets, columns } = model.summary;
  const chips = chipsOf(view.filters, facets, columns);
  const measures = facets?.histograms ?? [];
  const known = [...SORTS.map(([value]) => value), ...measures.flatMap((/** @type {any} */ one) => [one.column, `-${one.column}`])];
  const count = windows.total;
  return html`<div class="rv-bar">
    <button class="rv-open-filters" onClick=${onFilters}>Filters${chips.length ? ` (${chips.length})` : ''}</button>
    <div class="rv-chips" role="group" aria-label="Filters">
      ${chips.map(
        (chip) => html`<button key=${chip.key} class="rv-chip" aria-label=${`Without ${chip.label}`} onClick=${() => model.address.setFilters(chip.without)}>
          <span>${chip.label}</span><span aria-hidden="true">✕</span>
        </button>`,
      )}
      ${chips.length > 1 && html`<button class="quiet rv-clear" onClick=${() => model.address.setFilters([])}>Clear all</button>`}
    </div>
    <div class="rv-tools">
      <span class="rv-count" role="status">${model.loaded ? counted(count, 'picture') : '…'}</span>
      <select aria-label="Sort" value=${view.sort} onChange=${(/** @type {any} */ event) => model.address.setView({ sort: event.currentTarget.value })}>
        ${SORTS.map(([value, title]) => html`<option key=${value} value=${value} selected=${view.sort === value}>${title}</option>`)}
        ${measures.map((/** @type {any} */ one) => html`<option key=${one.column} value=${one.column} selected=${view.sort === one.column}>${one.title}, lowest first</option>`)}
        ${measures.map((/** @type {any} */ one) => html`<option key=${`-${one.column}`} value=${`-${one.column}`} selected=${view.sort === `-${one.column}`}>${one.title}, highest first</option>`)}
        ${!known.includes(view.sort) && html`<option value=${view.sort} selected>${titled(view.sort)}</option>`}
      </select>
      <input class="rv-size" type="range" min="90" max="340" step="10" aria-label="Size of the pictures" value=${wide} onInput=${(/** @type {any} */ event) => onWide(Number(event.currentTarget.value))} />
    </div>
  </div>`;
}
