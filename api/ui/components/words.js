/** Rows, decisions and measures as text. */

export const DECISIONS = [
  { value: 'keep', key: '1', verb: 'Keep', past: 'kept', sign: '✓' },
  { value: 'reject', key: '2', verb: 'Reject', past: 'rejected', sign: '✕' },
  { value: 'unsure', key: '3', verb: 'Unsure', past: 'marked unsure', sign: '?' },
  { value: null, key: '0', verb: 'Clear', past: 'cleared', sign: '' },
];

const VERDICTS = { pass: 'Pass', borderline: 'Borderline', fail: 'Fail', not_assessed: 'Not assessed' };

/** @param {string | null} decision */
export const past = (decision) => DECISIONS.find((one) => one.value === decision)?.past ?? String(decision);

/** @param {{verdict: string | null}} item */
export const verdictOf = (item) => (item.verdict && item.verdict in VERDICTS ? item.verdict : 'not_assessed');

/** @param {string} verdict */
export const verdictWord = (verdict) => VERDICTS[/** @type {keyof typeof VERDICTS} */ (verdict)] ?? verdict;

/**
 * The text below a tile's picture.
 * @param {import('./windows.js').Item} item
 */
export function firstReason(item) {
  return item.reasons?.[0] || item.reason || verdictWord(verdictOf(item));
}

/**
 * The text of a tile for a screen reader.
 * @param {import('./windows.js').Item} item
 */
export function describeItem(item) {
  const verdict = verdictWord(verdictOf(item));
  const reason = firstReason(item);
  const said = reason === verdict ? verdict : `${verdict}: ${reason}`;
  return `${fileName(item.file)}, ${said}, ${item.decision ? past(item.decision) : 'undecided'}`;
}

/** @param {string} file */
export const fileName = (file) => file.slice(file.lastIndexOf('/') + 1);

/**
 * A column name as a title: `iso_head_size` becomes `Head size`.
 * @param {string} name
 */
export function titled(name) {
  const text = name.replace(/^(iso|aux|metadata\.)_?/, '').replaceAll('_', ' ').trim() || name;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {string | null | undefined} unit */
export function unitSign(unit) {
  if (!unit || /^[\d.]+\.\.[\d.]+$/.test(unit)) return '';
  return unit === 'deg' ? '°' : ` ${unit}`;
}

/**
 * A measured value with its unit, in the requirement's own format where one is given (`.1f`).
 * @param {number | string | boolean | null | undefined} value
 * @param {string | null} [unit]
 * @param {string | null} [format]
 */
export function measured(value, unit, format) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value);
  const share = /^\.(\d)%$/.exec(format ?? '')?.[1];
  if (share !== undefined) return `${(value * 100).toFixed(Number(share)).replace('-', '−')} %`;
  const digits = /^\.(\d)f$/.exec(format ?? '')?.[1];
  const decimals = digits !== undefined ? Number(digits) : decimalsOf(Math.abs(value));
  return value.toFixed(decimals).replace(/^-(0(\.0+)?)$/, '$1').replace('-', '−') + unitSign(unit);
}

/**
 * A value of a column or requirement, with the error of its measurement where the registry states one: `6.2° ± 3.5°`.
 * @param {number | string | boolean | null | undefined} value
 * @param {{unit?: string, error?: number, format?: string} | undefined} about
 */
export function withError(value, about) {
  if (!about?.error || typeof value !== 'number') return measured(value, about?.unit, about?.format);
  const format = about.format ?? '.1f';
  return `${measured(value, about.unit, format)} ± ${measured(about.error, about.unit, format)}`;
}

/**
 * Number of decimals that show three significant digits of values of this size, at most four.
 * @param {number} size
 */
export function decimalsOf(size) {
  if (!(size > 0)) return 0;
  return Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

/** @param {number} bytes */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(0)} kB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
