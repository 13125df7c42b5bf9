/**
 * The front page: all data sets, running scans, and the dialog for a new data set.
 * @module views/datasets
 */
import { html, useCallback, useEffect, useRef, useState, api, navigate, toast, url } from '../lib.js';
import { DatasetCard } from '../components/dataset_card.js';
import { NewDataset } from '../components/new_dataset.js';
import { RunningScan } from '../components/running_scan.js';
import { dropped } from '../components/picked_files.js';

export const styles = ['views/datasets.css'];

const PAGE = 24;
// Seconds between two polls, while a scan runs and while none does.
const BUSY = 2;
const IDLE = 15;

const isLive = (run) => run.state === 'queued' || run.state === 'running';

export default function Datasets({ query }) {
  const name = query.get('name') ?? '';
  const [shown, setShown] = useState(PAGE);
  const { page, runs, problem, look } = useLooks(shown, name);
  const [adding, setAdding] = useState(null); // null, or {start: promise or null}
  const [over, setOver] = useState(false);
  useEffect(() => { document.title = 'Data sets'; }, []);
  useFinished(runs, page);

  const live = runs.filter(isLive);
  const newest = new Map();
  for (const run of runs) if (!newest.has(run.dataset)) newest.set(run.dataset, run);
  const names = new Map(page?.items.map((item) => [item.key, item.name]));
  const empty = page && !page.items.length && !page.damaged.length && !name && !live.length;
  // Closed by the keyboard, the dialog gives the focus back to its button; the one of the empty page may be gone by then.
  const masthead = useRef(null);
  const asked = useRef(false);
  useEffect(() => {
    if (adding) asked.current = true;
    else if (asked.current && document.activeElement === document.body) masthead.current?.querySelector('.primary')?.focus();
  }, [adding, empty]);
  const launched = () => { setAdding(null); look(); };

  return html`<main class="layout home"
      onDragOver=${(event) => { if ([...event.dataTransfer.types].includes('Files')) { event.preventDefault(); setOver(true); } }}
      onDragLeave=${(event) => { if (event.relatedTarget === null || !event.currentTarget.contains(event.relatedTarget)) setOver(false); }}
      onDrop=${(event) => { event.preventDefault(); setOver(false); setAdding({ start: dropped(event.dataTransfer) }); }}>
    <header class="row masthead" ref=${masthead}>
      <h1 class="grow">Data sets</h1>
      ${page && (page.items.length > 6 || name) && html`<${Search} name=${name} />`}
      <a class="button" href=${url('/assess')}>One picture</a>
      ${!empty && html`<button class="primary" onClick=${() => setAdding({ start: null })}>New data set</button>`}
    </header>
    ${problem && html`<p class="note" role="alert">${problem}</p>`}
    ${live.length > 0 && html`<section aria-labelledby="runs"><h2 id="runs" class="kicker">Running now</h2>
      ${live.map((run) => html`<${RunningScan} key=${run.task} run=${run} name=${names.get(run.dataset) ?? run.dataset ?? 'a scan'} onChange=${look} />`)}
    </section>`}
    ${empty && html`<${Empty} onAdd=${() => setAdding({ start: null })} onChange=${look} />`}
    ${page && name && !page.items.length && html`<p class="soft">No data set has “${name}” in its name.</p>`}
    ${page?.items.length > 0 && html`<h2 class="vh">List</h2>`}
    <div class="sets">
      ${page?.items.map((item) => html`<${DatasetCard} key=${item.key} item=${{ ...item, problem: page.damaged.find((one) => one.key === item.key)?.problem }} run=${newest.get(item.key)} onChange=${look} />`)}
    </div>
    ${page?.damaged.filter((one) => !names.has(one.key)).map((one) => html`<p key=${one.key} class="note t-fail small"><strong>${one.key}</strong> ${one.problem}</p>`)}
    ${page?.next && html`<p class="row center"><button onClick=${() => setShown(shown + PAGE)}>Show more</button></p>`}
    <${Foot} />
    ${over && html`<div class="overlay" aria-hidden="true"><p>Drop to make a new data set</p></div>`}
    ${adding && html`<${NewDataset} start=${adding.start} onClose=${() => setAdding(null)} onLaunched=${launched} />`}
  </main>`;
}

/** The data sets and tasks, polled while the page is visible: during a scan its task only, the whole list when a scan begins or ends. */
function useLooks(shown, name) {
  const [state, setState] = useState({ page: null, runs: [], problem: '' });
  const timer = useRef(0);
  const round = useRef(0);
  const known = useRef({ live: null, at: 0 });
  const look = useCallback(async (again = false) => {
    clearTimeout(timer.current);
    const mine = ++round.current;
    const list = () => api.get('/v1/datasets', { order: 'newest', limit: shown, name: name || null });
    const tasks = api.get('/v1/runs', { kind: 'scan', limit: 100 });
    const whole = !again || performance.now() - known.current.at > 1000 * IDLE;
    let [runs, page] = await Promise.allSettled(whole ? [tasks, list()] : [tasks]);
    if (mine !== round.current) return;
    const live = runs.status === 'fulfilled' ? runs.value.items.filter(isLive).map((run) => run.task).join() : known.current.live;
    if (!page && live !== known.current.live) [page] = await Promise.allSettled([list()]);
    if (mine !== round.current) return;
    if (page?.status === 'fulfilled') known.current = { live, at: performance.now() };
    const asked = page ? [page, runs] : [runs];
    setState((before) => ({
      page: page?.status === 'fulfilled' ? page.value : before.page,
      runs: runs.status === 'fulfilled' ? runs.value.items : before.runs,
      problem: asked.find((one) => one.status === 'rejected')?.reason.message ?? '',
    }));
    // Soon again after a failure: a server that has just been started reaches Dagster a little later.
    const busy = asked.some((one) => one.status === 'rejected') || runs.value.items.some(isLive);
    if (!document.hidden) timer.current = setTimeout(() => look(busy), 1000 * (busy ? BUSY : IDLE));
  }, [shown, name]);
  useEffect(() => {
    look();
    const visible = () => { if (!document.hidden) look(); };
    document.addEventListener('visibilitychange', visible);
    return () => { document.removeEventListener('visibilitychange', visible); clearTimeout(timer.current); round.current += 1; };
  }, [look]);
  return { ...state, look: useCallback(() => look(), [look]) };
}

/** Show a note when a scan that was seen running has succeeded. */
function useFinished(runs, page) {
  const before = useRef(new Map());
  const notes = useRef([]);
  // What they offer is not laid over the pictures of who went there.
  useEffect(() => () => { for (const close of notes.current) close(); }, []);
  useEffect(() => {
    for (const run of runs) {
      const was = before.current.get(run.task);
      if (was && isLive(was) && run.state === 'succeeded') {
        const name = page?.items.find((item) => item.key === run.dataset)?.name ?? run.dataset;
        notes.current.push(toast(`${name} is scanned.`, { action: 'Review', onAction: () => navigate(`/datasets/${run.dataset}`), seconds: 12 }));
      }
      before.current.set(run.task, run);
    }
  }, [runs]);
}

function Search({ name }) {
  const typed = (event) => {
    const text = event.target.value.trim();
    navigate(text ? `?name=${encodeURIComponent(text)}` : '/', { replace: true });
  };
  return html`<input type="search" placeholder="Find by name" aria-label="Find a data set by name" maxlength="200" value=${name} onInput=${typed} />`;
}

function Empty({ onAdd, onChange }) {
  const [busy, setBusy] = useState(false);
  const sample = async () => {
    setBusy(true);
    try {
      await api.post('/v1/sample');
    } catch (error) {
      toast(error.message);
      setBusy(false);
    }
    onChange();
  };
  return html`<section class="empty">
    <p class="big">Drop a folder of face pictures here</p>
    <p class="soft">or a zip, or some files. Each picture is measured and judged, and you decide.</p>
    <div class="row center">
      <button class="primary" onClick=${onAdd}>Choose pictures</button>
      <button disabled=${busy} onClick=${sample}>${busy ? 'Making the sample …' : 'Try it with a sample'}</button>
    </div>
  </section>`;
}

function Foot() {
  const [links, setLinks] = useState(null);
  useEffect(() => { api.get('/').then(setLinks, () => {}); }, []);
  return html`<footer class="foot soft small row">
    <a href=${url('/docs')}>REST interface</a>
    ${links?.dagster && html`<a href=${links.dagster} rel="noopener" target="_blank">Dagster</a>`}
    ${links?.version && html`<span>bqat-pipeline ${links.version}</span>`}
  </footer>`;
}
