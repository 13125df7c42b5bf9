/** Settings of a person that the browser keeps: name, size of tiles, layers. */

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
