/** Marks drawn over a picture: boxes, landmarks, light zones, the crop that would pass. */
import { api, html, useEffect, useState } from '../lib.js';

/** Every layer, in the order in which they are offered. */
export const LAYERS = ['face', 'eyes', 'head', 'lines', 'points', 'zones', 'crop'];
/** Layers that the row does not hold: the server measures them in the picture again. */
const ON_DEMAND = ['points', 'zones'];

/**
 * @typedef {object} Found  Landmarks and light zones of a picture, px; or why there are none.
 * @property {[number, number][]} [points]
 * @property {[number, number][][]} [zones]
 * @property {string} [problem]
 */

/**
 * Layers that can be drawn over a picture, in the frame of the upright one (px).
 * @param {Record<string, any> | undefined} row
 * @param {any} [crop]
 */
export function layersOf(row, crop) {
  if (!row) return [];
  const has = (/** @type {string[]} */ ...names) => names.every((name) => typeof row[name] === 'number');
  const layers = [];
  if (has('bbox_left', 'bbox_upper', 'bbox_right', 'bbox_lower')) layers.push({ name: 'face', title: 'Face' });
  if (has('pupil_right_x', 'pupil_right_y', 'pupil_left_x', 'pupil_left_y')) layers.push({ name: 'eyes', title: 'Eyes' });
  if (has('head_left', 'head_top', 'head_right', 'head_bottom')) layers.push({ name: 'head', title: 'Head' }, { name: 'lines', title: 'Crown and chin' });
  if (has('pupil_right_x')) layers.push({ name: 'points', title: 'Landmarks' }, { name: 'zones', title: 'Light zones' });
  if (crop && (crop.crop || has('pupil_right_x'))) layers.push({ name: 'crop', title: 'Crop that would pass' });
  return layers;
}

/**
 * Landmarks and light zones of a picture, fetched when one of their layers is chosen.
 * @param {import('./model.js').Model} model
 * @param {number | null} row
 * @param {Set<string>} layers
 * @returns {Found | undefined}
 */
export function useMarks(model, row, layers) {
  const [, shown] = useState(0);
  const wanted = row !== null && !model.details.hiddenPictures && ON_DEMAND.some((name) => layers.has(name));
  const known = row === null ? undefined : model.details.marks.get(row);
  useEffect(() => {
    if (!wanted || known) return undefined;
    const controller = new AbortController();
    // None while somebody passes through the grid with a key held down.
    const timer = setTimeout(async () => {
      try {
        model.details.keepMarks(row, await api.get(`${model.base}/profiles/${row}/marks`, {}, { signal: controller.signal }));
      } catch (/** @type {any} */ error) {
        if (error.name === 'AbortError') return;
        const problem = String(error.message).replace(/[.]?$/, '.');
        // When the server was busy or could not be reached, it is asked again the next time the picture is focused.
        model.details.keepMarks(row, { problem, passing: error.status !== 404 });
      }
      shown((n) => n + 1);
    }, 150);
    return () => {
      clearTimeout(timer);
      controller.abort();
      if (model.details.marks.get(row)?.passing) model.details.marks.delete(row);
    };
  }, [row, wanted]);
  return known;
}

/**
 * Text about the chosen layers: which cannot be drawn and why, and what the crop is.
 * @param {{layers: Set<string>, offered: {name: string}[], crop: any, marks: Found | undefined}} props
 */
export function MarksSaid({ layers, offered, crop, marks }) {
  const on = (/** @type {string} */ name) => layers.has(name) && offered.some((one) => one.name === name);
  const lines = [];
  if (marks?.problem && ON_DEMAND.some(on)) lines.push(marks.problem[0].toUpperCase() + marks.problem.slice(1));
  if (marks?.zones && !marks.zones.length && on('zones')) lines.push('A cheek lies too close to the edge: there are no light zones.');
  if (on('crop')) lines.push(cropSaid(crop));
  return lines.length ? html`<p class="rv-marks-said soft small" role="status">${lines.map((line, i) => html`${i > 0 && html`<br />`}${line}`)}</p>` : null;
}

/** @param {any} plan */
function cropSaid({ crop, reason }) {
  if (!crop) return reason;
  const turned = crop.angle ? `, turned ${Math.abs(crop.angle).toFixed(1)}° ${crop.angle > 0 ? 'clockwise' : 'anti-clockwise'}` : '';
  const left = crop.remaining.length ? ` It would still fail: ${crop.remaining.join(', ').toLowerCase()}.` : '';
  return `Crop for size and place of the head: ${crop.width} × ${crop.height} px${turned}${crop.scale < 1 ? ', reduced' : ''}.${left}`;
}

/**
 * @param {object} props
 * @param {Record<string, any>} props.row
 * @param {{width: number, height: number}} props.shape
 * @param {Set<string>} props.layers
 * @param {any} props.crop
 * @param {Found | undefined} props.marks
 * @param {number} props.scale  Px of the screen per px of the picture.
 */
export function Marks({ row, shape, layers, crop, marks, scale }) {
  if (!scale) return null;
  const there = new Set(layersOf(row, crop).map(({ name }) => name).filter((name) => layers.has(name)));
  const r = 4 / scale;
  const dot = 1.5 / scale;
  const polygon = (/** @type {number[][]} */ corners) => `M${corners.map((corner) => corner.join(' ')).join('L')}Z`;
  return html`<svg class="rv-marks" viewBox=${`0 0 ${shape.width} ${shape.height}`} aria-hidden="true">
    ${there.has('crop') && crop?.crop &&
    html`<g class="crop"><path class="cut" fill-rule="evenodd" d=${`M0 0H${shape.width}V${shape.height}H0Z${polygon(crop.crop.corners)}`} /><path d=${polygon(crop.crop.corners)} /></g>`}
    ${there.has('zones') && marks?.zones && html`<g class="zones">${marks.zones.map((zone, i) => html`<path key=${i} d=${polygon(zone)} />`)}</g>`}
    ${there.has('points') && marks?.points &&
    html`<path class="points" d=${marks.points.map(([x, y]) => `M${x - dot} ${y}a${dot} ${dot} 0 1 0 ${2 * dot} 0a${dot} ${dot} 0 1 0 ${-2 * dot} 0`).join('')} />`}
    ${there.has('face') && html`<rect class="face" x=${row.bbox_left} y=${row.bbox_upper} width=${Math.max(0, row.bbox_right - row.bbox_left)} height=${Math.max(0, row.bbox_lower - row.bbox_upper)} />`}
    ${there.has('head') && html`<rect class="head" x=${row.head_left} y=${row.head_top} width=${Math.max(0, row.head_right - row.head_left)} height=${Math.max(0, row.head_bottom - row.head_top)} />`}
    ${there.has('lines') &&
    html`<g class="lines"><line x1="0" x2=${shape.width} y1=${row.head_top} y2=${row.head_top} /><line x1="0" x2=${shape.width} y1=${row.head_bottom} y2=${row.head_bottom} /></g>`}
    ${there.has('eyes') &&
    html`<g class="eyes"><circle cx=${row.pupil_right_x} cy=${row.pupil_right_y} r=${r} /><circle cx=${row.pupil_left_x} cy=${row.pupil_left_y} r=${r} />
      <line x1=${row.pupil_right_x} y1=${row.pupil_right_y} x2=${row.pupil_left_x} y2=${row.pupil_left_y} /></g>`}
  </svg>`;
}
