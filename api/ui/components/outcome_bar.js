/**
 * Pass, borderline and fail as one bar, by colour and by form.
 * @module components/outcome_bar
 */
import { html, counted, formatNumber } from '../lib.js';

const OUTCOMES = [['pass', 'pass'], ['borderline', 'borderline'], ['fail', 'fail'], ['not_assessed', 'not assessed']];

/** @param {{verdicts: Record<string, number>, rows: number}} props rows that have no verdict count as not assessed */
export function OutcomeBar({ verdicts, rows }) {
  const counts = outcomeCounts(verdicts, rows);
  const total = Math.max(1, rows);
  let x = 0;
  return html`<svg class="outcome" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=${outcomeText(counts)}>
    ${counts.map(([name, , count]) => {
      const width = 1000 * count / total;
      const bar = html`<rect class=${`o-${name === 'not_assessed' ? 'none' : name}`} x=${x} width=${width} height="10" />`;
      x += width;
      return count > 0 && bar;
    })}
  </svg>`;
}

/** The counts of the bar as text with marks. */
export function OutcomeLegend({ verdicts, rows }) {
  return html`<p class="legend small">${outcomeCounts(verdicts, rows).filter(([, , count]) => count).map(([name, text, count]) => {
    const mark = name === 'not_assessed' ? 'none' : name;
    return html`<span class=${`nowrap t-${mark}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${mark}`} /></svg>${formatNumber(count)} ${text}</span> `;
  })}</p>`;
}

function outcomeCounts(verdicts, rows) {
  const judged = ['pass', 'borderline', 'fail'].reduce((sum, name) => sum + (verdicts[name] ?? 0), 0);
  return OUTCOMES.map(([name, text]) => [name, text, name === 'not_assessed' ? Math.max(0, rows - judged) : verdicts[name] ?? 0]);
}

const outcomeText = (counts) => counts.filter(([, , count]) => count).map(([, text, count]) => `${formatNumber(count)} ${text}`).join(', ') || counted(0, 'file');
