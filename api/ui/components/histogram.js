/** Distribution of a measure with the limits of the rule set; people drag a range on it to filter, or type one. */
import { html, useRef, useState } from '../lib.js';
import { useTyped } from './typed.js';
import { decimalsOf, unitSign } from './words.js';

const HEIGHT = 40;

/**
 * @param {object} props
 * @param {any} props.histogram
 * @param {{min: number | null, max: number | null}} props.range  Range that is filtered by.
 * @param {(min: number | null, max: number | null) => void} props.onRange
 * @param {boolean} props.whole  Whether the measure has whole numbers only.
 * @param {(() => void) | null} props.onRemove
 */
export function Histogram({ histogram, range, onRange, whole, onRemove }) {
  const { title, unit, low, high, min, max } = histogram;
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const [drag, setDrag] = useState(/** @type {{from: number, to: number} | null} */ (null));
  const span = high - low || 1;
  const decimals = whole ? 0 : decimalsOf(span);
  const at = (/** @type {number} */ value) => Math.min(1, Math.max(0, (value - low) / span));
  const valueAt = (/** @type {number} */ share) => Number((low + share * span).toFixed(decimals));

  const shareOf = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (place.current).getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const begin = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    const share = shareOf(event);
    const width = /** @type {HTMLElement} */ (place.current).clientWidth;
    const near = (/** @type {number | null} */ value) => value !== null && Math.abs(at(value) - share) * width < 7;
    // Near an edge of the present range, that edge is moved; anywhere else a new range begins.
    const anchor = near(range.min) ? at(range.max ?? high) : near(range.max) ? at(range.min ?? low) : share;
    setDrag({ from: anchor, to: share });
  };
  const move = (/** @type {PointerEvent} */ event) => drag && setDrag({ ...drag, to: shareOf(event) });
  const end = () => {
    if (!drag) return;
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    setDrag(null);
    const width = /** @type {HTMLElement} */ (place.current).clientWidth;
    if ((to - from) * width < 3) {
      if (range.min !== null || range.max !== null) onRange(null, null);
      return;
    }
    onRange(from <= 0 ? null : valueAt(from), to >= 1 ? null : valueAt(to));
  };

  const shown = drag
    ? { min: valueAt(Math.min(drag.from, drag.to)), max: valueAt(Math.max(drag.from, drag.to)) }
    : { min: range.min, max: range.max };
  const brushed = shown.min !== null || shown.max !== null;
  const left = shown.min === null ? 0 : at(shown.min);
  const right = shown.max === null ? 1 : at(shown.max);
  const typed = (/** @type {'min' | 'max'} */ end) => (/** @type {Event} */ event) => {
    const text = /** @type {HTMLInputElement} */ (event.currentTarget).value.trim();
    const value = text === '' || !Number.isFinite(Number(text)) ? null : Number(text);
    onRange(end === 'min' ? value : range.min, end === 'max' ? value : range.max);
  };
  const input = (/** @type {'min' | 'max'} */ end, /** @type {number} */ edge) => html`<${Bound}
    label=${`${title}, ${end === 'min' ? 'from' : 'to'}`} step=${whole ? 1 : 'any'} placeholder=${edge.toFixed(decimals)}
    text=${shown[end] === null ? '' : String(shown[end])} onChange=${typed(end)} />`;
  const { good, bad, all } = paths(histogram);
  const line = (/** @type {number | null} */ limit) =>
    limit !== null && limit !== undefined && limit >= low && limit <= high
      ? html`<line class="rv-limit" x1=${at(limit) * 64} x2=${at(limit) * 64} y1="0" y2=${HEIGHT} vector-effect="non-scaling-stroke" />`
      : null;
  return html`<div class="rv-histogram" role="group" aria-label=${title}>
    <div class="rv-histogram-head">
      <span class="rv-name">${title}</span>
      <span class="rv-range">${input('min', low)}<span aria-hidden="true">to</span>${input('max', high)}<small>${unitSign(unit)}</small></span>
      ${brushed && html`<button class="rv-x" aria-label=${`${title}: any value`} onClick=${() => onRange(null, null)}>✕</button>`}
      ${onRemove && !brushed && html`<button class="rv-x" aria-label=${`Remove the histogram of ${title}`} onClick=${onRemove}>✕</button>`}
    </div>
    <div class="rv-bars" ref=${place} onPointerDown=${begin} onPointerMove=${move} onPointerUp=${end} onPointerCancel=${() => setDrag(null)}>
      <svg viewBox=${`0 0 64 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="rv-all" d=${all} /><path class="rv-good" d=${good} /><path class="rv-bad" d=${bad} />
        ${line(min)}${line(max)}
      </svg>
      ${brushed && html`<div class="rv-brush" style=${{ left: `${left * 100}%`, width: `${Math.max(0, right - left) * 100}%` }}></div>`}
    </div>
  </div>`;
}

/**
 * Outlines of the bars: all rows, those that match within the limits, those that match beyond.
 * @param {any} histogram
 */
function paths({ low, high, all, matching, min, max }) {
  const bins = matching.length;
  const most = Math.max(1, ...matching);
  const mostOfAll = Math.max(1, ...all);
  const middle = (/** @type {number} */ bin) => low + ((bin + 0.5) / bins) * (high - low);
  const out = (/** @type {number} */ bin) => (min !== null && middle(bin) < min) || (max !== null && middle(bin) > max);
  const bar = (/** @type {number} */ bin, /** @type {number} */ share) => {
    if (share <= 0) return '';
    const height = Math.max(1, share * (HEIGHT - 2));
    const x = (bin / bins) * 64;
    const width = 64 / bins;
    return `M${x.toFixed(2)} ${HEIGHT}v-${height.toFixed(1)}h${(width * 0.86).toFixed(2)}v${height.toFixed(1)}z`;
  };
  let good = '';
  let bad = '';
  let every = '';
  for (let bin = 0; bin < bins; bin += 1) {
    every += bar(bin, all[bin] / mostOfAll);
    if (out(bin)) bad += bar(bin, matching[bin] / most);
    else good += bar(bin, matching[bin] / most);
  }
  return { good, bad, all: every };
}

/** @param {{label: string, step: number | string, placeholder: string, text: string, onChange: (event: Event) => void}} props */
function Bound({ label, step, placeholder, text, onChange }) {
  const field = useTyped(text);
  return html`<input ref=${field} type="number" step=${step} aria-label=${label} placeholder=${placeholder} onChange=${onChange} />`;
}
