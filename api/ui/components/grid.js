/**
 * The grid of pictures: rows of tiles in a scroll container, of which only those near the visible part are in the DOM. Written
 * without Preact, so that a scroll through a million pictures moves a few dozen elements and creates none.
 */
import { describeItem, firstReason, verdictOf } from './words.js';

const GAP = 10;
const CAPTION = 42;
const PADDING = 14;
/** Height over width of a tile's picture. */
const SHAPE = 1.15;
/** Px: browsers draw no element higher than some 16 million px; in a higher grid one px of the scroll bar is several px of rows. */
const HIGHEST = 8_000_000;
/** Px/ms: in a faster scroll nobody sees a picture, and none is fetched. */
const FAST = 6;

/**
 * @typedef {object} GridEvents
 * @property {(index: number) => import('./windows.js').Item | undefined} item
 * @property {(first: number, last: number, ahead: number, fast: boolean) => void} want
 * @property {(row: number, size: number) => string} url  Address of a thumbnail.
 * @property {(index: number, event: MouseEvent) => void} click
 * @property {(index: number) => void} open
 * @property {(index: number) => void} mark
 * @property {(row: number) => boolean} isMarked
 */

export class Grid {
  /**
   * @param {HTMLElement} root  Scroll container.
   * @param {import('./pictures.js').Pictures} pictures
   * @param {GridEvents} events
   */
  constructor(root, pictures, events) {
    this.root = root;
    this.pictures = pictures;
    this.events = events;
    this.total = 0;
    this.wide = 150;
    this.columns = 1;
    this.tile = 150;
    this.rowHeight = 200;
    this.focused = 0;
    /** Distance of the visible part from the top of all rows, px. */
    this.top = 0;
    this.ahead = 1;
    this.speed = 0;
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** @type {HTMLElement[]} */
    this.spare = [];
    this.drawn = 0;
    this.canvas = document.createElement('div');
    this.canvas.className = 'rv-canvas';
    this.canvas.setAttribute('role', 'rowgroup');
    root.replaceChildren(this.canvas);
    this.seen = root.scrollTop;
    this.time = 0;

    this.onScroll = () => this.scrolled();
    this.onClick = (/** @type {MouseEvent} */ event) => {
      const index = this.indexAt(event.target);
      if (index < 0) return;
      if (/** @type {Element} */ (event.target).closest('.rv-pick')) events.mark(index);
      else events.click(index, event);
    };
    this.onDouble = (/** @type {MouseEvent} */ event) => {
      const index = this.indexAt(event.target);
      if (index >= 0 && !/** @type {Element} */ (event.target).closest('.rv-pick')) events.open(index);
    };
    root.addEventListener('scroll', this.onScroll, { passive: true });
    root.addEventListener('click', this.onClick);
    root.addEventListener('dblclick', this.onDouble);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
    this.layout();
  }

  close() {
    this.observer.disconnect();
    this.root.removeEventListener('scroll', this.onScroll);
    this.root.removeEventListener('click', this.onClick);
    this.root.removeEventListener('dblclick', this.onDouble);
    cancelAnimationFrame(this.drawn);
    clearTimeout(this.settling);
  }

  // ---- places

  get lines() {
    return Math.ceil(this.total / this.columns);
  }

  /** Height of all rows, px. */
  get height() {
    return this.lines * this.rowHeight - (this.lines ? GAP : 0) + 2 * PADDING;
  }

  get canvasHeight() {
    return Math.min(this.height, HIGHEST);
  }

  get deepest() {
    return Math.max(0, this.height - this.view);
  }

  /** Height of the visible part in px, kept by `layout`: reading it from the DOM costs a reflow. */
  view = 0;

  /** First and last visible index. */
  get range() {
    const first = Math.max(0, Math.floor((this.top - PADDING) / this.rowHeight));
    const last = Math.min(this.lines - 1, Math.floor((this.top + this.view) / this.rowHeight));
    return { first: first * this.columns, last: Math.min(this.total - 1, (last + 1) * this.columns - 1) };
  }

  /** @param {EventTarget | null} target */
  indexAt(target) {
    const cell = /** @type {Element | null} */ (target)?.closest?.('.rv-tile');
    return cell instanceof HTMLElement ? Number(cell.dataset.index) : -1;
  }

  /** Where on the screen a tile is, px from the top of the grid. */
  /** @param {number} index */
  offsetOf(index) {
    return Math.floor(index / this.columns) * this.rowHeight + PADDING - this.top;
  }

  // ---- changes

  /** @param {number} total */
  setTotal(total) {
    this.total = total;
    this.root.setAttribute('aria-rowcount', String(this.lines));
    this.layout();
  }

  /**
   * Width that tiles should have, px.
   * @param {number} wide
   */
  setWide(wide) {
    this.wide = wide;
    this.layout();
  }

  layout() {
    const anchor = this.range.first;
    const width = this.root.clientWidth - 2 * PADDING;
    this.view = this.root.clientHeight;
    if (width <= 0) return;
    const before = `${this.columns} ${this.tile}`;
    this.columns = Math.max(1, Math.round((width + GAP) / (this.wide + GAP)));
    this.tile = (width - GAP * (this.columns - 1)) / this.columns;
    this.rowHeight = Math.round(this.tile * SHAPE) + CAPTION + GAP;
    this.root.style.setProperty('--tile', `${this.rowHeight - GAP - CAPTION}px`);
    this.root.style.setProperty('--columns', String(this.columns));
    this.root.setAttribute('aria-colcount', String(this.columns));
    this.root.setAttribute('aria-rowcount', String(this.lines));
    this.canvas.style.height = `${this.canvasHeight}px`;
    if (`${this.columns} ${this.tile}` !== before) {
      for (const line of [...this.rows.keys()]) this.drop(line, false);
      const focus = this.focused;
      const keep = focus >= anchor && focus < anchor + 200 && this.view ? focus : anchor;
      this.goTo(Math.floor(keep / this.columns) * this.rowHeight - (keep === focus ? this.view / 3 : 0));
    } else {
      this.goTo(Math.min(this.top, this.deepest));
    }
  }

  /**
   * Scroll to a place.
   * @param {number} top  Px from the top of all rows.
   */
  goTo(top) {
    this.top = Math.min(Math.max(0, top), this.deepest);
    this.place();
    this.draw();
  }

  /** Move the scroll bar to match `top`. */
  place() {
    const long = this.canvasHeight - this.view;
    const at = this.height > HIGHEST ? (this.top / this.deepest) * long : this.top;
    if (Math.abs(this.root.scrollTop - at) >= 1) this.root.scrollTop = at;
    this.seen = this.root.scrollTop;
  }

  scrolled() {
    const at = this.root.scrollTop;
    const moved = at - this.seen;
    if (moved === 0) return;
    const now = performance.now();
    this.speed = Math.abs(moved) / Math.max(4, now - this.time);
    this.time = now;
    this.ahead = moved > 0 ? 1 : -1;
    this.seen = at;
    if (this.height <= HIGHEST) {
      this.top = at;
    } else {
      // A short scroll moves the rows by as many px; a long one, with the scroll bar, goes to its share of the whole.
      const long = this.canvasHeight - this.view;
      if (at <= 0 || at >= long - 1 || Math.abs(moved) > 4 * this.view) this.top = (at / long) * this.deepest;
      else this.top = Math.min(Math.max(0, this.top + moved), this.deepest);
    }
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.speed = 0;
      if (this.height > HIGHEST) this.place();
      this.draw();
    }, 120);
    if (!this.drawn) {
      this.drawn = requestAnimationFrame(() => {
        this.drawn = 0;
        this.draw();
      });
    }
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  settling = undefined;

  // ---- drawing

  draw() {
    if (!this.view) return;
    const { first, last } = this.range;
    const shift = this.seen - this.top;
    if (this.total === 0) {
      for (const line of [...this.rows.keys()]) this.drop(line, false);
      return;
    }
    const beyond = Math.ceil(this.view / this.rowHeight);
    const from = Math.max(0, Math.floor(first / this.columns) - (this.ahead < 0 ? 2 * beyond : Math.ceil(beyond / 2)));
    const to = Math.min(this.lines - 1, Math.floor(last / this.columns) + (this.ahead > 0 ? 2 * beyond : Math.ceil(beyond / 2)));
    for (const line of [...this.rows.keys()]) if (line < from || line > to) this.drop(line, true);
    /** @type {import('./pictures.js').Wish[]} */
    const near = [];
    /** @type {import('./pictures.js').Wish[]} */
    const far = [];
    const size = this.tile * Math.min(devicePixelRatio, 2) > 200 ? 320 : 160;
    for (let line = from; line <= to; line += 1) {
      const row = this.rows.get(line) ?? this.take(line);
      const y = line * this.rowHeight + PADDING + shift;
      if (row.dataset.y !== String(y)) {
        row.dataset.y = String(y);
        row.style.transform = `translateY(${y}px)`;
      }
      for (let column = 0; column < this.columns; column += 1) {
        const index = line * this.columns + column;
        const cell = /** @type {HTMLElement} */ (row.children[column]);
        const item = index < this.total ? this.events.item(index) : undefined;
        this.fill(cell, index, item);
        if (item && item.status !== 'unreadable') {
          const wish = { url: this.events.url(item.row, size), holder: /** @type {HTMLElement} */ (cell.firstChild) };
          (index >= first && index <= last ? near : far).push(wish);
        }
      }
    }
    this.pictures.plan([...near, ...far], this.speed > FAST);
    this.events.want(first, last, this.ahead, this.speed > FAST);
  }

  /** @param {number} line */
  take(line) {
    let row = this.spare.pop();
    if (row && row.children.length !== this.columns) row = undefined;
    if (!row) {
      row = document.createElement('div');
      row.className = 'rv-line';
      row.setAttribute('role', 'row');
      for (let column = 0; column < this.columns; column += 1) row.append(makeTile());
    }
    row.setAttribute('aria-rowindex', String(line + 1));
    this.rows.set(line, row);
    this.canvas.append(row);
    return row;
  }

  /**
   * @param {number} line
   * @param {boolean} keep  Use its elements again.
   */
  drop(line, keep) {
    const row = /** @type {HTMLElement} */ (this.rows.get(line));
    this.rows.delete(line);
    if (row.contains(document.activeElement)) this.root.focus({ preventScroll: true });
    row.remove();
    if (keep && row.children.length === this.columns) this.spare.push(row);
    else this.spare = [];
  }

  /**
   * @param {HTMLElement} cell
   * @param {number} index
   * @param {import('./windows.js').Item | undefined} item
   */
  fill(cell, index, item) {
    const focused = index === this.focused;
    const marked = Boolean(item) && this.events.isMarked(/** @type {any} */ (item).row);
    const state = item
      ? `${index} ${item.row} ${item.decision} ${item.verdict} ${focused} ${marked} ${item.file} ${item.reasons?.[0]}`
      : `${index} ${focused} ${index < this.total}`;
    if (cell.dataset.shown === state) return;
    cell.dataset.shown = state;
    cell.dataset.index = String(index);
    cell.hidden = index >= this.total;
    cell.tabIndex = focused ? 0 : -1;
    cell.setAttribute('aria-colindex', String((index % this.columns) + 1));
    cell.setAttribute('aria-selected', String(marked));
    const [picture, badge, before, caption] = /** @type {HTMLElement[]} */ ([...cell.children]);
    const row = item ? String(item.row) : '';
    if (picture.dataset.row !== row) {
      picture.dataset.row = row;
      picture.replaceChildren();
      delete picture.dataset.state;
    }
    if (item?.status === 'unreadable') picture.dataset.state = 'none';
    cell.className = `rv-tile${focused ? ' focus' : ''}${marked ? ' marked' : ''}${item ? '' : ' empty'}`;
    if (item) {
      cell.dataset.verdict = verdictOf(item);
      cell.dataset.decision = item.decision ?? '';
      cell.setAttribute('aria-label', describeItem(item));
      cell.title = item.file;
      badge.textContent = { keep: '✓', reject: '✕', unsure: '?' }[item.decision ?? ''] ?? '';
      before.textContent = item.before && !item.decision ? 'changed' : '';
      caption.lastChild && (caption.lastChild.textContent = firstReason(item));
    } else {
      cell.dataset.verdict = cell.dataset.decision = '';
      cell.setAttribute('aria-label', 'loading');
      cell.removeAttribute('title');
      badge.textContent = before.textContent = '';
      caption.lastChild && (caption.lastChild.textContent = '');
    }
  }

  // ---- the focused picture

  /**
   * @param {number} index
   * @param {{reveal?: boolean, take?: boolean}} [options]  reveal: scroll to it; take: give it the keyboard focus.
   */
  focus(index, { reveal = true, take = false } = {}) {
    this.focused = index;
    if (reveal && this.view) {
      const offset = this.offsetOf(index);
      if (offset < 4) this.goTo(this.top + offset - PADDING);
      else if (offset + this.rowHeight > this.view) this.goTo(this.top + offset + this.rowHeight - this.view);
      else this.draw();
    } else {
      this.draw();
    }
    if (take) this.cell(index)?.focus({ preventScroll: true });
  }

  /** @param {number} index */
  cell(index) {
    const row = this.rows.get(Math.floor(index / this.columns));
    return /** @type {HTMLElement | undefined} */ (row?.children[index % this.columns]);
  }

  /** Number of pictures that fit the screen. */
  get page() {
    return Math.max(1, Math.floor(this.view / this.rowHeight)) * this.columns;
  }
}

function makeTile() {
  const cell = document.createElement('div');
  cell.setAttribute('role', 'gridcell');
  cell.tabIndex = -1;
  for (const [name, hidden] of [['rv-picture', true], ['rv-badge', true], ['rv-before', true], ['rv-caption', true], ['rv-pick', true]]) {
    const part = document.createElement('div');
    part.className = String(name);
    if (hidden) part.setAttribute('aria-hidden', 'true');
    cell.append(part);
  }
  const dot = document.createElement('i');
  const text = document.createElement('span');
  /** @type {Element} */ (cell.children[3]).append(dot, text);
  return cell;
}
