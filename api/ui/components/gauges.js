/** Each requirement with its value on a small scale, against limit and error band. */
import { html } from '../lib.js';
import { measured, withError } from './words.js';

const SEVERE = { pass: '', borderline: 'mid', fail: 'no', not_assessed: 'none' };

/**
 * @param {object} props
 * @param {any[]} props.requirements
 * @param {any[]} props.histograms  Known ranges of measures.
 * @param {(name: string) => void} props.onFilter  Shows every picture that fails a requirement.
 */
export function Gauges({ requirements, histograms, onFilter }) {
  if (!requirements.length) return null;
  const weight = (/** @type {any} */ one) => ({ fail: 0, borderline: 1, pass: 2 }[/** @type {string} */ (one.outcome)] ?? 3);
  const sorted = [...requirements].sort((a, b) => weight(a) - weight(b));
  return html`<table class="rv-gauges">
    <caption class="vh">Requirements: value, limits, outcome</caption>
    <thead class="vh"><tr><th scope="col">Requirement</th><th scope="col">Scale</th><th scope="col">Value</th></tr></thead>
    <tbody>
      ${sorted.map((one) => {
        const sign = SEVERE[/** @type {keyof typeof SEVERE} */ (one.outcome)] ?? 'none';
        const value = withError(one.value, one);
        const band = !one.error && one.band && one.value !== null && sign !== '' ? ` ± ${measured(one.band, null, one.format).replace(' %', '')}` : '';
        const hint = [one.sentence, limitText(one), one.clause, betterText(one)].filter(Boolean).join('\n');
        return html`<tr key=${one.name} class=${sign} title=${hint}>
          <th scope="row"><button class="rv-link" aria-label=${`${one.title}: show all that fail it`} onClick=${() => onFilter(one.name)}>${one.title}</button></th>
          <td class="rv-scale"><${Scale} one=${one} histogram=${histograms.find((other) => other.column === one.column)} /></td>
          <td class="rv-value-text">${value}${band}<span class="vh">${`, ${String(one.outcome).replace('_', ' ')}, ${limitText(one)}`}</span></td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

/** @param {{one: any, histogram: any}} props */
function Scale({ one, histogram }) {
  const { value, min, max, band } = one;
  if (typeof value !== 'number' || (min === null && max === null)) return html`<span class="soft small">${value === null ? 'not measured' : ''}</span>`;
  const [low, high] = domain(one, histogram);
  const at = (/** @type {number} */ number) => Math.min(100, Math.max(0, ((number - low) / (high - low)) * 100));
  const from = min === null ? 0 : at(min);
  const to = max === null ? 100 : at(max);
  const tick = at(value);
  return html`<svg viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="6.4" width="100" height="1.2" />
    <rect class="limits" x=${from} y="5" width=${Math.max(0.5, to - from)} height="4" rx="1" />
    ${band > 0 && html`<rect class="band" x=${at(value - band)} y="5" width=${Math.max(0, at(value + band) - at(value - band))} height="4" />`}
    <rect class="tick" x=${Math.min(98.6, Math.max(0, tick - 0.7))} y="1" width="1.4" height="12" />
  </svg>`;
}

/**
 * Ends of a scale that shows the limits, the value unless it is more than two spans beyond them, and a margin.
 * They are never equal, also where only one value is within the limits.
 * @param {any} one
 * @param {any} histogram
 */
function domain({ value, min, max }, histogram) {
  const known = histogram && histogram.high > histogram.low ? [histogram.low, histogram.high] : [];
  const limits = [min, max].filter((limit) => limit !== null);
  const span = min !== null && max !== null && max > min ? max - min : known.length ? (known[1] - known[0]) / 2 : Math.max(Math.abs(limits[0]) * 0.8, Math.abs(value - limits[0]) * 1.2, 1e-9);
  const near = (/** @type {number} */ number) => Math.min(Math.max(number, limits[0] - 2 * span), limits[limits.length - 1] + 2 * span);
  const low = Math.min(...limits, near(value)) - span * 0.35;
  const high = Math.max(...limits, near(value)) + span * 0.35;
  return [low, high];
}

/** @param {any} one */
function limitText({ min, max, unit, format }) {
  const said = (/** @type {number} */ limit) => measured(limit, unit, format);
  if (min !== null && max !== null) return `limits ${said(min)} to ${said(max)}`;
  if (min !== null) return `at least ${said(min)}`;
  return max !== null ? `at most ${said(max)}` : '';
}

/** @param {any} one */
function betterText({ better_than: share }) {
  return typeof share === 'number' ? `higher than ${Math.round(share * 100)} % of this set` : '';
}
