/**
 * Pass, borderline and fail as one bar, by colour and by form.
 * @module components/outcome_bar
 */
import { html, counted, formatNumber } from '../lib.js';

const OUTCOMES = [['pass', 'pass'], ['borderline', 'borderline'], ['fail', 'fail'], ['not_assessed', 'not assessed'], ['unmeasured', 'without a measured face']];
// Both are drawn alike: neither is a judgement.
const NO_VERDICT = ['not_assessed', 'unmeasured'];

/**
 * @param {{verdicts: Record<string, number>, counts: Record<string, number>, rows: number}} props
 *   counts by status; files without a measured face have no verdict and are counted apart
 */
export function OutcomeBar({ verdicts, counts: statuses, rows }) {
  const counts = outcomeCounts(verdicts, statuses, rows);
  const total = Math.max(1, rows);
  let x = 0;
  return html`<svg class="outcome" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=${outcomeText(counts)}>
    ${counts.map(([name, , count]) => {
      const width = 1000 * count / total;
      const bar = html`<rect class=${`o-${NO_VERDICT.includes(name) ? 'none' : name}`} x=${x} width=${width} height="10" />`;
      x += width;
      return count > 0 && bar;
    })}
  </svg>`;
}

/** The counts of the bar as text with marks. */
export function OutcomeLegend({ verdicts, counts: statuses, rows }) {
  return html`<p class="legend small">${outcomeCounts(verdicts, statuses, rows).filter(([, , count]) => count).map(([name, text, count]) => {
    const mark = NO_VERDICT.includes(name) ? 'none' : name;
    return html`<span class=${`nowrap t-${mark}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${mark}`} /></svg>${formatNumber(count)} ${text}</span> `;
  })}</p>`;
}

function outcomeCounts(verdicts, statuses, rows) {
  const judged = ['pass', 'borderline', 'fail'].reduce((sum, name) => sum + (verdicts[name] ?? 0), 0);
  const unmeasured = Math.max(0, rows - (statuses.ok ?? 0) - (statuses.multiple_faces ?? 0));
  const all = { ...verdicts, not_assessed: Math.max(0, rows - unmeasured - judged), unmeasured };
  return OUTCOMES.map(([name, text]) => [name, text, all[name] ?? 0]);
}

const outcomeText = (counts) => counts.filter(([, , count]) => count).map(([, text, count]) => `${formatNumber(count)} ${text}`).join(', ') || counted(0, 'file');
