/** Two pictures side by side, zoomed together. */
import { html, useEffect, useRef, useState } from '../lib.js';
import { useMarks } from './marks.js';
import { usePart } from './parts.js';
import { Picture, WHOLE } from './picture.js';
import { DECISIONS, fileName, verdictOf, verdictWord, withError } from './words.js';

/**
 * @param {object} props
 * @param {import('./model.js').Model} props.model
 * @param {number[]} props.rows
 * @param {Set<string>} props.layers
 * @param {() => void} props.onClose
 */
export function Pair({ model, rows, layers, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [zoom, setZoom] = useState(WHOLE);
  const [details, setDetails] = useState(/** @type {any[]} */ ([]));
  useEffect(() => dialog.current?.showModal(), []);
  const turn = useRef(0);
  const load = () => {
    const own = ++turn.current;
    Promise.all(rows.map((row) => model.details.load(row))).then((found) => own === turn.current && setDetails(found), (error) => model.failed(error));
  };
  useEffect(() => {
    load();
    return model.listen(load);
  }, [rows.join()]);
  const decide = (/** @type {any} */ detail, /** @type {string | null} */ decision) => {
    const { row, file, sha256 } = detail.row;
    model.decisions.decide(decision, { items: [/** @type {any} */ ({ row: row ?? rows[details.indexOf(detail)], file, sha256 })], stay: true });
  };
  // Of a large group the list beside one of the two may end before the other.
  const others = rows.map((_, i) => details[i]?.identities?.find((/** @type {any} */ one) => one.row === rows[1 - i]));
  const first = others[0] ? 0 : 1;
  const Person = usePart(Boolean(others[first]), () => import('./same_person.js').then((found) => found.PersonOfBoth));
  const names = new Map(details.flatMap((detail) => detail.requirements.map((/** @type {any} */ one) => [one.name, one.title])));
  const value = (/** @type {any} */ detail, /** @type {string} */ name) => {
    const one = detail.requirements.find((/** @type {any} */ other) => other.name === name);
    return one ? html`<td class=${`t-${one.outcome === 'not_assessed' ? 'none' : one.outcome}`}>${withError(one.value, one)}</td>` : html`<td></td>`;
  };
  return html`<dialog class="rv-pair" ref=${dialog} aria-label="Two pictures side by side" onClose=${onClose}>
    <div class="rv-pair-pictures">
      ${details.map((detail, i) => {
        const row = rows[i];
        const assumed = model.decisions.assumed.get(row);
        const decision = assumed ? assumed.decision : detail.decision?.decision ?? null;
        return html`<section key=${row} aria-label=${fileName(detail.row.file)}>
          <${Side} model=${model} row=${row} detail=${detail} layers=${layers} zoom=${zoom} onZoom=${setZoom} />
          <h2>${fileName(detail.row.file)}</h2>
          <p><strong class=${`t-${detail.verdict === 'not_assessed' ? 'none' : detail.verdict}`}>${verdictWord(verdictOf(detail))}.</strong> ${detail.reasons[0] ?? ''} <span class="soft">${detail.row.image_width} × ${detail.row.image_height} px</span></p>
          <div class="rv-decide" role="group" aria-label=${`Decision on ${fileName(detail.row.file)}`}>
            ${DECISIONS.filter(({ value: one }) => one !== null || decision).map(
              ({ value: one, verb }) => html`<button key=${verb} class=${`rv-act ${one ?? 'clear'}`} aria-pressed=${one === null ? undefined : String(decision === one)} onClick=${() => decide(detail, one)}>${verb}</button>`,
            )}
          </div>
        </section>`;
      })}
    </div>
    ${Person && html`<${Person} model=${model} item=${{ ...details[first].row, row: rows[first] }} other=${others[first]} />`}
    ${details.length === 2 &&
    html`<table class="rv-pair-table"><caption class="vh">Requirements of both</caption><tbody>
      ${[...names].map(([name, title]) => html`<tr key=${name}>${value(details[0], name)}<th scope="row">${title}</th>${value(details[1], name)}</tr>`)}
    </tbody></table>`}
    <form method="dialog"><button autofocus>Close</button></form>
  </dialog>`;
}

/** @param {{model: import('./model.js').Model, row: number, detail: any, layers: Set<string>, zoom: any, onZoom: (zoom: any) => void}} props */
function Side({ model, row, detail, layers, zoom, onZoom }) {
  const marks = useMarks(model, row, layers);
  return html`<${Picture} base=${model.base} row=${row} label=${fileName(detail.row.file)} width=${detail.row.image_width} height=${detail.row.image_height}
    columns=${detail.row} layers=${layers} crop=${detail.crop} marks=${marks} hidden=${model.details.hiddenPictures} outages=${model.outages}
    askWhy=${async (/** @type {string} */ address) => (await model.details.why(address)).reason} zoom=${zoom} onZoom=${onZoom} />`;
}
