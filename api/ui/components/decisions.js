/**
 * Deciding about pictures: shown at once, sent by the outbox, undone and redone from the history; then what the decisions have
 * changed is fetched.
 */
import { api, counted, toast } from '../lib.js';
import { Assumed } from './assumed.js';
import { dependsOnDecisions } from './filters.js';
import { DecisionHistory } from './history.js';
import { newId, Outbox } from './outbox.js';
import { keep, recall } from './settings.js';
import { fileName, past } from './words.js';

/** @typedef {import('./windows.js').Item} Item */
/** @typedef {import('./history.js').UndoEntry} UndoEntry */
/** @typedef {import('./outbox.js').Message} Message */

/**
 * What deciding needs of the page: the pictures it is about, and ways to show and to fetch what has changed.
 * @typedef {Pick<import('./model.js').Model, 'base' | 'view' | 'generation' | 'windows' | 'selection' | 'focused' | 'details' | 'summary'
 *   | 'notes' | 'changed' | 'draw' | 'redraw' | 'next' | 'focusRow' | 'loadView' | 'moved'>} Page
 */

/** Facets and view are fetched once no decision was stored for this long, in milliseconds … */
const QUIET = 250;
/** … and in a quick series after this long at the latest. */
const LATEST = 1_500;

export class Decisions {
  /**
   * @param {string} dataset
   * @param {Page} page
   */
  constructor(dataset, page) {
    this.page = page;
    this.assumed = new Assumed();
    this.history = new DecisionHistory(dataset);
    this.reviewer = recall('bqat-reviewer') ?? '';
    this.outbox = new Outbox(dataset, (message) => api.post(`${page.base}/${message.route}`, message.body), {
      stored: (message, answer) => this.stored(message, answer),
      refused: (message, error) => this.refused(message, error),
      changed: () => page.changed(),
    });
    /** Row to focus once the server has undone its decision. */
    /** @type {number | null} */
    this.comeBack = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settleTimer = undefined;
    this.viewToo = false;
    this.firstUnsettled = 0;
  }

  /** Send, and show, the decisions that an earlier visit did not send. */
  start() {
    this.outbox.open();
    for (const { message } of this.outbox.waiting) {
      if (message.route !== 'decisions') continue;
      for (const { row } of message.targets) this.show(row, /** @type {string | null} */ (message.body.decision));
    }
  }

  stop() {
    clearTimeout(this.settleTimer);
    this.outbox.close();
  }

  /** @param {string} name */
  setReviewer(name) {
    this.reviewer = name.trim().slice(0, 200);
    keep('bqat-reviewer', this.reviewer);
    this.page.changed();
  }

  /**
   * The decision about a row, stored or not.
   * @param {number} row
   */
  of(row) {
    const assumed = this.assumed.get(row);
    if (assumed) return assumed.decision;
    const { windows, selection } = this.page;
    const index = windows.indexOf(row);
    return (index >= 0 ? windows.item(index)?.decision : selection.marked.get(row)?.decision) ?? null;
  }

  // ---- decide, undo, redo

  /**
   * Decide about the selected pictures, else about the focused one.
   * @param {string | null} decision
   * @param {{reason?: string, items?: Item[], stay?: boolean}} [options]  items: decide about these; stay: do not go to the next.
   */
  decide(decision, { reason, items, stay = false } = {}) {
    const { focused: one, selection } = this.page;
    if (!items && selection.all) return this.decideAll(decision, reason);
    const about = items ?? (selection.marked.size ? [...selection.marked.values()] : one ? [one] : []);
    if (!about.length) return;
    const targets = about.map(({ row, file, sha256 }) => ({ row, file, sha256, before: this.of(row) }));
    for (const { row } of targets) this.show(row, decision);
    const body = this.body(decision, reason);
    const entry = { last: body.action, decision, targets, count: targets.length };
    this.outbox.add({ id: body.action, route: 'decisions', body: { ...body, rows: targets.map(({ row }) => row) }, targets });
    this.did(entry);
    const several = targets.length > 1;
    if (several) this.tell(entry);
    else this.page.notes.say(`${past(decision)} ${fileName(targets[0].file)}`);
    const fromMarks = !items && selection.marked.size > 0;
    selection.marked.clear();
    this.page.draw();
    if (!several && !fromMarks && !stay && !items && decision !== null) this.page.next();
    this.page.changed();
  }

  /**
   * Decide about everything that meets the filters.
   * @param {string | null} decision
   * @param {string} [reason]
   */
  decideAll(decision, reason) {
    const { view, windows, selection, notes } = this.page;
    const count = windows.total;
    if (!count) return;
    const body = this.body(decision, reason);
    this.outbox.add({
      id: body.action,
      route: 'decisions',
      body: { ...body, filter: view.filters, rules: view.rules || undefined },
      targets: [],
    });
    this.did({ last: body.action, decision, targets: [], count });
    selection.all = false;
    notes.say(`${counted(count, 'picture')}: being ${past(decision)} …`);
  }

  /**
   * Body of a request for a new decision, but for what it is about.
   * @param {string | null} decision
   * @param {string} [reason]
   */
  body(decision, reason) {
    return { decision, generation: this.page.generation, action: newId(), reviewer: this.reviewer || undefined, reason: reason || undefined };
  }

  /** @param {UndoEntry} entry */
  did(entry) {
    this.page.notes.withdraw();
    this.history.add(entry);
  }

  undo() {
    this.page.notes.withdraw();
    const entry = this.history.done.pop();
    if (!entry) return this.page.notes.say('nothing to undo');
    this.takeBack(entry, 'undone');
    for (const { row, before } of entry.targets) this.show(row, before);
    this.history.undone.push(entry);
    this.after(entry, `undone: ${describe(entry)}`);
  }

  redo() {
    const entry = this.history.undone.pop();
    if (!entry) return this.page.notes.say('nothing to redo');
    this.takeBack(entry, 'redone');
    for (const { row } of entry.targets) this.show(row, entry.decision);
    this.history.done.push(entry);
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
   * Show what an undo or a redo did, and go to its picture.
   * @param {UndoEntry} entry
   * @param {string} text
   */
  after(entry, text) {
    this.history.store();
    this.page.notes.say(text);
    this.page.draw();
    if (entry.targets.length === 1) {
      const [{ row }] = entry.targets;
      if (this.page.windows.indexOf(row) >= 0) this.page.focusRow(row);
      else this.comeBack = row;
    }
    this.page.changed();
  }

  /**
   * Show a decision before the server has stored it.
   * @param {number} row
   * @param {string | null} decision
   */
  show(row, decision) {
    const { windows, selection, details } = this.page;
    this.assumed.set(row, decision);
    const index = windows.indexOf(row);
    const item = index >= 0 ? windows.item(index) : null;
    if (item) item.decision = decision;
    const marked = selection.marked.get(row);
    if (marked) marked.decision = decision;
    details.known.delete(row);
  }

  /**
   * Say what was decided about several pictures, with a button that undoes it while it is the last decision.
   * @param {UndoEntry} entry
   */
  tell(entry) {
    this.page.notes.tell(`${describe(entry)}.`, this.history.done.at(-1) === entry ? () => this.undo() : null);
  }

  // ---- the server's answers

  /**
   * @param {Message} message
   * @param {any} answer
   */
  stored(message, answer) {
    for (const { row } of message.targets) {
      const later = this.outbox.waiting.some((one) => one.message.targets.some((target) => target.row === row));
      if (!later) this.assumed.stored(row);
    }
    if (!message.targets.length) {
      const entry = this.history.find(message.id);
      if (entry && message.route === 'decisions') {
        entry.count = answer.changed ?? entry.count;
        this.tell(entry);
        this.history.store();
      }
    }
    if (answer.passed_over) toast(`${counted(answer.passed_over, 'picture')} left alone: somebody has decided anew since.`);
    this.page.details.known.clear();
    this.settle(message.targets.length === 0 || dependsOnDecisions(this.page.view.filters));
  }

  /**
   * Fetch what decisions have changed once there was none for 250 ms; in a quick series after 1.5 s at the latest.
   * @param {boolean} view  Whether the view must be fetched too, and not only the facets.
   */
  settle(view) {
    this.viewToo ||= view;
    this.firstUnsettled ||= performance.now();
    clearTimeout(this.settleTimer);
    const wait = performance.now() - this.firstUnsettled > LATEST ? 0 : QUIET;
    this.settleTimer = setTimeout(() => {
      const { page } = this;
      if (this.comeBack !== null) page.loadView({ around: this.comeBack });
      else if (this.viewToo) page.loadView({ around: page.focused?.row ?? null, keep: true });
      this.viewToo = false;
      this.comeBack = null;
      this.firstUnsettled = 0;
      page.summary.loadFacets();
      page.summary.loadState();
    }, wait);
  }

  /**
   * Handle a decision that the server refused.
   * @param {Message} message
   * @param {any} error
   * @returns {Promise<Message | null>}  The message to send instead.
   */
  async refused(message, error) {
    const { page } = this;
    if (error.status === 409 && message.route === 'decisions' && message.targets.length) return this.moveWithBytes(message);
    this.showBefore(message);
    this.history.drop(message.id);
    page.redraw();
    if (error.status === 409) {
      toast('This data set was scanned again meanwhile: nothing was decided, please look again.');
      page.moved();
    } else {
      toast(`Not stored: ${error.message}`);
      page.windows.invalidate();
      page.loadView({ around: page.focused?.row ?? null, keep: true });
    }
    return null;
  }

  /**
   * Show what was decided before a message that was refused: the server may have no answer to show any more, as for a data set that
   * was deleted. A later decision about the same picture stays, and follows the one before.
   * @param {Message} message
   */
  showBefore(message) {
    const later = this.outbox.waiting.filter((waiting) => waiting.message.id !== message.id).flatMap((waiting) => waiting.message.targets);
    for (const { row, before } of message.targets) {
      const next = later.find((target) => target.row === row);
      if (next) {
        next.before = before;
        continue;
      }
      if (message.route === 'decisions') this.show(row, before ?? null);
      this.assumed.delete(row);
    }
  }

  /**
   * After a rescan rows have other numbers: the decision is sent again for files whose content is the same; for files that changed
   * meanwhile the person is asked to look again.
   * @param {Message} message
   * @returns {Promise<Message | null>}
   */
  async moveWithBytes(message) {
    const { page } = this;
    const found = [];
    let generation = '';
    for (const target of message.targets) {
      const answer = await api.get(`${page.base}/window`, { filter: [`file:eq:${target.file}`], count: 1 });
      generation = answer.generation;
      const item = answer.items[0];
      if (item && item.sha256 === target.sha256) found.push({ ...target, row: item.row });
    }
    const lost = message.targets.length - found.length;
    if (lost) toast(`${counted(lost, 'picture')} changed meanwhile: please look again.`);
    for (const { row } of message.targets) this.assumed.delete(row);
    page.moved();
    if (!found.length || generation === message.body.generation) return null;
    return { ...message, targets: found, body: { ...message.body, generation, rows: found.map(({ row }) => row) } };
  }
}

/** @param {UndoEntry} entry */
function describe(entry) {
  return entry.targets.length === 1 ? `${past(entry.decision)} ${fileName(entry.targets[0].file)}` : `${counted(entry.count, 'picture')} ${past(entry.decision)}`;
}
