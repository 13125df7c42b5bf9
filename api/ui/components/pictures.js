/** Thumbnails of the grid: fetched a few at a time, the nearest first; requests for those scrolled away are aborted. */

/** Requests at once: a browser allows six per server, and some must stay free for the rows' data. */
const AT_ONCE = 4;
const REMEMBERED = 500;

/**
 * @typedef {object} Wish
 * @property {string} url
 * @property {HTMLElement} holder  Element that shows the picture.
 */

export class Pictures {
  /** @param {(url: string) => void} failed  Called when a picture could not be loaded. */
  constructor(failed) {
    this.failed = failed;
    /** @type {Map<string, HTMLImageElement>} */
    this.loaded = new Map();
    /** @type {Set<string>} */
    this.broken = new Set();
    /** @type {Map<string, HTMLImageElement>} */
    this.loading = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.wished = new Map();
    this.stopped = false;
  }

  /**
   * Show these pictures, fetched in this order; all other requests are aborted.
   * @param {Wish[]} wishes
   * @param {boolean} hold  Fetch nothing now: the reader scrolls too fast to see any.
   */
  plan(wishes, hold = false) {
    this.wished.clear();
    for (const { url, holder } of wishes) {
      const image = this.loaded.get(url);
      if (image) {
        this.loaded.delete(url);
        this.loaded.set(url, image);
        if (image.parentNode !== holder) this.show(holder, image);
      } else if (this.stopped || this.broken.has(url)) {
        holder.dataset.state = "none";
      } else {
        this.wished.set(url, holder);
      }
    }
    for (const [url, image] of this.loading) {
      if (this.wished.has(url)) continue;
      this.loading.delete(url);
      image.onload = image.onerror = null;
      image.removeAttribute("src");
    }
    if (!hold) this.pump();
  }

  /**
   * @param {HTMLElement} holder
   * @param {HTMLImageElement} image
   */
  show(holder, image) {
    delete holder.dataset.state;
    holder.replaceChildren(image);
  }

  pump() {
    for (const url of this.wished.keys()) {
      if (this.loading.size >= AT_ONCE) break;
      if (!this.loading.has(url)) this.fetch(url);
    }
  }

  /** @param {string} url */
  fetch(url) {
    const image = new Image();
    image.alt = "";
    image.decoding = "async";
    image.draggable = false;
    this.loading.set(url, image);
    image.onload = () => {
      this.loading.delete(url);
      this.loaded.set(url, image);
      const holder = this.wished.get(url);
      this.wished.delete(url);
      if (holder) this.show(holder, image);
      for (const old of this.loaded.keys()) {
        if (this.loaded.size <= REMEMBERED) break;
        if (!this.loaded.get(old)?.isConnected) this.loaded.delete(old);
        else break;
      }
      this.pump();
    };
    image.onerror = () => {
      this.loading.delete(url);
      this.broken.add(url);
      const holder = this.wished.get(url);
      this.wished.delete(url);
      if (holder) holder.dataset.state = "none";
      this.failed(url);
      this.pump();
    };
    image.src = url;
  }

  /** Fetch no more pictures: this server shows none. */
  stop() {
    this.stopped = true;
    for (const image of this.loading.values()) {
      image.onload = image.onerror = null;
      image.removeAttribute("src");
    }
    this.loading.clear();
    for (const holder of this.wished.values()) holder.dataset.state = "none";
    this.wished.clear();
  }

  /** Try failed pictures again, for example after the server could not be reached. */
  again() {
    this.broken.clear();
  }
}
