/** What is known about single pictures beyond their row: the details, the marks drawn on demand, and whether the server shows any. */
import { api, ApiError } from '../lib.js';

/** Most pictures whose details, or marks, are kept. */
const REMEMBERED = 60;

export class Details {
  /**
   * @param {string} base  Address of the data set.
   * @param {object} page
   * @param {() => string} page.rules  Name of the chosen rule set; empty: the data set's own.
   * @param {() => void} page.hidden  Called once when the server shows no pictures.
   * @param {(error: unknown) => void} page.failed  Called when a picture could not be loaded because the server does not answer.
   */
  constructor(base, page) {
    this.base = base;
    this.page = page;
    /** Answers by row. */
    /** @type {Map<number, any>} */
    this.known = new Map();
    /** Landmarks and light zones by row, or why there are none. */
    /** @type {Map<number, any>} */
    this.marks = new Map();
    /** Decisions about pairs that were kept on this page. */
    this.answered = 0;
    /** Why this server shows no pictures; empty where it does. */
    this.hiddenPictures = '';
    this.asked = false;
  }

  /**
   * Everything about a row.
   * @param {number} row
   * @param {AbortSignal} [signal]
   */
  async load(row, signal) {
    const known = this.known.get(row);
    if (known) return known;
    const before = this.answered;
    const found = await api.get(`${this.base}/review/${row}`, { rules: this.page.rules() || undefined }, { signal });
    if (before !== this.answered) return this.load(row, signal); // it may be of before that
    if (this.known.size > REMEMBERED) this.known.clear();
    this.known.set(row, found);
    return found;
  }

  /**
   * Note what was decided about two pictures that may show one person, in the details of both that are known.
   * @param {number} row
   * @param {number} other
   * @param {string | null} answer
   */
  knowPair(row, other, answer) {
    this.answered += 1;
    for (const [one, another] of [[row, other], [other, row]]) {
      const known = this.known.get(one);
      // New objects: a part of the page with the same ones is not drawn again.
      if (known?.identities) this.known.set(one, { ...known, identities: known.identities.map((/** @type {any} */ member) => (member.row === another ? { ...member, same_person: answer } : member)) });
    }
  }

  /**
   * Keep the landmarks and light zones of a row, or why there are none.
   * @param {number} row
   * @param {any} found
   */
  keepMarks(row, found) {
    if (this.marks.size > REMEMBERED) this.marks.clear();
    this.marks.set(row, found);
  }

  /**
   * Ask the server why a picture of the grid could not be loaded, once for all of them.
   * @param {string} url
   */
  async askWhy(url) {
    if (this.asked) return;
    this.asked = true;
    this.asked = (await this.why(url)).status === 404;
  }

  /**
   * Why the server gives no picture; where it shows none at all, no more are requested.
   * @param {string} url
   * @returns {Promise<{status: number, reason: string}>}  Status 0 without an answer; the reason is empty where none is known.
   */
  async why(url) {
    try {
      const answer = await fetch(url);
      const reason = answer.ok ? '' : String((await answer.json().catch(() => null))?.detail ?? '');
      if (answer.status === 404 && reason.includes('BQAT_THUMBNAILS')) {
        this.hiddenPictures = 'This server shows no pictures (BQAT_THUMBNAILS=none). Everything else works.';
        this.page.hidden();
      }
      return { status: answer.status, reason };
    } catch {
      this.page.failed(new ApiError(0, 'The server does not answer.'));
      return { status: 0, reason: '' };
    }
  }
}
