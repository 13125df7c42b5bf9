/** Keys of the review page, and the dialog that lists them. */
import { html, useEffect, useRef } from '../lib.js';

export const KEYS = [
  ['← → ↑ ↓ or h j k l', 'go to another picture'],
  ['Home, End, Page Up, Page Down', 'first, last, a screen up or down'],
  ['1', 'keep; the next undecided picture follows by itself'],
  ['2', 'reject: to take again'],
  ['3', 'unsure: for somebody else to decide'],
  ['0', 'clear the decision'],
  ['u', 'undo, back to the beginning of this visit'],
  ['U', 'redo what was undone'],
  ['Enter', 'open the picture large'],
  ['Esc', 'close; unmark all pictures'],
  ['+ and −', 'zoom; also the wheel, and double-click'],
  ['o', 'show or hide what was found in the picture'],
  ['c', 'compare with the marked picture, its copy, or one like it'],
  ['s, n', 'side by side, where persons are compared: same person, not the same'],
  ['Space', 'mark a picture; the next decision is then about all marked ones'],
  ['a', 'select everything that meets the filters'],
  ['/', 'search file names'],
  ['?', 'this list'],
];

/**
 * Name of the action of a key press; undefined for keys that the browser or a form field handles.
 * @param {KeyboardEvent} event
 */
export function actionOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined;
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector('dialog[open]')) return undefined;
  if (target.isContentEditable || target.closest('textarea, select')) return undefined;
  const input = target.closest('input');
  const isBox = input?.type === 'checkbox';
  if (input && !isBox) return undefined;
  const pressable = isBox || target.closest('button, a, summary');
  if (pressable && (event.key === 'Enter' || event.key === ' ')) return undefined;
  /** @type {Record<string, string>} */
  const names = {
    ArrowLeft: 'left', h: 'left', ArrowRight: 'right', l: 'right', ArrowUp: 'up', k: 'up', ArrowDown: 'down', j: 'down',
    Home: 'first', End: 'last', PageUp: 'page up', PageDown: 'page down', Enter: 'open', Escape: 'close',
    1: 'keep', 2: 'reject', 3: 'unsure', 0: 'clear', u: 'undo', U: 'redo', o: 'overlay', c: 'compare', a: 'all', ' ': 'mark',
    '/': 'search', '?': 'help', '+': 'larger', '=': 'larger', '-': 'smaller',
  };
  return names[event.key];
}

/** @param {{onClose: () => void}} props */
export function Help({ onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`<dialog class="rv-help" ref=${dialog} aria-labelledby="rv-help-title" onClose=${onClose}>
    <h2 id="rv-help-title">Keys</h2>
    <dl>${KEYS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <p class="soft small">Nothing asks whether you are sure: everything can be undone. A decision belongs to the content of a file, and is kept when the data set is scanned again.</p>
    <form method="dialog"><button class="primary" autofocus>Close</button></form>
  </dialog>`;
}
