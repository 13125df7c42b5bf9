/** What keeps pictures of the whole data set from a pass, what would pass without it or after a crop, and how other rule sets judge. */
import { html, formatNumber } from '../lib.js';

/** @param {{model: import('./model.js').Model}} props */
export function Why({ model }) {
  const { standing, info } = model.summary;
  // Room is kept while it is counted, so that nothing moves below the pointer.
  if (!standing) return html`<section class="rv-why" aria-busy="true"><h2 class="kicker">Why not more pass</h2></section>`;
  if (!standing.why.measured) return null;
  const own = info?.requirements ?? '';
  const current = model.view.rules || own;
  const others = standing.rule_sets.filter((/** @type {any} */ one) => one.name !== current);
  const title = (/** @type {any} */ one) => model.summary.ruleSets.find((known) => known.name === one.name)?.title.replace(/ \(.*\)$/, '') ?? one.name;
  return html`<section class="rv-why" aria-label="Why pictures do not pass">
    <h2 class="kicker">Why not more pass</h2>
    ${standing.why.sentences.length
      ? standing.why.sentences.map((/** @type {string} */ text) => html`<p class="small" key=${text}>${text}</p>`)
      : html`<p class="small">Every measured picture passes.</p>`}
    ${others.map((/** @type {any} */ one) => html`<button key=${one.name} class="rv-other-rules" onClick=${() => model.address.setView({ rules: one.name === own ? '' : one.name })}
      title=${`Judge the same pictures by ${title(one)}`}><span>${title(one)}</span><b>${formatNumber(one.pass)} pass</b></button>`)}
  </section>`;
}
