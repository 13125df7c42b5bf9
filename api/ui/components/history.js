/** The decisions of this tab that can be undone and redone, kept over a reload. */

/**
 * @typedef {object} UndoEntry  A decision of this tab that can be undone.
 * @property {string} last  Id of the action that an undo would undo: the decision, or its last undo or redo.
 * @property {string | null} decision
 * @property {import('./outbox.js').Target[]} targets  Empty: everything that met a filter.
 * @property {number} count
 */

/** Most decisions that can be undone in a tab. */
const LONGEST = 500;

export class DecisionHistory {
  /** @param {string} dataset */
  constructor(dataset) {
    this.name = `bqat-history:${dataset}`;
    /** @type {UndoEntry[]} */
    this.done = [];
    /** @type {UndoEntry[]} */
    this.undone = [];
    this.restore();
  }

  /**
   * Remember a new decision; what was undone before it can not be redone any more.
   * @param {UndoEntry} entry
   */
  add(entry) {
    this.done.push(entry);
    this.done = this.done.slice(-LONGEST);
    this.undone = [];
    this.store();
  }

  /**
   * The entry whose last action has this id.
   * @param {string} id
   */
  find(id) {
    return [...this.done, ...this.undone].find((one) => one.last === id);
  }

  /**
   * Forget a decision that the server refused.
   * @param {string} id
   */
  drop(id) {
    this.done = this.done.filter((entry) => entry.last !== id);
    this.store();
  }

  store() {
    try {
      sessionStorage.setItem(this.name, JSON.stringify({ done: this.done, undone: this.undone }));
    } catch {
      // Full: the history of this visit stays in memory.
    }
  }

  restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.name) ?? '{}');
      this.done = kept.done ?? [];
      this.undone = kept.undone ?? [];
    } catch {
      this.done = [];
    }
  }
}
