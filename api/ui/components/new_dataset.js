/**
 * A new data set: pictures of this computer, or a folder of the server; a rule set; the scan.
 * @module components/new_dataset
 */
import { html, useEffect, useRef, useState, api, counted, formatNumber, toast } from '../lib.js';
import { chosen, dropped } from './picked_files.js';

const megabytes = (bytes) => (bytes < 1e6 ? `${formatNumber(Math.max(1, bytes / 1e3))} kB` : `${formatNumber(bytes / 1e6, bytes < 1e7 ? 1 : 0)} MB`);

/**
 * @param {{start: Promise<import('./picked_files.js').Picked> | null, onClose: () => void, onLaunched: (launched: object) => void}} props
 *   start: what was dropped on the page
 */
export function NewDataset({ start, onClose, onLaunched }) {
  const dialog = useRef(null);
  const [source, setSource] = useState(null); // {picked} or {folder}
  const [name, setName] = useState('');
  const [rules, setRules] = useState(null);
  const [rule, setRule] = useState('');
  const [sent, setSent] = useState(null); // null, or {done, total}
  const [problem, setProblem] = useState('');
  const stop = useRef(null);
  const named = useRef(null);

  // Who chose by keys goes on where the next thing is typed.
  useEffect(() => { if (source) named.current?.select(); }, [source]);
  useEffect(() => {
    dialog.current.showModal();
    start?.then(takePicked);
    api.get('/v1/requirements').then((found) => {
      found.sort((one, other) => other.default - one.default);
      setRules(found);
      setRule(found[0].name);
    }, (error) => setProblem(error.message));
    return () => stop.current?.abort();
  }, []);

  function takePicked(picked) {
    setProblem(picked.files.length ? '' : 'There is no picture among these files.');
    if (!picked.files.length) return;
    setSource({ picked });
    setName(picked.name);
  }

  function takeFolder(path) {
    setSource({ folder: path });
    setName(path.split('/').at(-1));
  }

  async function launch(event) {
    event.preventDefault();
    setProblem('');
    stop.current = new AbortController();
    try {
      setSent({ done: 0, total: 0 });
      const launched = source.folder
        ? await api.post('/v1/datasets', { input: source.folder, name: name || null, requirements: rule || null })
        : await api.upload('/v1/datasets/upload', source.picked.files.map(([path, file]) => ['file', file, path]), {
          params: { name: name || null, requirements: rule || null },
          onProgress: (done, total) => setSent({ done, total }),
          signal: stop.current.signal,
        });
      for (const note of launched.notes ?? []) toast(note, { seconds: 12 });
      onLaunched(launched);
    } catch (error) {
      setSent(null);
      if (error.name !== 'AbortError') setProblem(error.message);
    }
  }

  return html`<dialog class="new" ref=${dialog} aria-labelledby="new-title" onCancel=${(event) => { event.preventDefault(); if (!sent) onClose(); }}>
    <div class="row"><h2 id="new-title" class="grow">New data set</h2>
      <button class="quiet" aria-label="Close" disabled=${!!sent} onClick=${onClose}>✕</button></div>
    ${!source && html`<${Choose} onPicked=${takePicked} onFolder=${takeFolder} />`}
    ${source && html`<form onSubmit=${launch}>
      <${Chosen} source=${source} onAnother=${sent ? null : () => setSource(null)} />
      <label>Name <input ref=${named} value=${name} maxlength="200" required disabled=${!!sent} onInput=${(event) => setName(event.target.value)} /></label>
      <fieldset class="rules" disabled=${!!sent}>
        <legend>Judged as</legend>
        ${rules?.map((one) => html`<label key=${one.name} class="rule">
          <input type="radio" name="rule" value=${one.name} checked=${one.name === rule} onChange=${() => setRule(one.name)} />
          <span><strong>${one.title}</strong><br /><span class="soft small">${firstSentence(one.description)}</span></span>
        </label>`)}
      </fieldset>
      ${sent && html`<${Sending} sent=${sent} upload=${!source.folder} />`}
      <div class="row end">
        ${sent ? html`<button type="button" onClick=${() => stop.current.abort()} disabled=${!!source.folder}>Cancel</button>`
          : html`<button class="primary" disabled=${!rules}>Scan ${source.picked && !source.picked.archive ? counted(source.picked.files.length, 'picture') : 'it'}</button>`}
      </div>
    </form>`}
    <p class="t-fail" role="alert">${problem}</p>
  </dialog>`;
}

const firstSentence = (text) => /^.*?\.(?=\s|$)/s.exec(text)?.[0].replace(/\s+/g, ' ') ?? text;

function Choose({ onPicked, onFolder }) {
  const [over, setOver] = useState(false);
  const [onServer, setOnServer] = useState(false);
  const files = useRef(null);
  const folder = useRef(null);
  if (onServer) return html`<${ServerFolder} onFolder=${onFolder} onBack=${() => setOnServer(false)} />`;
  return html`<div class=${`drop ${over ? 'over' : ''}`}
      onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${async (event) => { event.preventDefault(); event.stopPropagation(); setOver(false); onPicked(await dropped(event.dataTransfer)); }}>
    <p class="big">Drop pictures, a folder or a zip here</p>
    <div class="row center">
      <button onClick=${() => folder.current.click()}>Choose a folder</button>
      <button onClick=${() => files.current.click()}>Choose files</button>
      <button onClick=${() => setOnServer(true)}>A folder on the server</button>
    </div>
    <input ref=${files} type="file" multiple hidden aria-label="Files" onChange=${(event) => onPicked(chosen(event.target.files))} />
    <input ref=${folder} type="file" webkitdirectory hidden aria-label="Folder" onChange=${(event) => onPicked(chosen(event.target.files))} />
  </div>`;
}

function ServerFolder({ onFolder, onBack }) {
  const [place, setPlace] = useState(null);
  const [problem, setProblem] = useState('');
  const go = (path) => api.get('/v1/folders', { path }).then((found) => { setPlace(found); setProblem(''); }, (error) => setProblem(error.message));
  useEffect(() => { go('data'); }, []);
  const parts = place?.path.split('/') ?? [];
  return html`<div class="folders">
    <nav aria-label="Folder" class="row small">
      ${parts.map((part, index) => html`<button key=${index} class="quiet" disabled=${index === parts.length - 1} onClick=${() => go(parts.slice(0, index + 1).join('/'))}>${part}</button>`)}
    </nav>
    <ul>
      ${place?.folders.map((one) => html`<li key=${one.path}><button class="quiet" onClick=${() => go(one.path)}>${one.name}/</button></li>`)}
      ${place && !place.folders.length && html`<li class="soft small">no folders in it</li>`}
      ${place?.more && html`<li class="soft small">and more than can be shown</li>`}
    </ul>
    <p class="t-fail" role="alert">${problem}</p>
    <div class="row end">
      <span class="soft small grow">${place && place.pictures > 0 ? `${counted(place.pictures, 'picture')} directly in it` : ''}</span>
      <button onClick=${onBack}>Back</button>
      <button class="primary" disabled=${!place} onClick=${() => onFolder(place.path)}>Take ${place?.path ?? ''}</button>
    </div>
  </div>`;
}

function Chosen({ source, onAnother }) {
  const { picked, folder } = source;
  const what = folder
    ? html`<span class="file">${folder}</span> on the server`
    : picked.archive
      ? html`<span class="file">${picked.files[0][1].name}</span>, ${megabytes(picked.bytes)}`
      : html`${counted(picked.files.length, 'picture')}, ${megabytes(picked.bytes)}`;
  return html`<p class="row"><span class="grow">${what}
    ${picked?.leftOut > 0 && html`<br /><span class="soft small">${counted(picked.leftOut, 'other file')} left out</span>`}</span>
    ${onAnother && html`<button type="button" class="quiet" onClick=${onAnother}>Change</button>`}</p>`;
}

function Sending({ sent, upload }) {
  if (!upload || sent.done >= sent.total) return html`<p class="soft small" role="status">${upload && !sent.total ? 'Sending …' : 'Starting the scan …'}</p>`;
  return html`<div role="status"><progress max=${sent.total || 1} value=${sent.done} aria-label="Upload"></progress>
    <p class="soft small">${megabytes(sent.done)} of ${megabytes(sent.total || 1)} sent</p></div>`;
}
