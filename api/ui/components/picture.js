/** One picture, large: zoom, pan, and marks drawn over it. */
import { html, url, useEffect, useLayoutEffect, useRef, useState } from '../lib.js';
import { Marks } from './marks.js';

const MOST = 12;

/**
 * @typedef {object} Zoom  Factor, and how far the middle was moved, in shares of the stage.
 * @property {number} scale
 * @property {number} x
 * @property {number} y
 */

export const WHOLE = { scale: 1, x: 0, y: 0 };

/**
 * @param {object} props
 * @param {string} props.base  Address of the data set's routes.
 * @param {number} props.row
 * @param {string} props.label
 * @param {number | null} props.width  Of the picture, px.
 * @param {number | null} props.height
 * @param {Record<string, any> | undefined} props.columns  Every column of the row, once it is known.
 * @param {Set<string>} props.layers  Layers to draw.
 * @param {any} props.crop  The crop that would pass, once it is known.
 * @param {import('./marks.js').Found} props.marks  Landmarks and light zones, once they are loaded.
 * @param {number} props.outages  How often the server was away and came back: a picture that failed is then fetched again.
 * @param {(address: string) => Promise<string>} props.askWhy  Why the picture at an address could not be loaded; empty: not known.
 * @param {string} props.hidden  Why no picture is shown; empty when pictures are shown.
 * @param {Zoom} props.zoom
 * @param {(zoom: Zoom) => void} props.onZoom
 */
export function Picture({ base, row, label, width, height, columns, layers, crop, marks, hidden, outages, askWhy, zoom, onZoom }) {
  const stage = useRef(/** @type {HTMLElement | null} */ (null));
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [loaded, setLoaded] = useState('');
  const [natural, setNatural] = useState(/** @type {{width: number, height: number} | null} */ (null));
  const [failed, setFailed] = useState('');
  const latest = useRef(zoom);
  latest.current = zoom;
  const source = url(`${base}/profiles/${row}/thumbnail`, { size: 1024 });
  const small = url(`${base}/profiles/${row}/thumbnail`, { size: 160 });

  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (stage.current);
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const [reason, setReason] = useState(['', '']); // address, why there is no picture
  useEffect(() => setFailed(''), [outages]);

  useEffect(() => {
    const element = /** @type {HTMLElement} */ (stage.current);
    const wheel = (/** @type {WheelEvent} */ event) => {
      if (hidden) return;
      event.preventDefault();
      onZoom(zoomed(latest.current, Math.exp(-event.deltaY / 400), placeOf(element, event)));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => element.removeEventListener('wheel', wheel);
  }, [hidden, onZoom]);

  const shape = columns?.image_width && columns?.image_height ? { width: columns.image_width, height: columns.image_height } : width && height ? { width, height } : natural ?? { width: 4, height: 5 };
  const fit = size.width ? Math.min(size.width / shape.width, size.height / shape.height) : 0;
  const shown = { width: shape.width * fit, height: shape.height * fit };

  // One pointer (finger or mouse) pans, two zoom.
  const pointers = useRef(/** @type {Map<number, {x: number, y: number}>} */ (new Map()));
  const down = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0 || hidden) return;
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const before = pointers.current.get(event.pointerId);
    if (!before || !size.width) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    let next = latest.current;
    if (other) {
      const distance = (/** @type {{x: number, y: number}} */ a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
      next = zoomed(next, distance(now) / distance(before), placeOf(/** @type {HTMLElement} */ (stage.current), { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 }));
    } else if (next.scale > 1) {
      next = within({ ...next, x: next.x + (now.x - before.x) / size.width, y: next.y + (now.y - before.y) / size.height });
    }
    pointers.current.set(event.pointerId, now);
    if (next !== latest.current) {
      latest.current = next;
      onZoom(next);
    }
  };
  const up = (/** @type {PointerEvent} */ event) => pointers.current.delete(event.pointerId);
  const double = (/** @type {MouseEvent} */ event) =>
    onZoom(zoom.scale > 1 ? WHOLE : zoomed(zoom, 3, placeOf(/** @type {HTMLElement} */ (stage.current), event)));

  const transform = `translate(${zoom.x * size.width}px, ${zoom.y * size.height}px) scale(${zoom.scale})`;
  const known = reason[0] === source && reason[1] ? `: ${reason[1]}.` : '.';
  const why = hidden || failed === source && `This picture cannot be shown${known}`;
  return html`<div class=${`rv-stage${zoom.scale > 1 ? ' zoomed' : ''}`} ref=${stage} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up} onDblClick=${double}>
    ${why
      ? html`<p class="rv-nothing">${why}</p>`
      : html`<div class="rv-layer" style=${{ width: `${shown.width}px`, height: `${shown.height}px`, transform }}>
          ${loaded !== source && html`<img key=${small} class="rv-preview" src=${small} alt="" draggable=${false} />`}
          <img key=${source} class=${loaded === source ? '' : 'waiting'} src=${source} alt=${label} draggable=${false}
            onLoad=${(/** @type {any} */ event) => {
              setLoaded(source);
              setNatural({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight });
            }}
            onError=${() => {
              setFailed(source);
              askWhy(source).then((why) => setReason([source, why]));
            }} />
          ${columns && html`<${Marks} row=${columns} shape=${shape} layers=${layers} crop=${crop} marks=${marks} scale=${fit * zoom.scale} />`}
        </div>`}
  </div>`;
}

/**
 * Where a pointer is, in shares of the stage from its middle.
 * @param {HTMLElement} element
 * @param {{clientX: number, clientY: number}} event
 */
function placeOf(element, event) {
  const box = element.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width - 0.5, y: (event.clientY - box.top) / box.height - 0.5 };
}

/**
 * The zoom after a step, with one place of the picture fixed on the screen.
 * @param {Zoom} zoom
 * @param {number} factor
 * @param {{x: number, y: number}} [place]
 * @returns {Zoom}
 */
export function zoomed(zoom, factor, place = { x: 0, y: 0 }) {
  const scale = Math.min(MOST, Math.max(1, zoom.scale * factor));
  const step = scale / zoom.scale;
  return within({ scale, x: place.x - (place.x - zoom.x) * step, y: place.y - (place.y - zoom.y) * step });
}

/** @param {Zoom} zoom */
function within({ scale, x, y }) {
  const most = (scale - 1) / 2;
  const kept = (/** @type {number} */ value) => Math.min(most, Math.max(-most, value));
  return { scale, x: kept(x), y: kept(y) };
}
