/** Parts of the page that are loaded where they are wanted: those of switched-off features never are. */
import { useEffect, useState } from '../lib.js';

/**
 * @param {boolean} wanted
 * @param {() => Promise<any>} load  Answers the component.
 * @returns {any}  Null where it is not wanted, or not here yet.
 */
export function usePart(wanted, load) {
  const [part, setPart] = useState(/** @type {any} */ (null));
  useEffect(() => {
    let gone = false;
    if (wanted && !part) load().then((found) => gone || setPart(() => found), () => {});
    return () => void (gone = true);
  }, [wanted]);
  return wanted ? part : null;
}
