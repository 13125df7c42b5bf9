/** The other pictures that may show the person of the focused one, side by side with it, and what somebody decides about each pair. */
import { api, html, toast, url, useState } from '../lib.js';
import { fileName } from './words.js';

/** Pictures shown before "more". */
const FEW = 6;
const ANSWERS = [
  { value: 'same', verb: 'Same person' },
  { value: 'different', verb: 'Not the same' },
];

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {any} props.item  The focused picture.
 * @param {any[]} props.others  The other pictures of its group, the closest first.
 * @param {(other: any) => void} props.onCompare
 */
export function Persons({ model, item, others, onCompare }) {
  const [more, setMore] = useState(false);
  const [waiting, setWaiting] = useState(false);
  /** Keep an answer about a pair; the same answer once more takes it back. */
  const decide = async (/** @type {any} */ other, /** @type {string} */ value) => {
    if (waiting) return;
    const decision = other.same_person === value ? 'undecided' : value;
    setWaiting(true);
    try {
      await api.post(`${model.base}/identities/decisions`, { a: item.file, b: other.file, decision, reviewer: model.decisions.reviewer || undefined });
      model.details.knowPair(item.row, other.row, decision === 'undecided' ? null : decision);
    } catch (error) {
      toast(`Not kept: ${/** @type {any} */ (error).message ?? error}`);
    } finally {
      setWaiting(false);
      model.changed();
    }
  };
  const shown = more ? others : others.slice(0, FEW);
  return html`<section class="rv-part rv-persons" aria-label="May show the same person">
    <h3 class="kicker">May show the same person</h3>
    <ul class="rv-copies">
      ${shown.map(
        (one) => html`<li key=${one.row}>
          <button class="rv-copy rv-both" onClick=${() => onCompare(one)} aria-label=${`Compare with ${fileName(one.file)}`}>
            ${[item.row, one.row].map((row) =>
              model.details.hiddenPictures ? html`<i key=${row} class="rv-no-picture"></i>` : html`<img key=${row} src=${url(`${model.base}/profiles/${row}/thumbnail`, { size: 160 })} alt="" loading="lazy" />`,
            )}
          </button>
          <span><span class="rv-file">${fileName(one.file)}</span>
            <small class="soft">${one.distance === null ? 'close to another picture of the group' : one.sha256 === item.sha256 ? 'same bytes' : `distance ${one.distance.toFixed(2)}`}</small>
            <span class="rv-answers" role="group" aria-label=${`Is ${fileName(one.file)} the same person?`}>
              ${ANSWERS.map(({ value, verb }) => html`<button key=${value} class="rv-small" aria-pressed=${String(one.same_person === value)} aria-disabled=${String(waiting)}
                title=${one.same_person === value ? 'Press again to take it back' : ''} onClick=${() => decide(one, value)}>${verb}</button>`)}
            </span>
            <button class="rv-link" onClick=${() => model.focusRow(one.row)}>go there</button></span>
        </li>`,
      )}
    </ul>
    ${others.length > shown.length && html`<button class="rv-more" onClick=${() => setMore(true)}>${others.length - shown.length} more</button>`}
  </section>`;
}
