/** Windows of the filtered and sorted rows: fetched ahead, the least recently used forgotten. */

/** Rows of one window, fetched by one request. */
export const WINDOW = 100;
/** Most windows kept in memory. */
const REMEMBERED = 80;
const IN_FLIGHT = 3;

/**
 * @typedef {object} Item  A row of a window, as `/window` answers it.
 * @property {number} row
 * @property {string} file
 * @property {string} status
 * @property {string | null} reason
 * @property {string | null} verdict
 * @property {string[]} reasons
 * @property {string | null} decision
 * @property {string | null} reviewer
 * @property {string | null} before
 * @property {boolean} outlier
 * @property {number | null} duplicate_group
 * @property {number | null} image_width
 * @property {number | null} image_height
 * @property {string} sha256
 */

export class Windows {
  /**
   * @param {(start: number, count: number, signal: AbortSignal) => Promise<object>} fetchWindow
   * @param {(answer: object) => void} arrived  Called with each answer; calls `take` when it fits the view.
   * @param {(error: unknown) => void} failed
   */
  constructor(fetchWindow, arrived, failed) {
    this.fetchWindow = fetchWindow;
    this.arrived = arrived;
    this.failed = failed;
    /** @type {Map<number, Item>} */
    this.items = new Map();
    /** @type {Map<number, boolean>} window number to whether it is up to date, least recently used first */
    this.known = new Map();
    /** @type {Map<number, AbortController>} */
    this.loading = new Map();
    /** @type {number[]} */
    this.queue = [];
    this.total = 0;
    this.epoch = 0;
    this.atOnce = IN_FLIGHT;
  }

  /** @param {number} index */
  item(index) {
    return this.items.get(index);
  }

  /**
   * Index of a row among those in memory; -1 when it is not among them.
   * @param {number} row
   */
  indexOf(row) {
    for (const [index, item] of this.items) if (item.row === row) return index;
    return -1;
  }

  /**
   * Start over with the first answer of a view.
   * @param {{start: number, matching: number, items: Item[]}} answer
   */
  reset(answer) {
    this.cancel();
    this.epoch += 1;
    this.items.clear();
    this.known.clear();
    this.total = answer.matching;
    this.take(answer);
  }

  /** Mark all rows as out of date: they stay on the screen, and are fetched again when they are next wanted. */
  invalidate() {
    this.cancel();
    this.epoch += 1;
    for (const number of this.known.keys()) this.known.set(number, false);
  }

  cancel() {
    for (const controller of this.loading.values()) controller.abort();
    this.loading.clear();
    this.queue = [];
  }

  /**
   * Store the rows of an answer.
   * @param {{start: number, items: Item[]}} answer
   */
  take(answer) {
    answer.items.forEach((item, i) => this.items.set(answer.start + i, item));
    const end = answer.start + answer.items.length;
    for (let number = Math.ceil(answer.start / WINDOW); number * WINDOW < this.total; number += 1) {
      if (Math.min((number + 1) * WINDOW, this.total) > end) break;
      this.known.delete(number);
      this.known.set(number, true);
    }
    this.forget();
  }

  /**
   * Fetch the visible rows and their neighbours.
   * @param {number} first
   * @param {number} last
   * @param {number} ahead  1: scrolling down, -1: up.
   * @param {boolean} fast  Fetch the visible rows only, one request at a time: a server asked for every place of a fast scroll
   *   would still be answering when the scroll has ended.
   */
  want(first, last, ahead, fast = false) {
    if (this.total === 0) return;
    const end = Math.floor((this.total - 1) / WINDOW);
    const from = Math.max(0, Math.floor(first / WINDOW));
    const to = Math.min(end, Math.floor(last / WINDOW));
    const numbers = [];
    for (let number = from; number <= to; number += 1) numbers.push(number);
    const beyond = ahead < 0 ? [from - 1, from - 2, to + 1, from - 3] : [to + 1, to + 2, from - 1, to + 3];
    if (!fast) numbers.push(...beyond.filter((number) => number >= 0 && number <= end));
    for (const number of numbers) {
      const fresh = this.known.get(number);
      if (fresh === undefined) continue;
      this.known.delete(number);
      this.known.set(number, fresh);
    }
    const missing = numbers.filter((number) => this.known.get(number) !== true);
    for (const [number, controller] of this.loading) {
      if (fast || numbers.includes(number)) continue;
      controller.abort();
      this.loading.delete(number);
    }
    this.queue = missing.filter((number) => !this.loading.has(number));
    this.atOnce = fast ? 1 : IN_FLIGHT;
    this.pump();
  }

  pump() {
    while (this.queue.length && this.loading.size < this.atOnce) this.load(/** @type {number} */ (this.queue.shift()));
  }

  /** @param {number} number */
  async load(number) {
    const controller = new AbortController();
    const epoch = this.epoch;
    this.loading.set(number, controller);
    try {
      const answer = await this.fetchWindow(number * WINDOW, WINDOW, controller.signal);
      if (controller.signal.aborted || epoch !== this.epoch) return;
      this.loading.delete(number);
      this.arrived(answer);
    } catch (error) {
      if (controller.signal.aborted || epoch !== this.epoch) return;
      this.loading.delete(number);
      this.failed(error);
    }
    this.pump();
  }

  forget() {
    for (const number of this.known.keys()) {
      if (this.known.size <= REMEMBERED) break;
      this.known.delete(number);
      for (let index = number * WINDOW; index < (number + 1) * WINDOW; index += 1) this.items.delete(index);
    }
  }
}
