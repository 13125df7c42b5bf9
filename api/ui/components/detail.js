/** The pane beside the grid: the focused picture, its measures and findings, its decisions. */
import { api, html, formatTime, toast, url, useEffect, useRef, useState } from '../lib.js';
import { Gauges } from './gauges.js';
import { layersOf, MarksSaid, useMarks } from './marks.js';
import { usePart } from './parts.js';
import { Picture, WHOLE, zoomed } from './picture.js';
import { DECISIONS, fileName, measured, past, sizeOf, titled, verdictOf, verdictWord, withError } from './words.js';

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {Set<string>} props.layers
 * @param {(name: string) => void} props.onLayer
 * @param {import('./picture.js').Zoom} props.zoom
 * @param {(zoom: import('./picture.js').Zoom) => void} props.onZoom
 * @param {boolean} props.large
 * @param {() => void} props.onOpen
 * @param {() => void} props.onClose
 * @param {(other: any) => void} props.onCompare
 */
export function Detail({ model, layers, onLayer, zoom, onZoom, large, onOpen, onClose, onCompare }) {
  const item = model.focused;
  const row = item?.row ?? null;
  const detail = useDetail(model, row);
  const marks = useMarks(model, detail ? row : null, layers);
  if (!item) {
    return html`<div class="rv-detail-empty soft">${model.loaded && !model.windows.total ? 'No picture meets these filters.' : ''}</div>`;
  }
  const decision = model.decisions.of(item.row);
  const columns = detail?.row;
  const offered = layersOf(columns, detail?.crop);
  const verdict = detail?.verdict ?? verdictOf(item);
  const reasons = detail?.reasons?.length ? detail.reasons : item.reasons?.length ? item.reasons : item.reason ? [item.reason] : [];
  return html`<article class="rv-detail" aria-label="The focused picture">
    <div class="rv-show">
      <${Picture} base=${model.base} row=${item.row} label=${fileName(item.file)} width=${item.image_width} height=${item.image_height}
        columns=${columns} layers=${layers} crop=${detail?.crop} marks=${marks} hidden=${model.details.hiddenPictures} outages=${model.outages}
        askWhy=${async (/** @type {string} */ address) => (await model.details.why(address)).reason} zoom=${zoom} onZoom=${onZoom} />
      <div class="rv-zoom" role="group" aria-label="Picture">
        <button aria-label="Previous picture" title="Previous picture (←)" onClick=${() => model.focus(model.index - 1)}>‹</button>
        <button aria-label="Next picture" title="Next picture (→)" onClick=${() => model.focus(model.index + 1)}>›</button>
        <button aria-label="Smaller" title="Smaller (-)" onClick=${() => onZoom(zoomed(zoom, 1 / 1.5))}>−</button>
        <button aria-label="Larger" title="Larger (+)" onClick=${() => onZoom(zoomed(zoom, 1.5))}>+</button>
        ${zoom.scale > 1 && html`<button onClick=${() => onZoom(WHOLE)}>Whole</button>`}
        ${large
          ? html`<button aria-label="Close the large picture" title="Close (Esc)" onClick=${onClose}>✕</button>`
          : html`<button aria-label="Open large" title="Open large (Enter)" onClick=${onOpen}>⤢</button>`}
      </div>
    </div>
    <div class="rv-about">
      ${offered.length > 0 &&
      !model.details.hiddenPictures &&
      html`<div class="rv-layers" role="group" aria-label="Drawn on the picture">
        ${offered.map(({ name, title }) => html`<label key=${name}><input type="checkbox" checked=${layers.has(name)} onChange=${() => onLayer(name)} /> ${title}</label>`)}
      </div>
      <${MarksSaid} layers=${layers} offered=${offered} crop=${detail?.crop} marks=${marks} />`}
      <div class="rv-title"><h2>${fileName(item.file)}</h2><small>${(model.index + 1).toLocaleString('en')} of ${model.windows.total.toLocaleString('en')}</small></div>
      <p class="rv-why"><strong class=${`t-${verdict === 'not_assessed' ? 'none' : verdict}`}>${verdictWord(verdict)}.</strong> ${reasons.length ? reasons[0] : verdict === 'pass' ? 'Every requirement holds.' : ''}</p>
      ${reasons.length > 1 && html`<ul class="rv-reasons">${reasons.slice(1).map((/** @type {string} */ reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}
      ${(item.before || detail?.before) && html`<p class="rv-note">The file has changed since; before it was ${past(item.before ?? detail.before)}.</p>`}
      <${Decide} key=${item.row} model=${model} item=${item} decision=${decision} detail=${detail} reasons=${reasons} />
      ${detail ? html`<${Found} model=${model} item=${item} detail=${detail} onCompare=${onCompare} />` : html`<p class="soft small" aria-busy="true">…</p>`}
    </div>
  </article>`;
}

/**
 * @param {import('./model.js').Model} model
 * @param {number | null} row
 */
function useDetail(model, row) {
  const [, shown] = useState(0);
  const known = row === null ? undefined : model.details.known.get(row);
  const last = useRef(/** @type {any} */ (null));
  const missing = row !== null && !known;
  useEffect(() => {
    if (!missing) return undefined;
    const controller = new AbortController();
    // No details while somebody passes through the grid with a key held down.
    const timer = setTimeout(() => {
      model.details.load(/** @type {number} */ (row), controller.signal).then(
        () => shown((n) => n + 1),
        (error) => error.name !== 'AbortError' && error.status !== 404 && model.failed(error),
      );
    }, 70);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [row, missing, model.outages]);
  useEffect(() => {
    if (!known) return undefined;
    // The next picture is fetched ahead.
    const next = model.windows.item(model.index + 1);
    const timer = setTimeout(() => {
      if (!next || model.details.hiddenPictures) return;
      if (!model.details.known.has(next.row)) model.details.load(next.row).catch(() => {});
      new Image().src = url(`${model.base}/profiles/${next.row}/thumbnail`, { size: 1024 });
    }, 250);
    return () => clearTimeout(timer);
  }, [known]);
  if (known) last.current = { row, known };
  return known ?? (last.current?.row === row ? last.current.known : undefined);
}

/** @param {{model: import('./model.js').Model, item: any, decision: string | null, detail: any, reasons: string[]}} props */
function Decide({ model, item, decision, detail, reasons }) {
  const stored = detail?.decision?.reason ?? '';
  const [reason, setReason] = useState(/** @type {string | null} */ (null));
  const text = reason ?? stored;
  const act = (/** @type {string | null} */ value) => model.decisions.decide(value, { reason: text.trim() || undefined });
  const note = () => {
    if (reason !== null && reason.trim() !== stored && decision) {
      model.decisions.decide(decision, { reason: reason.trim(), stay: true });
      toast('The note is kept with the decision.');
    }
  };
  return html`<div class="rv-decide" role="group" aria-label="Decision">
    ${DECISIONS.filter(({ value }) => value !== null || decision).map(
      ({ value, key, verb }) => html`<button key=${key} class=${`rv-act ${value ?? 'clear'}`} aria-pressed=${value === null ? undefined : String(decision === value)} onClick=${() => act(value)}>
        <kbd aria-hidden="true">${key}</kbd> ${verb}
      </button>`,
    )}
    <input class="rv-reason" aria-label="Note for the decision" placeholder="Note for the decision" maxlength="500" list="rv-reasons" value=${text}
      onInput=${(/** @type {any} */ event) => setReason(event.currentTarget.value)} onChange=${note} />
    <datalist id="rv-reasons">${reasons.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
  </div>`;
}

/** @param {{model: import('./model.js').Model, item: any, detail: any, onCompare: (other: any) => void}} props */
function Found({ model, item, detail, onCompare }) {
  const { requirements, duplicates, outlier, history, metadata } = detail;
  const Persons = usePart(detail.identities?.length > 0, () => import('./persons.js').then((found) => found.Persons));
  return html`
    <${Gauges} requirements=${requirements} histograms=${model.summary.facets?.histograms ?? []} onFilter=${(/** @type {string} */ name) => model.address.setFilters([...model.view.filters.filter((one) => !one.startsWith('failed:')), `failed:eq:${name}`])} />
    <${Recognition} found=${detail.recognition} score=${detail.row.iso_unified_quality_score_score} />
    ${outlier && html`<section class="rv-part"><h3 class="kicker">Unusual</h3>${reasonsOf(outlier).map((one) => html`<p key=${one}>${one}</p>`)}</section>`}
    ${duplicates?.length > 0 && html`<${Copies} model=${model} item=${item} duplicates=${duplicates} onCompare=${onCompare} />`}
    ${Persons && html`<${Persons} key=${item.row} model=${model} item=${item} others=${detail.identities} onCompare=${onCompare} />`}
    ${history?.length > 0 &&
    html`<section class="rv-part"><h3 class="kicker">Decisions</h3><ol class="rv-history">
      ${[...history].sort((a, b) => (a.time < b.time ? 1 : -1)).map(
        (/** @type {any} */ one, /** @type {number} */ i) => html`<li key=${one.action ?? i}><b>${one.undo ? (one.decision ? `${past(one.decision)} again` : 'taken back') : past(one.decision)}</b>${one.reviewer ? ` by ${one.reviewer}` : ''}, <span class="soft">${formatTime(one.time)}</span>${one.reason ? html`<br />${one.reason}` : ''}</li>`,
      )}
    </ol></section>`}
    <${Facts} row=${detail.row} metadata=${metadata} columns=${model.summary.columns} />
  `;
}

/**
 * The second verdict: whether recognition will work with the picture; with OFIQ's quality score where there is one.
 * @param {{found: any, score: number | null | undefined}} props
 */
function Recognition({ found, score }) {
  if (!found || (found.verdict === 'not_assessed' && typeof score !== 'number')) return null;
  return html`<div class="rv-score"><h3 class="kicker">Fit for recognition</h3>
    <b class=${`t-${found.verdict === 'not_assessed' ? 'none' : found.verdict}`}>${verdictWord(found.verdict)}</b>
    ${typeof found.utility === 'number' && html`<span class="soft small">utility ${Math.round(found.utility)} of 100</span>`}
    ${typeof score === 'number' && html`<span class="soft small">quality score ${score}</span>`}
    ${found.reasons.map((/** @type {string} */ reason) => html`<p class="small" key=${reason}>${reason}</p>`)}</div>`;
}

/** @param {any} outlier */
function reasonsOf({ reasons, score }) {
  const list = (Array.isArray(reasons) ? reasons : reasons ? [reasons] : []).map((one) => (typeof one === 'string' ? one : (one.sentence ?? one.text ?? titled(String(one.column ?? '')))));
  return list.length ? list : [`Unlike the others (score ${measured(score)}).`];
}

/** @param {{model: import('./model.js').Model, item: any, duplicates: any[], onCompare: (other: any) => void}} props */
function Copies({ model, item, duplicates, onCompare }) {
  const others = duplicates.filter((one) => one.row !== item.row);
  const own = duplicates.find((one) => one.row === item.row);
  const keeper = duplicates.find((one) => one.keeper);
  const settle = async () => {
    const params = { filter: [`duplicate_group:eq:${item.duplicate_group}`], sort: 'row', count: 500 };
    const group = item.duplicate_group === null ? null : await api.get(`${model.base}/window`, params).catch(() => null);
    const items = (group?.items ?? []).filter((/** @type {any} */ one) => one.row !== keeper?.row && !one.decision);
    if (items.length) model.decisions.decide('reject', { items, reason: `copy of ${fileName(keeper?.file ?? item.file)}` });
    else toast('Every other copy is decided already.');
  };
  return html`<section class="rv-part">
    <h3 class="kicker">${others.length === 1 ? 'Copy' : 'Copies'}</h3>
    ${own?.keeper && html`<p class="small"><b class="t-pass">This one is suggested to keep</b>${own.why ? `: ${plainWhy(own.why)}` : ''}</p>`}
    <ul class="rv-copies">
      ${others.slice(0, 12).map(
        (one) => html`<li key=${one.row}>
          <button class="rv-copy" onClick=${() => onCompare(one)} aria-label=${`Compare with ${fileName(one.file)}`}>
            ${model.details.hiddenPictures ? html`<i class="rv-no-picture"></i>` : html`<img src=${url(`${model.base}/profiles/${one.row}/thumbnail`, { size: 160 })} alt="" loading="lazy" />`}
          </button>
          <span><span class="rv-file">${fileName(one.file)}</span>
            <small class="soft">${copyWord(one)}${one.decision ? ` · ${past(one.decision)}` : ''}</small>
            ${!one.keeper && own?.keeper && one.why.includes(':') && html`<small class="soft">${one.why.split(': ')[1].replace(/\.$/, '')}</small>`}
            ${one.keeper && html`<small><b class="t-pass">suggested to keep</b>${one.why ? `: ${plainWhy(one.why)}` : ''}</small>`}
            <button class="rv-link" onClick=${() => model.focusRow(one.row)}>go there</button></span>
        </li>`,
      )}
    </ul>
    ${others.length > 12 && html`<p class="soft small">and ${others.length - 12} more</p>`}
    ${keeper && html`<button class="rv-small" onClick=${settle}>Reject all but ${keeper.row === item.row ? 'this one' : fileName(keeper.file)}</button>`}
  </section>`;
}

/**
 * How a copy differs from the picture, in a few words.
 * @param {any} one
 */
function copyWord(one) {
  if (one.exact) return 'same bytes';
  if (one.changed) return `${one.mirrored ? 'the same photograph, mirrored' : 'the same photograph, changed'}${typeof one.likeness === 'number' ? ` (faces ${(100 * one.likeness).toFixed(2)} % alike)` : ''}`;
  return `nearly the same${typeof one.distance === 'number' ? ` (${one.distance} bits differ)` : ''}`;
}

/**
 * The reason why a copy is suggested, without its introduction and full stop, to be shown after a colon.
 * @param {string} why
 */
const plainWhy = (why) => why.replace(/^Suggested to keep: /, '').replace(/\.$/, '');

/** @param {{row: Record<string, any>, metadata: Record<string, any> | null, columns: any[]}} props */
function Facts({ row, metadata, columns }) {
  const facts = [
    ['File', row.file],
    ['Picture', row.image_width ? `${row.image_width} × ${row.image_height} px` : null],
    ['Size', row.file_size !== null && row.file_size !== undefined ? `${sizeOf(row.file_size)}${row.format ? `, ${row.format}` : ''}` : row.format],
    ['Taken', row.captured_at?.replace('T', ' ')],
    ['Camera', row.camera],
    ['Software', row.software],
    ['Stored', row.orientation > 1 ? `turned or mirrored (EXIF orientation ${row.orientation})` : null],
    ['Changed', formatTime(row.modified)],
    ['Warnings', row.warnings?.length ? row.warnings.join(', ') : null],
    ...Object.entries(metadata ?? {}).map(([name, value]) => [titled(name), value === null ? null : String(value)]),
    ['SHA-256', row.sha256],
  ].filter(([, value]) => value);
  const about = new Map(columns.map((column) => [column.name, column]));
  const hidden = new Set(['row', 'file', 'sha256', 'verdict', 'verdict_reasons', 'warnings']);
  const all = Object.entries(row).filter(([name, value]) => !hidden.has(name) && value !== null && typeof value !== 'object');
  return html`<section class="rv-part"><h3 class="kicker">File</h3>
    <dl class="rv-facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <details><summary>All ${all.length} columns</summary>
      <dl class="rv-facts">${all.map(([name, value]) => html`<div key=${name}><dt title=${about.get(name)?.description ?? ''}>${name}</dt><dd>${withError(/** @type {any} */ (value), about.get(name))}</dd></div>`)}</dl>
    </details>
  </section>`;
}
