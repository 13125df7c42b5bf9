/** The marked pictures, or all that meet the filters: what a decision is about when it is not about the focused picture. */

/** @typedef {import('./windows.js').Item} Item */

/** Most pictures that one stretch marks. */
const LONGEST_STRETCH = 5_000;
/** Rows of a request for pictures of a stretch. */
const AT_ONCE = 500;

export class Selection {
  /**
   * @param {import('./windows.js').Windows} windows
   * @param {(start: number, count: number) => Promise<{items: Item[]}>} fetchWindow
   * @param {() => void} redraw
   */
  constructor(windows, fetchWindow, redraw) {
    this.windows = windows;
    this.fetchWindow = fetchWindow;
    this.redraw = redraw;
    /** @type {Map<number, Item>} */
    this.marked = new Map();
    /** Everything that meets the filters, marked or not. */
    this.all = false;
    /** Index of the picture where a stretch begins. */
    this.anchor = 0;
  }

  /** Number of selected pictures. */
  get size() {
    return this.all ? this.windows.total : this.marked.size;
  }

  /** @param {number} row */
  has(row) {
    return this.all || this.marked.has(row);
  }

  /**
   * Mark a picture, or unmark it.
   * @param {number} index
   */
  mark(index) {
    const item = this.windows.item(index);
    if (!item) return;
    this.all = false;
    if (!this.marked.delete(item.row)) this.marked.set(item.row, item);
    this.anchor = index;
    this.redraw();
  }

  /**
   * Mark everything between the last marked picture and this one.
   * @param {number} index
   */
  async markTo(index) {
    const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    this.all = false;
    for (let start = from; start <= Math.min(to, from + LONGEST_STRETCH); start += AT_ONCE) {
      const count = Math.min(AT_ONCE, to - start + 1);
      const known = Array.from({ length: count }, (_, i) => this.windows.item(start + i));
      const items = known.every(Boolean) ? /** @type {Item[]} */ (known) : (await this.fetchWindow(start, count)).items;
      for (const item of items) this.marked.set(item.row, item);
    }
    this.redraw();
  }

  /** Select everything that meets the filters, or nothing where that was selected. */
  selectAll() {
    this.all = !this.all;
    this.marked.clear();
    this.redraw();
  }

  unmark() {
    this.forget();
    this.redraw();
  }

  /** Select nothing, without drawing. */
  forget() {
    this.all = false;
    this.marked.clear();
  }
}
