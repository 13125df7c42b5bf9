/**
 * Decisions on their way to the server: sent in order, repeated under the same action id until the server has answered, and kept in
 * the browser meanwhile, so that neither a reload nor a server that is away loses one.
 */

/**
 * @typedef {object} Target
 * @property {number} row
 * @property {string} file
 * @property {string} sha256
 * @property {string | null} before  Decision it had.
 *
 * @typedef {object} Message
 * @property {string} id  Action id; sent again, it has no second effect.
 * @property {"decisions" | "decisions/undo"} route
 * @property {Record<string, unknown>} body
 * @property {Target[]} targets  Empty for decisions about everything that meets a filter.
 */

const LONGEST_WAIT = 10_000;

/** An id for an action (UUID version 4), made here so that the server recognises a repeated request. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export class Outbox {
  /**
   * @param {string} dataset
   * @param {(message: Message) => Promise<object>} send
   * @param {object} events
   * @param {(message: Message, answer: object) => void} events.stored
   * @param {(message: Message, error: any) => Promise<Message | null>} events.refused  Answers a message to send instead, or null.
   * @param {() => void} events.changed
   */
  constructor(dataset, send, events) {
    this.prefix = `bqat-outbox:${dataset}:`;
    this.send = send;
    this.events = events;
    /** @type {{key: string, message: Message}[]} */
    this.waiting = [];
    this.away = false;
    this.busy = false;
    this.closed = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {(() => void) | undefined} ends the wait before the next try */
    this.resume = undefined;
    this.wake = () => this.resume?.();
  }

  /** Begin with the messages that an earlier visit did not send. */
  open() {
    this.closed = false;
    this.waiting = this.left();
    window.addEventListener("online", this.wake);
    if (this.waiting.length) this.run();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.wake);
  }

  /** @param {Message} message */
  add(message) {
    const key = `${this.prefix}${String(Date.now()).padStart(15, "0")}:${String(this.waiting.length).padStart(6, "0")}:${message.id}`;
    try {
      localStorage.setItem(key, JSON.stringify(message));
    } catch {
      // The store is full or forbidden: the decision is still sent from memory.
    }
    this.waiting.push({ key, message });
    this.events.changed();
    this.run();
  }

  /** Number of decisions that the server has not confirmed. */
  get size() {
    return this.waiting.length;
  }

  async run() {
    if (this.busy || this.closed) return;
    this.busy = true;
    let wait = 500;
    while (this.waiting.length && !this.closed) {
      const { key, message } = this.waiting[0];
      try {
        const answer = await this.send(message);
        this.drop(key);
        this.away = false;
        wait = 500;
        this.events.stored(message, answer);
      } catch (error) {
        const status = /** @type {any} */ (error)?.status ?? 0;
        if (status === 0 || status === 401 || status === 408 || status === 429 || status >= 500) {
          this.away = true;
          this.events.changed();
          if (status === 401) break; // the person gave no key: it is asked for again with the next decision
          await new Promise((resolve) => {
            this.resume = () => resolve(undefined);
            this.timer = setTimeout(this.resume, wait);
          });
          clearTimeout(this.timer);
          wait = Math.min(2 * wait, LONGEST_WAIT);
          continue;
        }
        const instead = await this.events.refused(message, error).catch(() => null);
        this.drop(key);
        if (instead) {
          localStorage.setItem(key, JSON.stringify(instead));
          this.waiting.unshift({ key, message: instead });
        }
      }
      this.events.changed();
    }
    this.busy = false;
    this.events.changed();
  }

  /** @param {string} key */
  drop(key) {
    this.waiting = this.waiting.filter((one) => one.key !== key);
    try {
      localStorage.removeItem(key);
    } catch {
      // Nothing was kept there.
    }
  }

  left() {
    const found = [];
    try {
      for (const key of Object.keys(localStorage).filter((name) => name.startsWith(this.prefix)).sort()) {
        try {
          found.push({ key, message: JSON.parse(localStorage.getItem(key) ?? "") });
        } catch {
          localStorage.removeItem(key);
        }
      }
    } catch {
      return [];
    }
    return found;
  }
}
