/** What the page says of the last action: a line at its foot, and a note that offers to take the action back. */
import { toast } from '../lib.js';

export class Notes {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.said = '';
  }

  /**
   * Show a line at the foot of the page.
   * @param {string} text
   */
  say(text) {
    this.said = text;
    this.changed();
  }

  /**
   * Show a line at the foot, and the same as a note.
   * @param {string} text
   * @param {(() => void) | null} undo  What the button of the note does; the note disappears with the next action. Null: no button.
   */
  tell(text, undo) {
    this.say(text);
    if (!undo) return void toast(text);
    this.withdraw = toast(text, { action: 'Undo', onAction: undo });
  }

  /** Takes away the note that offers to take back. */
  withdraw = () => {};
}
