/**
 * A data set on the front page.
 * @module components/dataset_card
 */
import { html, useEffect, useRef, useState, api, counted, formatNumber, formatTime, toast, url } from '../lib.js';
import { OutcomeBar, OutcomeLegend } from './outcome_bar.js';
import { resume } from './running_scan.js';

const FACES = 6;

/** @param {{item: object, run: object | undefined, onChange: () => void}} props run: the newest scan of it */
export function DatasetCard({ item, run, onChange }) {
  const [seen, place] = useSeen();
  const base = `/v1/datasets/${item.key}`;
  const live = run?.state === 'queued' || run?.state === 'running';
  const review = url(`/datasets/${item.key}`);
  const again = async () => {
    try {
      await api.post(`${base}/scan`);
    } catch (error) {
      toast(error.message);
    }
    onChange();
  };
  return html`<article class="set" ref=${place} aria-labelledby=${`name-${item.key}`}>
    <header>
      <h3 id=${`name-${item.key}`}>${item.scanned ? html`<a href=${review}>${item.name}</a>` : item.name}</h3>
      <p class="soft small">${item.scanned ? `${counted(item.rows, 'file')} · scanned ${formatTime(item.scanned)}` : live ? 'first scan under way' : 'not scanned yet'}</p>
    </header>
    ${item.scanned && html`
      <${Faces} item=${item} seen=${seen} href=${review} />
      <${OutcomeBar} verdicts=${item.verdicts} counts=${item.counts} rows=${item.rows} />
      <${OutcomeLegend} verdicts=${item.verdicts} counts=${item.counts} rows=${item.rows} />
      <${Decisions} item=${item} seen=${seen} />`}
    ${item.problem && html`<p class="note t-fail small">${item.problem}</p>`}
    ${item.warnings?.map((text) => html`<${Warning} text=${text} />`)}
    ${(run?.state === 'failed' || run?.state === 'stopped') && html`<div class="note small">
      <p>${run.state === 'stopped' ? 'The last scan was stopped.' : `The last scan failed. ${run.errors[0] ?? ''}`}</p>
      <button onClick=${() => resume(run, onChange)}>Resume</button></div>`}
    <footer class="row small">
      ${item.scanned && html`
        <a class="button primary" href=${review}>Review</a>
        <a href=${url(`${base}/report`)}>Report</a>
        <a href=${url(`${base}/eda`)}>Explore</a>
        <a href=${url(`${base}/export`, { format: 'csv' })} download>CSV</a>
        <a href=${url('/compare', { b: item.key })}>Compare</a>`}
      ${run && html`<a href=${run.dagster_url} rel="noopener" target="_blank">Dagster run</a>`}
      ${!live && html`<button class="quiet" onClick=${again}>Scan again</button>`}
    </footer>
  </article>`;
}

/** A warning; of a long one what comes before its colon, and the whole on request. */
function Warning({ text }) {
  const [short, ...rest] = text.split(': ');
  if (text.length < LONG || !rest.length) return html`<p class="note small">${text}</p>`;
  return html`<details class="note small"><summary>${short}</summary><p>${rest.join(': ')}</p></details>`;
}

/** Whether an element has been on the screen, and the ref to give it. */
function useSeen() {
  const place = useRef(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) { setSeen(true); observer.disconnect(); } }, { rootMargin: '200px' });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return [seen, place];
}

function Faces({ item, seen, href }) {
  const [rows, setRows] = useState(null);
  const [failed, setFailed] = useState([]);
  useEffect(() => {
    if (!seen) return;
    api.get(`/v1/datasets/${item.key}/profiles`, { limit: FACES, fields: 'file', filter: 'status:in:ok,multiple_faces' })
      .then((page) => setRows(page.items), () => setRows([]));
  }, [seen, item.generation]);
  const left = rows?.filter((row) => !failed.includes(row.row));
  if (left?.length === 0) return null; // none can be shown, or none may be
  return html`<a class="faces" href=${href} tabindex="-1" aria-hidden="true">
    ${(left ?? Array(FACES).fill(null)).map((row, index) => (row
      ? html`<img key=${row.row} alt="" width="56" height="70" src=${url(`/v1/datasets/${item.key}/profiles/${row.row}/thumbnail`, { size: 160 })} onError=${() => setFailed((before) => [...before, row.row])} />`
      : html`<span key=${index}></span>`))}
  </a>`;
}

const LONG = 140; // characters of a warning

const DECIDED = [['keep', 'kept'], ['reject', 'rejected'], ['unsure', 'unsure'], ['undecided', 'undecided']];

function Decisions({ item, seen }) {
  const [state, setState] = useState(null);
  useEffect(() => {
    if (seen) api.get(`/v1/datasets/${item.key}/review`).then(setState, () => setState(null));
  }, [seen, item.generation]);
  if (!state) return null;
  return html`<p class="small soft">${state.undecided === 0 && state.rows > 0 ? 'All decided: ' : ''}${state.decided === 0 ? 'Nothing decided yet.' : DECIDED
    .filter(([name]) => state[name]).map(([name, word]) => `${formatNumber(state[name])} ${word}`).join(', ')}</p>`;
}
