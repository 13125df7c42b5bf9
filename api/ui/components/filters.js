/** Filters as the REST interface takes them: `column:operator:value`. */

/**
 * Parts of a filter.
 * @param {string} text
 */
export function parseFilter(text) {
  const first = text.indexOf(":");
  const second = text.indexOf(":", first + 1);
  if (first < 0 || second < 0) return { column: text, operator: "", value: "" };
  return { column: text.slice(0, first), operator: text.slice(first + 1, second), value: text.slice(second + 1) };
}

/**
 * Values of a column that `eq` or `in` filters by.
 * @param {string[]} filters
 * @param {string} column
 * @returns {string[]}
 */
export function chosen(filters, column) {
  for (const text of filters) {
    const filter = parseFilter(text);
    if (filter.column !== column) continue;
    if (filter.operator === "eq") return [filter.value];
    if (filter.operator === "in") return filter.value.split(",");
  }
  return [];
}

/**
 * The filters with a value of a facet added, or removed when it was chosen.
 * @param {string[]} filters
 * @param {string} column
 * @param {string} value
 */
export function toggled(filters, column, value) {
  const before = chosen(filters, column);
  let after = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  // `in` separates its values by commas: a value with a comma in it can be chosen alone only.
  if (after.length > 1 && after.some((one) => one.includes(","))) after = [value];
  return withChosen(filters, column, after);
}

/**
 * The filters with exactly these values of a facet; without values the facet does not filter.
 * @param {string[]} filters
 * @param {string} column
 * @param {string[]} values
 */
export function withChosen(filters, column, values) {
  const made = values.length === 0 ? [] : [values.length === 1 ? `${column}:eq:${values[0]}` : `${column}:in:${values.join(",")}`];
  return replaced(filters, (filter) => filter.column === column && (filter.operator === "eq" || filter.operator === "in"), made);
}

/**
 * Limits that filters set to a measure.
 * @param {string[]} filters
 * @param {string} column
 * @returns {{min: number | null, max: number | null}}
 */
export function rangeOf(filters, column) {
  /** @type {{min: number | null, max: number | null}} */
  const range = { min: null, max: null };
  for (const text of filters) {
    const filter = parseFilter(text);
    if (filter.column !== column || filter.value === "" || !Number.isFinite(Number(filter.value))) continue;
    if (filter.operator === "ge" || filter.operator === "gt") range.min = Number(filter.value);
    if (filter.operator === "le" || filter.operator === "lt") range.max = Number(filter.value);
  }
  return range;
}

/**
 * The filters with other limits of a measure.
 * @param {string[]} filters
 * @param {string} column
 * @param {number | null} min
 * @param {number | null} max
 */
export function withRange(filters, column, min, max) {
  const made = [];
  if (min !== null) made.push(`${column}:ge:${min}`);
  if (max !== null) made.push(`${column}:le:${max}`);
  return replaced(filters, (filter) => filter.column === column && ["ge", "gt", "le", "lt"].includes(filter.operator), made);
}

/**
 * The filters with this text searched for in the names of files, or of folders.
 * @param {string[]} filters
 * @param {string} text
 * @param {string} [column]
 */
export function withSearch(filters, text, column = "file") {
  return replaced(filters, (filter) => filter.column === column && filter.operator === "contains", text ? [`${column}:contains:${text}`] : []);
}

/**
 * The text that filters search for in the names of files, or of folders.
 * @param {string[]} filters
 * @param {string} [column]
 */
export function searchOf(filters, column = "file") {
  const found = filters.map(parseFilter).find((filter) => filter.column === column && filter.operator === "contains");
  return found ? found.value : "";
}

/**
 * Whether a decision can change which pictures match.
 * @param {string[]} filters
 */
export function dependsOnDecisions(filters) {
  return filters.some((filter) => filter.startsWith("decision:"));
}

/**
 * The filters with those that match replaced by others, at the place of the first one.
 * @param {string[]} filters
 * @param {(filter: {column: string, operator: string, value: string}) => boolean} matches
 * @param {string[]} made
 */
function replaced(filters, matches, made) {
  const at = filters.findIndex((text) => matches(parseFilter(text)));
  const rest = filters.filter((text) => !matches(parseFilter(text)));
  rest.splice(at < 0 ? rest.length : Math.min(at, rest.length), 0, ...made);
  return rest;
}
