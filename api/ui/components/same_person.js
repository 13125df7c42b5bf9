/** Whether two pictures show the same person: what somebody answers, by buttons or keys. */
import { api, html, toast, useLayoutEffect, useRef, useState } from '../lib.js';
import { fileName } from './words.js';

const ANSWERS = [
  { value: 'same', key: 's', verb: 'Same person' },
  { value: 'different', key: 'n', verb: 'Not the same' },
];

/**
 * How far two pictures of a group are apart, in a few words.
 * @param {any} item
 * @param {any} other  As in the details of the first.
 */
export function distanceWord(item, other) {
  if (other.distance === null) return 'close to another picture of the group';
  return other.sha256 === item.sha256 ? 'same bytes' : `distance ${other.distance.toFixed(2)}`;
}

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {any} props.item  A picture.
 * @param {any} props.other  Another of its group, as in the details of the first.
 * @param {boolean} [props.keys]  Whether keys answer, too: in a window of these two only.
 */
export function SamePerson({ model, item, other, keys = false }) {
  const [waiting, setWaiting] = useState(false);
  /** Keep an answer; the same answer once more takes it back. */
  const decide = async (/** @type {string} */ value) => {
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
  const latest = useRef(decide);
  latest.current = decide;
  // Keys answer as soon as the buttons are seen.
  useLayoutEffect(() => {
    if (!keys) return undefined;
    const press = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const answer = ANSWERS.find(({ key }) => key === event.key);
      if (answer) latest.current(answer.value);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [keys]);
  return html`<span class="rv-answers" role="group" aria-label=${`Is ${fileName(other.file)} the same person?`}>
    ${ANSWERS.map(
      ({ value, key, verb }) => html`<button key=${value} class="rv-small" aria-pressed=${String(other.same_person === value)} aria-disabled=${String(waiting)}
        title=${other.same_person === value ? 'Press again to take it back' : ''} onClick=${() => decide(value)}>${keys && html`<kbd aria-hidden="true">${key}</kbd> `}${verb}</button>`,
    )}
  </span>`;
}

/**
 * The question below two pictures side by side.
 * @param {{model: import('./model.js').Model, item: any, other: any}} props
 */
export function PersonOfBoth({ model, item, other }) {
  return html`<div class="rv-pair-person"><span class="soft">May show the same person, ${distanceWord(item, other)}</span> <${SamePerson} model=${model} item=${item} other=${other} keys /></div>`;
}
