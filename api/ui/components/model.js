/**
 * The state of the review page: the view, its windows and facets, the focused picture, the decisions not yet stored. Components
 * read it and `listen` to its changes; it draws nothing itself.
 */
import { api, counted, navigate, root, toast } from '../lib.js';
import { readView, writeView } from './address.js';
import { dependsOnDecisions } from './filters.js';
import { newId, Outbox } from './outbox.js';
import { WINDOW, Windows } from './windows.js';
import { fileName, past } from './words.js';

/** @typedef {import('./windows.js').Item} Item */

const POLL = 5_000;
/** Most decisions that can be undone in a tab. */
const HISTORY = 500;
/** Most windows searched for the next undecided picture. */
const LOOK_AHEAD = 20;

/**
 * @typedef {object} UndoEntry  A decision of this tab that can be undone.
 * @property {string} last  Id of the action that an undo would undo: the decision, or its last undo or redo.
 * @property {string | null} decision
 * @property {import('./outbox.js').Target[]} targets  Empty: everything that met a filter.
 * @property {number} count
 */

export class Model {
  /** @param {string} dataset */
  constructor(dataset) {
    this.dataset = dataset;
    this.base = `/v1/datasets/${encodeURIComponent(dataset)}`;
    this.view = readView(location.search);
    /** @type {any} */
    this.info = null;
    /** @type {any} */
    this.facets = null;
    /** @type {any[]} */
    this.columns = [];
    /** @type {any[]} */
    this.ruleSets = [];
    /** @type {Record<string, number> | null} */
    this.verdicts = null;
    this.generation = '';
    /** @type {unknown} */
    this.version = undefined;
    this.rows = 0;
    this.index = 0;
    /** @type {Item | null} */
    this.focused = null;
    /** @type {Map<number, Item>} */
    this.marked = new Map();
    this.all = false;
    this.problem = '';
    this.loaded = false;
    this.hiddenPictures = '';
    this.said = '';
    this.reviewer = recall('bqat-reviewer') ?? '';
    /** @type {any} */
    this.state = null;
    /** @type {UndoEntry[]} */
    this.done = [];
    /** @type {UndoEntry[]} */
    this.undone = [];
    /** Decisions shown before the server has them, by row; answers to requests from number `since` on count instead. */
    /** @type {Map<number, {decision: string | null, since: number}>} */
    this.assumed = new Map();
    this.requests = 0;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    /** @type {import('./grid.js').Grid | null} */
    this.grid = null;
    this.windows = new Windows(
      (start, count, signal) => this.window({ start, count }, signal),
      (answer) => this.arrived(answer),
      (error) => this.failed(error),
    );
    this.outbox = new Outbox(dataset, (message) => api.post(`${this.base}/${message.route}`, message.body), {
      stored: (message, answer) => this.stored(message, answer),
      refused: (message, error) => this.refused(message, error),
      changed: () => this.changed(),
    });
    /** @type {Map<number, any>} */
    this.details = new Map();
    /** Landmarks and light zones by row, or why there are none. */
    /** @type {Map<number, any>} */
    this.marks = new Map();
    /** @type {AbortController | undefined} */
    this.viewing = undefined;
    /** @type {AbortController | undefined} */
    this.counting = undefined;
    this.restore();
  }

  // ---- start and stop

  start() {
    this.outbox.open();
    this.assumeLeft();
    this.loadInfo();
    this.loadView({ around: this.view.row });
    this.loadFacets();
    this.poll = setInterval(() => this.look(), POLL);
    this.onVisible = () => document.visibilityState === 'visible' && this.look();
    document.addEventListener('visibilitychange', this.onVisible);
  }

  stop() {
    clearInterval(this.poll);
    document.removeEventListener('visibilitychange', /** @type {any} */ (this.onVisible));
    clearTimeout(this.addressTimer);
    clearTimeout(this.settleTimer);
    this.viewing?.abort();
    this.counting?.abort();
    this.windows.cancel();
    this.outbox.close();
  }

  /** @type {ReturnType<typeof setInterval> | undefined} */
  poll = undefined;
  /** @type {(() => void) | undefined} */
  onVisible = undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  addressTimer = undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  settleTimer = undefined;

  /** @param {() => void} listener */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  /** @param {unknown} error */
  failed(error) {
    if (/** @type {any} */ (error)?.name === 'AbortError') return;
    const { status, message } = /** @type {any} */ (error);
    if (status === 0) this.problem = 'The server does not answer. What you decide is kept here and sent when it is back.';
    else this.problem = message ?? String(error);
    this.changed();
    clearTimeout(this.retryTimer);
    if (status === 0 || status >= 500 || status === 429) {
      this.retryTimer = setTimeout(() => (this.loaded ? this.look() : this.loadView({ around: this.view.row })), 2_000);
    }
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  retryTimer = undefined;

  // ---- requests

  query() {
    const { filters, sort, rules } = this.view;
    return { filter: filters, sort, rules: rules || undefined };
  }

  /**
   * @param {object} place
   * @param {AbortSignal} [signal]
   */
  async window(place, signal) {
    this.requests += 1;
    const asked = this.requests;
    const answer = await api.get(`${this.base}/window`, { ...this.query(), ...place }, { signal });
    return { ...answer, asked };
  }

  /** Put decisions made here into an answer that was requested before the server had them. */
  /** @param {any} answer */
  assume(answer) {
    for (const item of answer.items) {
      const assumed = this.assumed.get(item.row);
      if (!assumed) continue;
      if (answer.asked >= assumed.since) this.assumed.delete(item.row);
      else item.decision = assumed.decision;
    }
  }

  /**
   * Take an answer for the grid; false when it does not fit the view any more and the view is fetched again.
   * @param {any} answer
   */
  arrived(answer) {
    this.problem = '';
    if (answer.generation !== this.generation) {
      this.moved();
      return false;
    }
    const shifted = answer.matching !== this.windows.total || (answer.decisions !== this.version && dependsOnDecisions(this.view.filters));
    if (shifted) {
      this.loadView({ around: this.focused?.row ?? null, keep: true });
      return false;
    }
    this.assume(answer);
    this.windows.take(answer);
    this.refocus();
    this.grid?.draw();
    this.changed();
    return true;
  }

  async loadInfo() {
    try {
      const [info, ruleSets] = await Promise.all([api.get(this.base), api.get('/v1/requirements')]);
      this.info = info;
      this.ruleSets = ruleSets;
      document.title = `${info.name} · review`;
      this.changed();
      this.columns = await api.get('/v1/columns', { engine: info.engine });
      this.state = await api.get(`${this.base}/review`).catch(() => null);
      this.changed();
    } catch (error) {
      this.failed(error);
    }
  }

  async loadFacets() {
    this.counting?.abort();
    const controller = (this.counting = new AbortController());
    const { filters, rules, measures } = this.view;
    const params = { filter: filters, rules: rules || undefined };
    try {
      const facets = await api.get(`${this.base}/facets`, params, { signal: controller.signal });
      if (measures.length) {
        const known = facets.histograms.map((/** @type {any} */ one) => one.column);
        const more = measures.filter((column) => !known.includes(column));
        if (more.length) {
          const added = await api.get(`${this.base}/facets`, { ...params, histograms: more.join(',') }, { signal: controller.signal });
          facets.histograms.push(...added.histograms);
        }
      }
      if (controller.signal.aborted) return;
      this.facets = facets;
      this.changed();
      this.loadVerdicts();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Verdicts of the whole data set under the chosen rule set, for the bar in the header. */
  async loadVerdicts() {
    const { filters, rules } = this.view;
    const name = `${this.generation} ${rules}`;
    if (this.verdictsOf === name) return;
    const facets = filters.length ? await api.get(`${this.base}/facets`, { rules: rules || undefined, histograms: '' }).catch(() => null) : this.facets;
    const verdict = facets?.facets.find((/** @type {any} */ one) => one.name === 'verdict');
    if (!verdict) return;
    this.verdictsOf = name;
    this.verdicts = Object.fromEntries(verdict.values.map((/** @type {any} */ one) => [one.value, one.count]));
    this.changed();
  }

  verdictsOf = '';

  /**
   * Fetch the view again.
   * @param {{around?: number | null, keep?: boolean}} [options]  around: focus this row; keep: at its place on the screen.
   */
  async loadView({ around = null, keep = false } = {}) {
    this.viewing?.abort();
    const controller = (this.viewing = new AbortController());
    this.windows.cancel();
    try {
      let answer = /** @type {any} */ (null);
      if (around !== null) {
        answer = await this.window({ around, count: WINDOW }, controller.signal);
        if (controller.signal.aborted) return;
        const now = keep ? this.focused?.row : around;
        if (answer.position === null) answer = null;
        else if (now !== undefined && now !== around && !answer.items.some((/** @type {Item} */ item) => item.row === now)) {
          return void this.loadView({ around: /** @type {number} */ (now), keep });
        } else if (now !== undefined && now !== around) {
          answer.position = answer.start + answer.items.findIndex((/** @type {Item} */ item) => item.row === now);
        }
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
      this.problem = '';
      this.generation = answer.generation;
      this.version = answer.decisions;
      this.rows = answer.rows;
      this.assume(answer);
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
      if (item && item.row !== this.view.row) this.remember(item.row);
    }
  }

  /** Ask the server whether somebody else has decided something, or the data set was scanned again. */
  async look() {
    if (document.visibilityState !== 'visible' || this.outbox.size || !this.loaded) return;
    const { first, last } = this.grid?.range ?? { first: 0, last: 59 };
    try {
      const answer = await this.window({ start: Math.max(0, first), count: Math.min(200, Math.max(1, last - first + 1)) });
      if (this.outbox.size || first !== (this.grid?.range.first ?? 0)) return;
      const cleared = this.problem !== '';
      this.problem = '';
      if (answer.generation !== this.generation) return void this.moved();
      if (answer.decisions !== this.version) {
        if (dependsOnDecisions(this.view.filters)) {
          await this.loadView({ around: this.focused?.row ?? null, keep: true });
        } else {
          this.version = answer.decisions;
          this.windows.invalidate();
          this.arrived(answer);
        }
        this.details.clear();
        if (this.facets?.decisions !== answer.decisions) this.loadFacets();
        this.changed();
      } else if (cleared) {
        this.grid?.draw();
        this.changed();
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
    this.details.clear();
    this.marks.clear();
    this.marked.clear();
    this.all = false;
    try {
      const found = file ? await api.get(`${this.base}/window`, { filter: [`file:eq:${file}`], count: 1 }) : null;
      await this.loadView({ around: found?.items[0]?.row ?? null });
      this.loadFacets();
      this.loadInfo();
    } catch (error) {
      this.failed(error);
    } finally {
      this.moving = false;
    }
  }

  moving = false;

  // ---- the address

  /**
   * Change the view; each change is a step of the browser's history.
   * @param {Partial<import('./address.js').View>} change
   */
  setView(change) {
    const before = this.view;
    this.view = { ...before, ...change };
    this.write(false);
    this.follow(before);
  }

  /** @param {boolean} replace */
  write(replace) {
    clearTimeout(this.addressTimer);
    this.written = writeView(this.view);
    navigate(location.pathname.slice(root.length) + this.written, { replace });
  }

  /** Query of the address, as this page wrote it last. */
  written = writeView(readView(location.search));

  /**
   * Show the view of an address that the browser changed: back, forward.
   * @param {string} search
   */
  adopt(search) {
    const next = readView(search);
    if (writeView(next) === this.written) return;
    this.written = writeView(next);
    const before = this.view;
    this.view = next;
    this.follow(before);
  }

  /** @param {import('./address.js').View} before */
  follow(before) {
    const { view } = this;
    const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) => JSON.stringify(a) === JSON.stringify(b);
    const other = !same(view.filters, before.filters) || view.rules !== before.rules;
    if (view.rules !== before.rules) this.details.clear();
    if (other || view.sort !== before.sort) {
      this.all = false;
      this.loadView({ around: view.row });
    } else if (view.row !== null && view.row !== this.focused?.row) {
      const index = this.windows.indexOf(view.row);
      if (index >= 0) this.focus(index);
      else this.loadView({ around: view.row });
    }
    if (other || !same(view.measures, before.measures)) this.loadFacets();
    this.changed();
  }

  /**
   * Write the focused row into the address, without a step of the browser's history.
   * @param {number} row
   */
  remember(row) {
    this.view = { ...this.view, row };
    clearTimeout(this.addressTimer);
    this.addressTimer = setTimeout(() => this.write(true), 250);
  }

  /** @param {string[]} filters */
  setFilters(filters) {
    // A search field raises several events for the same text, which must be one step of the history.
    if (JSON.stringify(filters) !== JSON.stringify(this.view.filters)) this.setView({ filters });
  }

  // ---- focus and marks

  /**
   * @param {number} index
   * @param {{take?: boolean}} [options]
   */
  focus(index, { take = false } = {}) {
    if (!this.windows.total) return;
    this.index = Math.min(Math.max(0, index), this.windows.total - 1);
    this.grid?.focus(this.index, { take });
    this.refocus();
    this.changed();
  }

  /** @param {number} row */
  async focusRow(row) {
    const index = this.windows.indexOf(row);
    if (index >= 0) return this.focus(index, { take: this.gridHasFocus });
    await this.loadView({ around: row });
  }

  /** @param {number} index */
  mark(index) {
    const item = this.windows.item(index);
    if (!item) return;
    this.all = false;
    if (!this.marked.delete(item.row)) this.marked.set(item.row, item);
    this.anchor = index;
    this.grid?.draw();
    this.changed();
  }

  anchor = 0;

  /**
   * Mark everything between the last marked picture and this one.
   * @param {number} index
   */
  async markTo(index) {
    const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    this.all = false;
    for (let start = from; start <= Math.min(to, from + 5_000); start += 500) {
      const count = Math.min(500, to - start + 1);
      const known = Array.from({ length: count }, (_, i) => this.windows.item(start + i));
      const items = known.every(Boolean) ? known : (await this.window({ start, count })).items;
      for (const item of items) this.marked.set(item.row, item);
    }
    this.grid?.draw();
    this.changed();
  }

  selectAll() {
    this.all = !this.all;
    this.marked.clear();
    this.grid?.draw();
    this.changed();
  }

  unmark() {
    this.all = false;
    this.marked.clear();
    this.grid?.draw();
    this.changed();
  }

  /** Number of selected pictures. */
  get selected() {
    return this.all ? this.windows.total : this.marked.size;
  }

  // ---- decisions

  /** @param {string} name */
  setReviewer(name) {
    this.reviewer = name.trim().slice(0, 200);
    keep('bqat-reviewer', this.reviewer);
    this.changed();
  }

  /**
   * Decide about the selected pictures, else about the focused one.
   * @param {string | null} decision
   * @param {{reason?: string, items?: Item[], stay?: boolean}} [options]  items: decide about these; stay: do not go to the next.
   */
  decide(decision, { reason, items, stay = false } = {}) {
    const one = this.focused;
    const id = newId();
    const body = { decision, generation: this.generation, action: id, reviewer: this.reviewer || undefined, reason: reason || undefined };
    if (!items && this.all) {
      const count = this.windows.total;
      if (!count) return;
      this.outbox.add({
        id,
        route: 'decisions',
        body: { ...body, filter: this.view.filters, rules: this.view.rules || undefined },
        targets: [],
      });
      this.did({ last: id, decision, targets: [], count });
      this.all = false;
      this.say(`${counted(count, 'picture')}: being ${past(decision)} …`);
      return;
    }
    const about = items ?? (this.marked.size ? [...this.marked.values()] : one ? [one] : []);
    if (!about.length) return;
    const targets = about.map(({ row, file, sha256 }) => ({ row, file, sha256, before: this.decisionOf(row) }));
    for (const { row } of targets) this.show(row, decision);
    this.outbox.add({ id, route: 'decisions', body: { ...body, rows: targets.map(({ row }) => row) }, targets });
    this.did({ last: id, decision, targets, count: targets.length });
    const several = targets.length > 1;
    if (several) this.told(`${counted(targets.length, 'picture')} ${past(decision)}.`, this.done[this.done.length - 1]);
    else this.say(`${past(decision)} ${fileName(targets[0].file)}`);
    const fromMarks = !items && this.marked.size > 0;
    this.marked.clear();
    this.grid?.draw();
    if (!several && !fromMarks && !stay && !items && decision !== null) this.next();
    this.changed();
  }

  /** @param {number} row */
  decisionOf(row) {
    const assumed = this.assumed.get(row);
    if (assumed) return assumed.decision;
    const index = this.windows.indexOf(row);
    return (index >= 0 ? this.windows.item(index)?.decision : this.marked.get(row)?.decision) ?? null;
  }

  /**
   * Show a decision before the server has stored it.
   * @param {number} row
   * @param {string | null} decision
   */
  show(row, decision) {
    this.assumed.set(row, { decision, since: Infinity });
    const index = this.windows.indexOf(row);
    const item = index >= 0 ? this.windows.item(index) : null;
    if (item) item.decision = decision;
    const marked = this.marked.get(row);
    if (marked) marked.decision = decision;
    this.details.delete(row);
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
        this.assume(answer);
        this.windows.take(answer);
      }
      if (this.windows.item(index)?.decision === null) return this.focus(index, { take });
    }
    const earlier = [...this.windows.items.entries()].filter(([index, item]) => index < begun && item.decision === null);
    if (earlier.length) return this.focus(Math.min(...earlier.map(([index]) => index)), { take });
    if (begun + 1 < this.windows.total) return this.focus(begun + 1, { take });
    this.say(`${this.said ? `${this.said} · ` : ''}this was the last one`);
  }

  /** @param {UndoEntry} entry */
  did(entry) {
    this.withdraw();
    this.done.push(entry);
    this.done = this.done.slice(-HISTORY);
    this.undone = [];
    this.store();
  }

  undo() {
    this.withdraw();
    const entry = this.done.pop();
    if (!entry) return this.say('nothing to undo');
    this.takeBack(entry, 'undone');
    for (const { row, before } of entry.targets) this.show(row, before);
    this.undone.push(entry);
    this.after(entry, `undone: ${describe(entry)}`);
  }

  redo() {
    const entry = this.undone.pop();
    if (!entry) return this.say('nothing to redo');
    this.takeBack(entry, 'redone');
    for (const { row } of entry.targets) this.show(row, entry.decision);
    this.done.push(entry);
    this.after(entry, `done again: ${describe(entry)}`);
  }

  /**
   * Send an undo of the last action of an entry; the undo of an undo is a redo.
   * @param {UndoEntry} entry
   * @param {string} word
   */
  takeBack(entry, word) {
    const id = newId();
    this.outbox.add({
      id,
      route: 'decisions/undo',
      body: { action: entry.last, as: id, reviewer: this.reviewer || undefined },
      targets: entry.targets,
    });
    entry.last = id;
    if (entry.targets.length !== 1) toast(`${counted(entry.count, 'picture')}: ${past(entry.decision)}, ${word}.`);
  }

  /**
   * @param {UndoEntry} entry
   * @param {string} text
   */
  after(entry, text) {
    this.store();
    this.say(text);
    this.grid?.draw();
    if (entry.targets.length === 1) {
      const [{ row }] = entry.targets;
      if (this.windows.indexOf(row) >= 0) this.focusRow(row);
      else this.comeBack = row;
    }
    this.changed();
  }

  /** Row to focus once the server has undone its decision. */
  /** @type {number | null} */
  comeBack = null;

  /**
   * @param {import('./outbox.js').Message} message
   * @param {any} answer
   */
  stored(message, answer) {
    for (const { row } of message.targets) {
      const assumed = this.assumed.get(row);
      const later = this.outbox.waiting.some((one) => one.message.targets.some((target) => target.row === row));
      if (assumed && !later) assumed.since = this.requests + 1;
    }
    if (!message.targets.length) {
      const entry = [...this.done, ...this.undone].find((one) => one.last === message.id);
      if (entry && message.route === 'decisions') {
        entry.count = answer.changed ?? entry.count;
        this.told(`${counted(entry.count, 'picture')} ${past(entry.decision)}.`, entry);
        this.store();
      }
    }
    if (answer.passed_over) toast(`${counted(answer.passed_over, 'picture')} left alone: somebody has decided anew since.`);
    this.details.clear();
    this.settle(message.targets.length === 0 || dependsOnDecisions(this.view.filters));
  }

  /**
   * Fetch what decisions have changed once there was none for 250 ms; in a quick series after 1.5 s at the latest.
   * @param {boolean} view  Whether the view must be fetched too, and not only the facets.
   */
  settle(view) {
    this.viewToo ||= view;
    this.firstUnsettled ||= performance.now();
    clearTimeout(this.settleTimer);
    const wait = performance.now() - this.firstUnsettled > 1_500 ? 0 : 250;
    this.settleTimer = setTimeout(() => {
      if (this.viewToo && this.comeBack === null) this.loadView({ around: this.focused?.row ?? null, keep: true });
      else if (this.comeBack !== null) this.loadView({ around: this.comeBack });
      this.viewToo = false;
      this.comeBack = null;
      this.firstUnsettled = 0;
      this.loadFacets();
      api.get(`${this.base}/review`).then((state) => {
        this.state = state;
        this.changed();
      }, () => {});
    }, wait);
  }

  viewToo = false;
  firstUnsettled = 0;

  /**
   * Handle a decision that the server refused. After a rescan rows have other numbers: the decision is sent again for files whose
   * content is the same; for files that changed meanwhile the person is asked to look again.
   * @param {import('./outbox.js').Message} message
   * @param {any} error
   * @returns {Promise<import('./outbox.js').Message | null>}
   */
  async refused(message, error) {
    if (error.status === 409 && message.route === 'decisions' && message.targets.length) {
      const found = [];
      let generation = '';
      for (const target of message.targets) {
        const answer = await api.get(`${this.base}/window`, { filter: [`file:eq:${target.file}`], count: 1 });
        generation = answer.generation;
        const item = answer.items[0];
        if (item && item.sha256 === target.sha256) found.push({ ...target, row: item.row });
      }
      const lost = message.targets.length - found.length;
      if (lost) toast(`${counted(lost, 'picture')} changed meanwhile: please look again.`);
      for (const { row } of message.targets) this.assumed.delete(row);
      this.moved();
      if (!found.length || generation === message.body.generation) return null;
      return { ...message, targets: found, body: { ...message.body, generation, rows: found.map(({ row }) => row) } };
    }
    for (const { row } of message.targets) this.assumed.delete(row);
    this.done = this.done.filter((entry) => entry.last !== message.id);
    this.store();
    if (error.status === 409) {
      toast('This data set was scanned again meanwhile: nothing was decided, please look again.');
      this.moved();
    } else {
      toast(`Not stored: ${error.message}`);
      this.windows.invalidate();
      this.loadView({ around: this.focused?.row ?? null, keep: true });
    }
    return null;
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
   * Show a line at the foot, and a note with a button that undoes this entry only; the note disappears with the next action.
   * @param {string} text
   * @param {UndoEntry} entry
   */
  told(text, entry) {
    this.say(text);
    if (this.done.at(-1) !== entry) return void toast(text);
    this.withdraw = toast(text, { action: 'Undo', onAction: () => this.undo() });
  }

  /** Takes away the note that offers to take back. */
  withdraw = () => {};

  store() {
    try {
      sessionStorage.setItem(`bqat-history:${this.dataset}`, JSON.stringify({ done: this.done, undone: this.undone }));
    } catch {
      // Full: the history of this visit stays in memory.
    }
  }

  restore() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(`bqat-history:${this.dataset}`) ?? '{}');
      this.done = kept.done ?? [];
      this.undone = kept.undone ?? [];
    } catch {
      this.done = [];
    }
  }

  /** Show the decisions that an earlier visit did not send. */
  assumeLeft() {
    for (const { message } of this.outbox.waiting) {
      if (message.route !== 'decisions') continue;
      for (const { row } of message.targets) this.show(row, /** @type {string | null} */ (message.body.decision));
    }
  }

  // ---- one picture

  /**
   * Everything about a row.
   * @param {number} row
   * @param {AbortSignal} [signal]
   */
  async detail(row, signal) {
    const known = this.details.get(row);
    if (known) return known;
    const found = await api.get(`${this.base}/review/${row}`, { rules: this.view.rules || undefined }, { signal });
    if (this.details.size > 60) this.details.clear();
    this.details.set(row, found);
    return found;
  }

  /**
   * Keep the landmarks and light zones of a row, or why there are none.
   * @param {number} row
   * @param {any} found
   */
  keepMarks(row, found) {
    if (this.marks.size > 60) this.marks.clear();
    this.marks.set(row, found);
  }

  /** Ask the server why a picture could not be loaded; when it shows none at all, request no more. */
  /** @param {string} url */
  async askWhy(url) {
    if (this.asked) return;
    this.asked = true;
    try {
      const answer = await fetch(url);
      if (answer.status !== 404) {
        this.asked = false;
        return;
      }
      const { detail } = await answer.json();
      if (!String(detail).includes('BQAT_THUMBNAILS')) return;
      this.hiddenPictures = 'This server shows no pictures (BQAT_THUMBNAILS=none). Everything else works.';
      this.grid?.pictures.stop();
      this.changed();
    } catch {
      this.asked = false;
    }
  }

  asked = false;
}

/** @param {UndoEntry} entry */
function describe(entry) {
  return entry.targets.length === 1 ? `${past(entry.decision)} ${fileName(entry.targets[0].file)}` : `${counted(entry.count, 'picture')} ${past(entry.decision)}`;
}

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that stores nothing: the setting is lost with the page.
  }
}
