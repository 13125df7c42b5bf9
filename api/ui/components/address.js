/**
 * The state of the review page that its address holds, so that links and the Back button restore it.
 *
 * @typedef {object} View
 * @property {string[]} filters  `column:operator:value`, all of which hold.
 * @property {string} sort
 * @property {string} rules  Name of a rule set; empty: the data set's own.
 * @property {number | null} row  Focused row.
 * @property {boolean} open  Whether the picture is shown large.
 * @property {string[]} measures  Histograms beside those of the rule set.
 */

import { navigate, root } from "../lib.js";

export const DEFAULT_SORT = "worst";

/**
 * The view that an address names.
 * @param {string} search
 * @returns {View}
 */
export function readView(search) {
  const given = new URLSearchParams(search);
  const row = given.get("row") ?? "";
  return {
    filters: given.getAll("filter"),
    sort: given.get("sort") || DEFAULT_SORT,
    rules: given.get("rules") || "",
    row: /^\d{1,15}$/.test(row) ? Number(row) : null,
    open: given.get("open") === "1",
    measures: given.getAll("measure"),
  };
}

/**
 * The query of an address that names this view.
 * @param {View} view
 */
export function writeView(view) {
  const query = new URLSearchParams();
  for (const filter of view.filters) query.append("filter", filter);
  if (view.sort !== DEFAULT_SORT) query.set("sort", view.sort);
  if (view.rules) query.set("rules", view.rules);
  for (const measure of view.measures) query.append("measure", measure);
  if (view.row !== null) query.set("row", String(view.row));
  if (view.open) query.set("open", "1");
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

/** The view, and the address that names it: a change of one changes the other. */
export class Address {
  /** @param {(before: View) => void} changed  Called with the view before, not when only the focused row is remembered. */
  constructor(changed) {
    this.changed = changed;
    this.view = readView(location.search);
    /** Query of the address, as this page wrote it last. */
    this.written = writeView(this.view);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  stop() {
    clearTimeout(this.timer);
  }

  /**
   * Change the view; each change is a step of the browser's history.
   * @param {Partial<View>} change
   */
  setView(change) {
    const before = this.view;
    this.view = { ...before, ...change };
    this.write(false);
    this.changed(before);
  }

  /** @param {boolean} replace */
  write(replace) {
    clearTimeout(this.timer);
    this.written = writeView(this.view);
    navigate(location.pathname.slice(root.length) + this.written, { replace });
  }

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
    this.changed(before);
  }

  /**
   * Write the focused row into the address, without a step of the browser's history.
   * @param {number} row
   */
  remember(row) {
    this.view = { ...this.view, row };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(true), 250);
  }

  /** @param {string[]} filters */
  setFilters(filters) {
    // A search field raises several events for the same text, which must be one step of the history.
    if (JSON.stringify(filters) !== JSON.stringify(this.view.filters)) this.setView({ filters });
  }
}
