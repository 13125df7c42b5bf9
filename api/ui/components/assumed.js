/**
 * Decisions shown before the server has them. An answer that was requested before the server had a decision still holds the one
 * before it: requests are numbered, and answers to those from number `since` on count instead of what is assumed here.
 */

export class Assumed {
  constructor() {
    /** @type {Map<number, {decision: string | null, since: number}>} */
    this.rows = new Map();
    this.requests = 0;
  }

  /** The number of a request that is sent now. */
  numbered() {
    this.requests += 1;
    return this.requests;
  }

  /** @param {number} row */
  get(row) {
    return this.rows.get(row);
  }

  /**
   * @param {number} row
   * @param {string | null} decision
   */
  set(row, decision) {
    this.rows.set(row, { decision, since: Infinity });
  }

  /**
   * The server has stored the decision: answers to requests from now on know it.
   * @param {number} row
   */
  stored(row) {
    const assumed = this.rows.get(row);
    if (assumed) assumed.since = this.requests + 1;
  }

  /** @param {number} row */
  delete(row) {
    this.rows.delete(row);
  }

  /**
   * Put the decisions made here into an answer that was requested before the server had them.
   * @param {{asked: number, items: import('./windows.js').Item[]}} answer
   */
  putInto(answer) {
    for (const item of answer.items) {
      const assumed = this.rows.get(item.row);
      if (!assumed) continue;
      if (answer.asked >= assumed.since) this.rows.delete(item.row);
      else item.decision = assumed.decision;
    }
  }
}
