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
