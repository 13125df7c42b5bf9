/**
 * The review page: the view that its address names, its windows, the focused picture. It holds together what the other modules of
 * this folder know (selection, decisions, details, summary); components read them and `listen` to changes; it draws nothing itself.
 */
import { api, toast } from '../lib.js';
import { Address } from './address.js';
import { Decisions } from './decisions.js';
import { Details } from './details.js';
import { dependsOnDecisions } from './filters.js';
import { Notes } from './notes.js';
import { Selection } from './selection.js';
import { Summary } from './summary.js';
import { WINDOW, Windows } from './windows.js';

/** @typedef {import('./windows.js').Item} Item */

const POLL = 5_000;
/** Most windows searched for the next undecided picture. */
const LOOK_AHEAD = 20;

export class Model {
  /** @param {string} dataset */
  constructor(dataset) {
    this.dataset = dataset;
    this.base = `/v1/datasets/${encodeURIComponent(dataset)}`;
    this.generation = '';
    /** @type {unknown} */
    this.version = undefined;
    this.rows = 0;
    this.index = 0;
    /** @type {Item | null} */
    this.focused = null;
    this.problem = '';
    /** The server did not answer the last request. */
    this.away = false;
    /** How often it was away and came back. */
    this.outages = 0;
    this.loaded = false;
    this.moving = false;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    /** @type {import('./grid.js').Grid | null} */
    this.grid = null;
    const changed = () => this.changed();
    const failed = (/** @type {unknown} */ error) => this.failed(error);
    this.address = new Address((before) => this.follow(before));
    /** @type {Windows} */
    this.windows = new Windows(
      (start, count, signal) => this.window({ start, count }, signal),
      (answer) => this.arrived(answer),
      failed,
    );
    this.notes = new Notes(changed);
    /** @type {Selection} */
    this.selection = new Selection(this.windows, (start, count) => this.window({ start, count }), () => this.redraw());
    this.summary = new Summary(this.base, { view: () => this.view, generation: () => this.generation, changed, failed });
    this.details = new Details(this.base, { rules: () => this.view.rules, hidden: () => this.picturesHidden(), failed });
    /** @type {Decisions} */
    this.decisions = new Decisions(dataset, this);
    /** @type {AbortController | undefined} */
    this.viewing = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.poll = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
    this.onVisible = () => void (document.visibilityState === 'visible' && this.look());
  }

  // ---- start and stop

  start() {
    this.decisions.start();
    this.summary.loadInfo();
    this.loadView({ around: this.view.row });
    this.summary.loadFacets();
    this.poll = setInterval(() => this.look(), POLL);
    document.addEventListener('visibilitychange', this.onVisible);
  }

  stop() {
    clearInterval(this.poll);
    document.removeEventListener('visibilitychange', this.onVisible);
    this.address.stop();
    this.viewing?.abort();
    this.summary.stop();
    this.windows.cancel();
    this.decisions.stop();
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  /** Draw the pictures of the grid anew. */
  draw() {
    this.grid?.draw();
  }

  /** Draw the pictures of the grid anew, and everything around it. */
  redraw() {
    this.draw();
    this.changed();
  }

  /** The server shows no pictures: request no more. */
  picturesHidden() {
    this.grid?.pictures.stop();
    this.changed();
  }

  /**
   * Show why a request failed, and repeat it where the server may be back soon.
   * @param {unknown} error
   */
  failed(error) {
    if (/** @type {any} */ (error)?.name === 'AbortError') return;
    const { status, message } = /** @type {any} */ (error);
    if (status === 0) {
      this.away = true;
      this.problem = 'The server does not answer. What you decide is kept here and sent when it is back.';
    } else this.problem = message ?? String(error);
    this.changed();
    clearTimeout(this.retryTimer);
    if (status === 0 || status >= 500 || status === 429) {
      this.retryTimer = setTimeout(() => (this.loaded ? this.look() : this.loadView({ around: this.view.row })), 2_000);
    }
  }

  /** A request was answered: pictures that could not be loaded while the server was away are fetched again. */
  answered() {
    this.problem = '';
    if (!this.away) return;
    this.away = false;
    this.outages += 1;
    this.grid?.pictures.again();
  }

  // ---- the view

  get view() {
    return this.address.view;
  }

  /**
   * Ask for rows of the view.
   * @param {object} place  `start` or `around`, and `count`.
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}  The answer, with the number of the request as `asked`.
   */
  async window(place, signal) {
    const { filters, sort, rules } = this.view;
    const asked = this.decisions.assumed.numbered();
    const answer = await api.get(`${this.base}/window`, { filter: filters, sort, rules: rules || undefined, ...place }, { signal });
    return { ...answer, asked };
  }

  /**
   * Fetch what an address that has changed asks for.
   * @param {import('./address.js').View} before
   */
  follow(before) {
    const { view } = this;
    const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) => JSON.stringify(a) === JSON.stringify(b);
    const other = !same(view.filters, before.filters) || view.rules !== before.rules;
    if (view.rules !== before.rules) this.details.known.clear();
    if (other || view.sort !== before.sort) {
      this.selection.all = false;
      this.loadView({ around: view.row });
    } else if (view.row !== null && view.row !== this.focused?.row) {
      const index = this.windows.indexOf(view.row);
      if (index >= 0) this.focus(index);
      else this.loadView({ around: view.row });
    }
    if (other || !same(view.measures, before.measures)) this.summary.loadFacets();
    this.changed();
  }

  /**
   * Take an answer for the grid; false when it does not fit the view any more and the view is fetched again.
   * @param {any} answer
   */
  arrived(answer) {
    this.answered();
    if (answer.generation !== this.generation) {
      this.moved();
      return false;
    }
    const shifted = answer.matching !== this.windows.total || (answer.decisions !== this.version && dependsOnDecisions(this.view.filters));
    if (shifted) {
      this.loadView({ around: this.focused?.row ?? null, keep: true });
      return false;
    }
    this.decisions.assumed.putInto(answer);
    this.windows.take(answer);
    this.refocus();
    this.redraw();
    return true;
  }

  /**
   * Fetch the view again.
   * @param {{around?: number | null, keep?: boolean}} [options]  around: focus this row; keep: at its place on the screen.
   */
  async loadView({ around = null, keep = false } = {}) {
    this.viewing?.abort();
    const controller = (this.viewing = new AbortController());
    this.windows.cancel();
    const before = this.focused?.row;
    try {
      let answer = /** @type {any} */ (null);
      if (around !== null) {
        answer = await this.window({ around, count: WINDOW }, controller.signal);
        if (controller.signal.aborted) return;
        // A picture that was focused while the answer was on its way stays the focused one.
        const now = keep || this.focused?.row !== before ? this.focused?.row : around;
        if (now !== undefined && now !== around) {
          const place = answer.items.findIndex((/** @type {Item} */ item) => item.row === now);
          if (place < 0) return void this.loadView({ around: now, keep });
          answer.position = answer.start + place;
        } else if (answer.position === null) answer = null;
      }
      if (answer === null) {
        // The row is not part of the view any more: stay at the same place, or go to the start.
        const start = keep ? Math.max(0, this.index - Math.floor(WINDOW / 2)) : 0;
        answer = await this.window({ start, count: WINDOW }, controller.signal);
        if (keep && !answer.items.length && answer.matching) {
          answer = await this.window({ start: Math.max(0, answer.matching - WINDOW), count: WINDOW }, controller.signal);
        }
        answer.position = keep ? Math.min(this.index, Math.max(0, answer.matching - 1)) : 0;
      }
      if (controller.signal.aborted) return;
      const offset = keep && this.grid ? this.grid.offsetOf(this.index) : null;
      this.answered();
      this.generation = answer.generation;
      this.version = answer.decisions;
      this.rows = answer.rows;
      this.decisions.assumed.putInto(answer);
      this.windows.reset(answer);
      this.index = answer.position ?? 0;
      this.loaded = true;
      this.refocus();
      if (this.grid) {
        this.grid.setTotal(answer.matching);
        if (offset !== null) {
          this.grid.goTo(this.grid.offsetOf(this.index) + this.grid.top - offset);
          this.grid.focus(this.index, { take: this.gridHasFocus });
        } else {
          if (around === null) this.grid.goTo(0);
          this.grid.focus(this.index, { take: this.gridHasFocus });
        }
      }
      this.changed();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Ask the server whether somebody else has decided something, or the data set was scanned again. */
  async look() {
    if (document.visibilityState !== 'visible' || this.decisions.outbox.size || !this.loaded) return;
    const { first, last } = this.grid?.range ?? { first: 0, last: 59 };
    try {
      const answer = await this.window({ start: Math.max(0, first), count: Math.min(200, Math.max(1, last - first + 1)) });
      if (this.decisions.outbox.size || first !== (this.grid?.range.first ?? 0)) return;
      const cleared = this.problem !== '';
      this.answered();
      if (answer.generation !== this.generation) return void this.moved();
      if (answer.decisions !== this.version) {
        if (dependsOnDecisions(this.view.filters)) {
          await this.loadView({ around: this.focused?.row ?? null, keep: true });
        } else {
          this.version = answer.decisions;
          this.windows.invalidate();
          this.arrived(answer);
        }
        this.details.known.clear();
        if (this.summary.facets?.decisions !== answer.decisions) this.summary.loadFacets();
        this.changed();
      } else if (cleared) {
        this.redraw();
      }
    } catch (error) {
      this.failed(error);
    }
  }

  /** The data set was scanned again, and its rows have other numbers: fetch the view, and focus the same file. */
  async moved() {
    if (this.moving) return;
    this.moving = true;
    toast('This data set was scanned again; the page shows the new results.');
    const file = this.focused?.file;
    this.details.known.clear();
    this.details.marks.clear();
    this.selection.forget();
    try {
      const found = file ? await api.get(`${this.base}/window`, { filter: [`file:eq:${file}`], count: 1 }) : null;
      await this.loadView({ around: found?.items[0]?.row ?? null });
      this.summary.loadFacets();
      this.summary.loadInfo();
    } catch (error) {
      this.failed(error);
    } finally {
      this.moving = false;
    }
  }

  // ---- focus

  get gridHasFocus() {
    return Boolean(this.grid?.root.contains(document.activeElement));
  }

  /** Give the keyboard focus to the pictures, where the filters are not laid over them. */
  toPictures() {
    if (!matchMedia('(max-width: 60rem)').matches) this.grid?.root.focus({ preventScroll: true });
  }

  /** Set the focused item to the one that the windows hold at its index. */
  refocus() {
    const item = this.windows.item(this.index) ?? null;
    if (item !== this.focused) {
      this.focused = item;
      if (item && item.row !== this.view.row) this.address.remember(item.row);
    }
  }

  /**
   * Focus the picture at an index, or at the nearest end.
   * @param {number} index
   * @param {{take?: boolean}} [options]  take: give it the keyboard focus too.
   */
  focus(index, { take = false } = {}) {
    if (!this.windows.total) return;
    this.index = Math.min(Math.max(0, index), this.windows.total - 1);
    this.grid?.focus(this.index, { take });
    this.refocus();
    this.changed();
  }

  /**
   * Focus a row, in memory or not.
   * @param {number} row
   */
  async focusRow(row) {
    const index = this.windows.indexOf(row);
    if (index >= 0) return this.focus(index, { take: this.gridHasFocus });
    await this.loadView({ around: row });
  }

  /** Go to the next undecided picture. */
  async next() {
    const begun = this.index;
    const take = this.gridHasFocus;
    const epoch = this.windows.epoch;
    for (let index = begun + 1, looked = 0; index < this.windows.total && looked < LOOK_AHEAD * WINDOW; index += 1, looked += 1) {
      if (!this.windows.item(index)) {
        const start = Math.floor(index / WINDOW) * WINDOW;
        const answer = await this.window({ start, count: WINDOW }).catch(() => null);
        if (!answer || this.index !== begun || epoch !== this.windows.epoch) return;
        this.decisions.assumed.putInto(answer);
        this.windows.take(answer);
      }
      if (this.windows.item(index)?.decision === null) return this.focus(index, { take });
    }
    const earlier = [...this.windows.items.entries()].filter(([index, item]) => index < begun && item.decision === null);
    if (earlier.length) return this.focus(Math.min(...earlier.map(([index]) => index)), { take });
    if (begun + 1 < this.windows.total) return this.focus(begun + 1, { take });
    this.notes.say(`${this.notes.said ? `${this.notes.said} · ` : ''}this was the last one`);
  }
}
