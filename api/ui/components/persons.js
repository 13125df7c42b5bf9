/** The other pictures that may show the person of the focused one, side by side with it, and what somebody decides about each pair. */
import { html, url, useState } from '../lib.js';
import { distanceWord, SamePerson } from './same_person.js';
import { fileName } from './words.js';

/** Pictures shown before "more". */
const FEW = 6;

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {any} props.item  The focused picture.
 * @param {any[]} props.others  The other pictures of its group, the closest first.
 * @param {(other: any) => void} props.onCompare
 */
export function Persons({ model, item, others, onCompare }) {
  const [more, setMore] = useState(false);
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
            <small class="soft">${distanceWord(item, one)}</small>
            <${SamePerson} model=${model} item=${item} other=${one} />
            <button class="rv-link" onClick=${() => model.focusRow(one.row)}>go there</button></span>
        </li>`,
      )}
    </ul>
    ${others.length > shown.length && html`<button class="rv-more" onClick=${() => setMore(true)}>${others.length - shown.length} more</button>`}
  </section>`;
}
