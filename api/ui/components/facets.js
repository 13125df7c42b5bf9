/** The left side: counts of pictures by decision, verdict, folder and so on under the filters; each value is a filter. */
import { html, formatNumber, useState } from '../lib.js';
import { chosen, rangeOf, searchOf, toggled, withRange, withSearch } from './filters.js';
import { Histogram } from './histogram.js';
import { useTyped } from './typed.js';
import { Why } from './why.js';
import { titled } from './words.js';

/** Values shown before "more". */
const FEW = 7;
const SIGNS = { 'decision keep': 'pass', 'decision reject': 'fail', 'decision unsure': 'borderline', 'verdict pass': 'pass', 'verdict fail': 'fail', 'verdict borderline': 'borderline', 'status ok': 'pass' };
/** Facets of which only the value `true` is shown, all in one group. */
const FOUND = { outlier: 'Unusual', duplicate: 'Copies' };
/** Facets that are shown as one: which pictures are in a pair of one person, which are not, and which were not compared. */
const PERSONS = ['identity', 'not_compared'];

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 */
export function Facets({ model }) {
  const { view } = model;
  const { facets } = model.summary;
  const { filters } = view;
  const toggle = (/** @type {string} */ column, /** @type {string} */ value) => model.address.setFilters(toggled(filters, column, value));
  if (!facets) return html`<div class="rv-facets" aria-busy="true"><p class="soft small">Counting …</p></div>`;
  const found = facets.facets.filter((/** @type {any} */ facet) => facet.name in FOUND);
  const others = facets.facets.filter((/** @type {any} */ facet) => !(facet.name in FOUND) && !PERSONS.includes(facet.name) && (facet.values.length || chosen(filters, facet.name).length));
  const persons = PERSONS.map((name) => facets.facets.find((/** @type {any} */ facet) => facet.name === name)).filter(Boolean);
  const order = ['decision', 'verdict', 'failed', 'borderline', 'found', 'persons', 'identity_group', 'status'];
  const place = (/** @type {any} */ facet) => (order.indexOf(facet.name) + 1 || order.length + 1);
  const sections = [...others, { name: 'found', found }, ...(persons.length ? [{ name: 'persons', persons }] : [])].sort((a, b) => place(a) - place(b));
  return html`<div class="rv-facets">
    <${Search} text=${searchOf(filters)} onSearch=${(/** @type {string} */ text) => model.address.setFilters(withSearch(model.view.filters, text))} onDone=${() => model.toPictures()} />
    <${Why} model=${model} />
    ${sections.map((facet) =>
      facet.name === 'found'
        ? html`<${Found} key="found" facets=${facet.found} filters=${filters} toggle=${toggle} />`
        : facet.name === 'persons'
        ? html`<${Persons} key="persons" facets=${facet.persons} filters=${filters} toggle=${toggle} />`
        : html`<${Facet} key=${facet.name} facet=${facet} filters=${filters} toggle=${toggle}
            onSearch=${facet.name === 'folder' ? (/** @type {string} */ text) => model.address.setFilters(withSearch(filters, text, 'folder')) : null} />`,
    )}
    <${Measures} model=${model} />
  </div>`;
}

/** @param {{text: string, onSearch: (text: string) => void, onDone: () => void}} props  onDone: Enter was pressed */
function Search({ text, onSearch, onDone }) {
  const enter = (/** @type {Event} */ event) => onSearch(/** @type {HTMLInputElement} */ (event.currentTarget).value.trim());
  const field = useTyped(text);
  return html`<div class="rv-search">
    <input ref=${field} type="search" id="rv-search" aria-label="Search in file names" placeholder="Search file names  /" onChange=${enter}
      onSearch=${enter} onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Enter') return;
        enter(event);
        onDone();
      }} />
  </div>`;
}

/** @param {{title: string, text: string, onSearch: (text: string) => void}} props */
function Find({ title, text, onSearch }) {
  const field = useTyped(text);
  return html`<input ref=${field} type="search" class="rv-find" aria-label=${`Search in all values of ${title}`} placeholder="Search all"
    onChange=${(/** @type {any} */ event) => onSearch(event.currentTarget.value.trim())} />`;
}

/**
 * @param {{facet: any, filters: string[], toggle: (column: string, value: string) => void, onSearch: ((text: string) => void) | null}} props
 *   onSearch: looks through all values, also those that are not named; null: cannot be asked for
 */
function Facet({ facet, filters, toggle, onSearch }) {
  const [more, setMore] = useState(false);
  const on = chosen(filters, facet.name);
  // A value of null stands for all that are not named: it can be counted, and not be asked for.
  const values = facet.values.filter((/** @type {any} */ one) => one.value !== null).map((/** @type {any} */ one) => ({ ...one, value: String(one.value) }));
  const rest = facet.values.find((/** @type {any} */ one) => one.value === null);
  for (const value of on) if (!values.some((/** @type {any} */ one) => one.value === value)) values.push({ value, title: titled(value), count: 0 });
  const shown = more ? values : values.filter((/** @type {any} */ one, /** @type {number} */ i) => i < FEW || on.includes(one.value));
  const title = facet.title || titled(facet.name);
  return html`<fieldset>
    <legend class="kicker">${title}</legend>
    ${shown.some((/** @type {any} */ one) => one.severity && one.severity !== 'required') &&
    html`<p class="rv-advised-key soft small" title="Decides no verdict"><i class=${`rv-dot ${facet.name === 'failed' ? 'fail' : 'borderline'} advised`}></i> not required</p>`}
    ${shown.map((/** @type {any} */ one) => html`<${Value} key=${one.value} column=${facet.name} one=${one} on=${on.includes(one.value)} toggle=${toggle} />`)}
    ${onSearch && (rest || searchOf(filters, facet.name)) &&
    html`<${Find} title=${title} text=${searchOf(filters, facet.name)} onSearch=${onSearch} />`}
    ${values.length > shown.length && html`<button class="rv-more" onClick=${() => setMore(true)}>${values.length - shown.length} more</button>`}
    ${rest && values.length === shown.length && html`<p class="rv-rest soft"><span>${rest.title}</span><b>${formatNumber(rest.count)}</b></p>`}
    ${more && values.length > FEW && html`<button class="rv-more" onClick=${() => setMore(false)}>fewer</button>`}
  </fieldset>`;
}

/** @param {{facets: any[], filters: string[], toggle: (column: string, value: string) => void}} props */
function Found({ facets, filters, toggle }) {
  if (!facets.length) return null;
  return html`<fieldset>
    <legend class="kicker">Found</legend>
    ${facets.map((facet) => {
      const value = facet.values.find((/** @type {any} */ one) => String(one.value) === 'true');
      const one = { value: 'true', title: FOUND[/** @type {keyof typeof FOUND} */ (facet.name)], count: value?.count ?? 0 };
      return html`<${Value} key=${facet.name} column=${facet.name} one=${one} on=${chosen(filters, facet.name).includes('true')} toggle=${toggle} />`;
    })}
  </fieldset>`;
}

/** @param {{facets: any[], filters: string[], toggle: (column: string, value: string) => void}} props */
function Persons({ facets, filters, toggle }) {
  return html`<fieldset>
    <legend class="kicker">Same person</legend>
    ${facets.map((facet) => {
      const on = chosen(filters, facet.name);
      // What is chosen stays, to be taken back, though the other filters leave none of it.
      const gone = on.filter((value) => !facet.values.some((/** @type {any} */ one) => String(one.value) === value)).map((value) => ({ value, title: titled(value), count: 0 }));
      const values = [...facet.values, ...gone];
      return html`${facet.name === 'not_compared' && values.length > 0 && html`<p class="rv-sub soft small">Not compared</p>`}
        ${values.map((/** @type {any} */ one) => html`<${Value} key=${one.value} column=${facet.name} one=${{ ...one, value: String(one.value) }} on=${on.includes(String(one.value))} toggle=${toggle} />`)}`;
    })}
  </fieldset>`;
}

/** @param {{column: string, one: any, on: boolean, toggle: (column: string, value: string) => void}} props */
function Value({ column, one, on, toggle }) {
  const sign = column === 'failed' ? 'fail' : column === 'borderline' ? 'borderline' : SIGNS[/** @type {keyof typeof SIGNS} */ (`${column} ${one.value}`)] ?? 'none';
  const advised = Boolean(one.severity) && one.severity !== 'required';
  const clause = one.clause ? shortClause(one.clause) : '';
  const hint = [/^\d/.test(one.clause ?? '') ? `ISO/IEC 29794-5, ${one.clause}` : one.clause, advised ? one.severity : ''].filter(Boolean).join(' · ');
  return html`<label class=${`rv-value${on ? ' on' : ''}${one.count ? '' : ' nothing'}`} title=${hint || one.title || one.value}>
    <input type="checkbox" class="vh" checked=${on} onChange=${() => toggle(column, one.value)} />
    <i class=${`rv-dot ${sign}${advised ? ' advised' : ''}`}></i>
    <span class="rv-text">${one.title || titled(one.value)}${advised && html`<span class="vh">, ${one.severity}</span>`}${clause && html`<small> · ${clause}</small>`}</span>
    <b>${formatNumber(one.count)}</b>
  </label>`;
}

/** @param {string} clause */
function shortClause(clause) {
  if (/^\d[\d.]*$/.test(clause)) return `ISO ${clause}`;
  const found = /(?:ISO\/IEC )?(?:29794-5|39794-5|19794-5)[^\d]{0,3}(\d[\d.]*)/.exec(clause);
  if (found) return `ISO ${found[1]}`;
  return clause.length <= 12 ? clause : '';
}

/** @param {{model: import('./model.js').Model}} props */
function Measures({ model }) {
  const { view } = model;
  const { facets, columns } = model.summary;
  const shown = facets.histograms.map((/** @type {any} */ one) => one.column);
  const about = new Map(columns.map((column) => [column.name, column]));
  const more = columns.filter((column) => ['int', 'float'].includes(column.type) && !shown.includes(column.name) && column.statistics !== false);
  const add = (/** @type {Event} */ event) => {
    const select = /** @type {HTMLSelectElement} */ (event.currentTarget);
    if (select.value) model.address.setView({ measures: [...view.measures, select.value] });
    select.value = '';
  };
  return html`<fieldset class="rv-measures">
    <legend class="kicker">Measures</legend>
    ${facets.histograms.map(
      (/** @type {any} */ one) => html`<${Histogram}
        key=${one.column}
        histogram=${one}
        whole=${about.get(one.column)?.type === 'int'}
        range=${rangeOf(view.filters, one.column)}
        onRange=${(/** @type {number | null} */ min, /** @type {number | null} */ max) => model.address.setFilters(withRange(model.view.filters, one.column, min, max))}
        onRemove=${view.measures.includes(one.column) ? () => model.address.setView({ measures: view.measures.filter((column) => column !== one.column) }) : null}
      />`,
    )}
    ${more.length > 0 &&
    html`<select class="rv-add" aria-label="Add a measure" onChange=${add}>
      <option value="">Add a measure …</option>
      ${more.map((column) => html`<option key=${column.name} value=${column.name}>${column.title || titled(column.name)}</option>`)}
    </select>`}
  </fieldset>`;
}
