/** Text fields whose text counts once it is entered. */
import { useLayoutEffect, useRef } from '../lib.js';

/**
 * A `ref` for a field that shows this text whenever the text changes. A field with the property `value` would get it with every
 * drawing of the page, and lose what a person has typed and not yet entered.
 * @param {string | number} text
 * @returns {{current: HTMLInputElement | null}}
 */
export function useTyped(text) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => {
    if (field.current) field.current.value = String(text);
  }, [text]);
  return field;
}
