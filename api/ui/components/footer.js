/** The line at the bottom: the keys as buttons, the last action, the reviewer's name. */
import { html, counted, formatNumber, useLayoutEffect, useState } from '../lib.js';
import { useTyped } from './typed.js';
import { DECISIONS } from './words.js';

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {(action: string) => void} props.act
 */
export function Footer({ model, act }) {
  const { outbox } = model.decisions;
  const selected = model.selection.size;
  const key = (/** @type {string} */ sign, /** @type {string} */ action, /** @type {string} */ text, /** @type {string} */ more = '') =>
    html`<button class=${`rv-key ${more}`} onClick=${() => act(action)}><kbd aria-hidden="true">${sign}</kbd> ${text}</button>`;
  return html`<footer class="rv-footer">
    ${selected > 0
      ? html`<div class="rv-selection" role="group" aria-label="Decide on all selected">
          <b>${model.selection.all ? `All ${formatNumber(selected)}` : formatNumber(selected)} selected</b>
          ${DECISIONS.map(({ value, key: sign, verb }) => html`<button key=${sign} class=${`rv-act ${value ?? 'clear'}`} onClick=${() => model.decisions.decide(value)}><kbd aria-hidden="true">${sign}</kbd> ${verb}</button>`)}
          <button class="quiet" onClick=${() => model.selection.unmark()}>Select none</button>
        </div>`
      : html`<div class="rv-keys" role="group" aria-label="Actions">
          ${key('1', 'keep', 'keep')}${key('2', 'reject', 'reject')}${key('3', 'unsure', 'unsure')}
          ${key('u', 'undo', 'undo')}${key('U', 'redo', 'redo', 'rv-wide')}
          <span class="rv-key rv-wide" aria-hidden="true"><kbd>←</kbd> <kbd>→</kbd> move</span>
          ${key('o', 'overlay', 'overlay', 'rv-mid')}${key('c', 'compare', 'compare', 'rv-mid')}
          ${key('a', 'all', `all ${formatNumber(model.windows.total)}`)}${key('?', 'help', 'help', 'rv-mid')}
        </div>`}
    <div class="rv-said">
      ${outbox.size > 0 && (outbox.away || outbox.size > 1) && html`<span class="rv-unsent">${counted(outbox.size, 'decision')} not stored yet</span>`}
      <span role="status" class="rv-last">${model.notes.said}</span>
      ${model.notes.said && model.decisions.history.done.length > 0 && !model.notes.said.startsWith('undone') && html`<button class="rv-link" onClick=${() => act('undo')}>undo</button>`}
      ${model.notes.said.startsWith('undone') && model.decisions.history.undone.length > 0 && html`<button class="rv-link" onClick=${() => act('redo')}>redo</button>`}
      <${Reviewer} model=${model} />
    </div>
  </footer>`;
}

/** @param {{model: import('./model.js').Model}} props */
function Reviewer({ model }) {
  const [typing, setTyping] = useState(false);
  const done = (/** @type {any} */ event) => {
    model.decisions.setReviewer(event.currentTarget.value);
    setTyping(false);
  };
  if (typing || (!model.decisions.reviewer && model.decisions.history.done.length > 0)) {
    return html`<${Name} name=${model.decisions.reviewer} focused=${typing} onDone=${done} />`;
  }
  return html`<button class="rv-link rv-who" onClick=${() => setTyping(true)}>${model.decisions.reviewer ? `reviewer: ${model.decisions.reviewer}` : 'your name …'}</button>`;
}

/** @param {{name: string, focused: boolean, onDone: (event: Event) => void}} props */
function Name({ name, focused, onDone }) {
  const field = useTyped(name);
  useLayoutEffect(() => void (focused && field.current?.focus()), [focused]);
  return html`<input ref=${field} class="rv-reviewer" aria-label="Your name, kept with each decision" placeholder="your name" maxlength="200"
    onChange=${onDone} onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Enter' && onDone(event)} onBlur=${onDone} />`;
}
