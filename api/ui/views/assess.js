/**
 * One picture: dropped, pasted, chosen, or from the camera with advice while it looks; nothing is stored on the server.
 * @module views/assess
 */
import {
  html, api, root, navigate, toast, formatNumber, useState, useEffect, useRef, useCallback,
} from '../lib.js';
import { cameraHindrance, openCamera, frame } from '../camera.js';

export const styles = ['assess.css'];

/** Milliseconds that every required limit must hold before the camera releases by itself; longer where some are near. */
const HOLD = { pass: 500, borderline: 1500 };
/** Shortest time between two judgements of the camera, ms; the server is often the slower one. */
const PAUSE = 60;
const WORDS = { pass: 'Pass', borderline: 'Borderline', fail: 'Fail', not_assessed: 'Not assessed' };
const TONES = { pass: 'pass', borderline: 'borderline', fail: 'fail', not_assessed: 'none' };

export default function Assess({ query }) {
  const [rules, setRules] = useState([]);
  const [taken, setTaken] = useState(null); // {blob, name, shown: object URL, result: null until it is judged}
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const [camera, setCamera] = useState(false);
  const chosen = query.get('requirements') ?? undefined;

  useEffect(() => { document.title = 'One picture'; }, []);
  // Who gave no key at first gave it with the picture.
  useEffect(() => { if (!rules.length) api.get('/v1/requirements').then(setRules).catch(() => {}); }, [taken]);

  // Only the latest request may show its answer: one that comes late is of another picture or rule set.
  const asked = useRef(0);

  const show = useCallback((blob, name, result) => {
    setTaken((before) => {
      if (before) URL.revokeObjectURL(before.shown);
      return { blob, name, result, shown: URL.createObjectURL(blob) };
    });
    setBusy(result === null);
    asked.current += 1;
    return asked.current;
  }, []);

  const judge = useCallback(async (blob, name) => {
    setCamera(false);
    setProblem('');
    const mine = show(blob, name, null); // never the judgement of the one before beside it
    try {
      const result = await api.post('/v1/assess', blob, { params: { requirements: chosen, overlay: 'svg' } });
      if (mine === asked.current) setTaken((now) => ({ ...now, result }));
    } catch (error) {
      if (mine === asked.current) setProblem(error.message);
    } finally {
      if (mine === asked.current) setBusy(false);
    }
  }, [chosen, show]);

  // Another rule set judges the same picture again.
  useEffect(() => { if (taken && !camera) judge(taken.blob, taken.name); }, [chosen]);

  const takeFiles = useCallback((files) => {
    const file = [...files].find((one) => one.size > 0);
    if (!file) { toast('That is no file of a picture.'); return; }
    if (files.length > 1) toast(`One picture at a time: this is ${file.name}.`);
    judge(file, file.name);
  }, [judge]);

  useEffect(() => {
    const paste = (event) => { if (event.clipboardData?.files.length) { event.preventDefault(); takeFiles(event.clipboardData.files); } };
    const over = (event) => event.preventDefault();
    const drop = (event) => { event.preventDefault(); if (event.dataTransfer.files.length) takeFiles(event.dataTransfer.files); };
    addEventListener('paste', paste);
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => { removeEventListener('paste', paste); removeEventListener('dragover', over); removeEventListener('drop', drop); };
  }, [takeFiles]);

  const choose = (name) => {
    const changed = new URLSearchParams(query);
    changed.set('requirements', name);
    navigate(`/assess?${changed}`, { replace: true });
  };

  return html`<main class="layout assess">
    <header class="row">
      <div class="grow">
        <p class="small"><a href=${`${root}/`}>Data sets</a></p>
        <h1>One picture</h1>
      </div>
      <label class="small">Judged as
        <select value=${chosen ?? ''} onChange=${(event) => choose(event.target.value)}>
          ${!chosen && html`<option value="">${rules.find((one) => one.default)?.title ?? 'the server’s rule set'}</option>`}
          ${rules.filter((one) => chosen || !one.default).map((one) => html`<option value=${one.name} selected=${one.name === chosen}>${one.title}</option>`)}
        </select>
      </label>
    </header>
    <p class="soft">Drop a picture anywhere on this page, paste one, choose a file, or use the camera. Nothing is stored on the server.</p>
    <div class="row sources">
      <label class="button primary pick">Choose a picture
        <input class="vh" type="file" accept="image/*,.jp2,.j2k,.heic,.wsq" onChange=${(event) => { takeFiles(event.target.files); event.target.value = ''; }} />
      </label>
      <button type="button" onClick=${() => { setProblem(''); setCamera(!camera); }}>${camera ? 'Stop the camera' : 'Use the camera'}</button>
    </div>
    ${problem && html`<div class="note t-fail row" role="alert"><p>${problem}</p>
      ${taken && !taken.result && !camera && html`<button type="button" onClick=${() => judge(taken.blob, taken.name)}>Judge it again</button>`}</div>`}
    ${camera
    ? html`<${Camera} rules=${chosen} onTaken=${(blob, result) => { setCamera(false); show(blob, 'camera.jpg', result); }}
        onProblem=${(text) => { setCamera(false); setProblem(text); }} />`
    : html`<div aria-busy=${busy}>${taken ? html`<${Judged} ...${taken} busy=${busy} />` : html`<${Empty} busy=${busy} />`}</div>`}
  </main>`;
}

function Empty({ busy }) {
  const hindrance = cameraHindrance();
  return html`<div class="empty soft">
    <p>${busy ? 'Measuring…' : 'The judgement appears here: each limit with the value that was found, and what to change.'}</p>
    ${hindrance && html`<p class="small">${hindrance}</p>`}
  </div>`;
}

/** A picture, with its limits once it is judged. */
function Judged({ name, shown, result, busy }) {
  const [marks, setMarks] = useState(true);
  const [unknown, setUnknown] = useState(''); // what this browser cannot show
  const assessed = result?.requirements.some((one) => one.outcome !== 'not_assessed');
  return html`<div class="judged">
    <figure>
      ${unknown === shown ? html`<p class="empty soft">This browser cannot show ${name}.</p>` : html`<div class="picture">
        <img src=${shown} alt=${`The picture ${name}`} onError=${() => setUnknown(shown)} />
        ${marks && result && html`<${Marks} row=${result.row} />`}
      </div>`}
      <figcaption class="row small">
        <span class="name">${name}</span>
        <label class="row"><input type="checkbox" checked=${marks} onChange=${(event) => setMarks(event.target.checked)} /> Show what was found</label>
        <a class="button" href=${shown} download=${name}>Download picture</a>
        ${result && html`<button type="button" onClick=${() => saveJudgement(name, result)}>Download judgement</button>`}
      </figcaption>
    </figure>
    <section aria-live="polite">
      ${result ? html`<${Verdict} result=${result} />` : html`<p class="soft">${busy ? 'Measuring…' : 'Not judged.'}</p>`}
      ${assessed && html`<${Limits} requirements=${result.requirements} />`}
    </section>
  </div>`;
}

function Verdict({ result }) {
  const tone = TONES[result.verdict];
  return html`<h2 class=${`t-${tone}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${tone}`} /></svg>${WORDS[result.verdict]}</h2>
    ${result.reasons.length > 0 && html`<ul class="reasons">${result.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
    <${Recognition} found=${result.recognition} />`;
}

/** The second verdict, whatever a document asks for. */
function Recognition({ found }) {
  if (!found || found.verdict === 'not_assessed') return null;
  const tone = TONES[found.verdict];
  return html`<p class="recognition"><span class=${`nowrap t-${tone}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${tone}`} /></svg>${capital(found.words)}</span>
    <span class="soft small"> utility ${formatNumber(found.utility, 0)} of 100</span></p>
    ${found.reasons.length > 0 && html`<ul class="reasons">${found.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function Limits({ requirements }) {
  return html`<table class="limits" role="table">
    <caption class="vh">Limits of the rule set</caption>
    <thead><tr><th scope="col">Requirement</th><th scope="col">Value</th><th scope="col">Limit</th><th scope="col">Result</th></tr></thead>
    <tbody>${requirements.map((one) => html`<tr key=${one.name} role="row">
      <th scope="row" role="rowheader">${one.title}${one.severity !== 'required' && html` <span class="soft small">${one.severity}</span>`}
        ${one.clause && html` <span class="soft small nowrap" title="Clause of ISO/IEC 29794-5">${one.clause}</span>`}</th>
      <td role="cell">${valueText(one)}</td><td role="cell" class="soft">${one.limit}</td>
      <td role="cell" class=${`nowrap t-${TONES[one.outcome]}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${TONES[one.outcome]}`} /></svg>${WORDS[one.outcome]}</td>
    </tr>`)}</tbody>
  </table>`;
}

function valueText(one) {
  if (one.value === null) return '–';
  if (one.limit === 'yes' || one.limit === 'no') return one.value ? 'yes' : 'no';
  const digits = Number(/\.(\d)/.exec(one.format)?.[1] ?? 2);
  if (one.format.endsWith('%')) return `${formatNumber(100 * one.value, digits)}%`;
  const unit = { px: ' px', deg: '°', bits: ' bits', bytes: ' bytes' }[one.unit] ?? '';
  const error = one.error ? ` ± ${formatNumber(one.error, digits)}${unit}` : '';
  return `${formatNumber(one.value, digits)}${unit}${error}`;
}

/** Boxes of face and head and the pupils, in the frame of the picture. */
function Marks({ row }) {
  if (!row.image_width || !row.image_height) return null;
  const line = Math.max(1, Math.max(row.image_width, row.image_height) / 320);
  return html`<svg class="marks" viewBox=${`0 0 ${row.image_width} ${row.image_height}`} aria-hidden="true">
    <${Box} kind="face" at=${[row.bbox_left, row.bbox_upper, row.bbox_right, row.bbox_lower]} line=${line} />
    <${Box} kind="head" at=${[row.head_left, row.head_top, row.head_right, row.head_bottom]} line=${line} />
    ${[['right', row.pupil_right_x, row.pupil_right_y], ['left', row.pupil_left_x, row.pupil_left_y]].map(([side, x, y]) =>
    typeof x === 'number' && typeof y === 'number' && html`<circle key=${side} class="pupil" cx=${x} cy=${y} r=${2.5 * line} stroke-width=${line} />`)}
  </svg>`;
}

function Box({ kind, at: [left, upper, right, lower], line }) {
  if (![left, upper, right, lower].every((value) => typeof value === 'number') || right <= left || lower <= upper) return null;
  return html`<rect class=${kind} x=${left} y=${upper} width=${right - left} height=${lower - upper} stroke-width=${line} />`;
}

function saveJudgement(name, result) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 2)], { type: 'application/json' }));
  link.download = `${name.replace(/\.[^.]*$/, '')}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The camera, judged several times a second; it takes the picture by itself when every required limit has held. */
function Camera({ rules, onTaken, onProblem }) {
  const video = useRef(null);
  const [result, setResult] = useState(null);
  const [trouble, setTrouble] = useState('');
  const [facing, setFacing] = useState('user');
  const [automatic, setAutomatic] = useState(true);
  const [rate, setRate] = useState(0);
  const release = useRef(false);
  const isAutomatic = useRef(true);
  isAutomatic.current = automatic;

  useEffect(() => {
    let stream = null;
    let running = true;
    const canvas = document.createElement('canvas');
    const stopped = new AbortController();

    const look = async () => {
      let held = null; // {verdict, since}
      const times = [];
      while (running) {
        const began = performance.now();
        const blob = await frame(video.current, canvas);
        let found;
        try {
          found = await api.post('/v1/assess', blob, { params: { requirements: rules }, signal: stopped.signal });
        } catch (error) {
          if (error.name === 'AbortError') return;
          if (error.status !== 429 && error.status !== 0) throw error;
          // Busy or away for a moment: nothing has held meanwhile, and what was seen before is no advice for now.
          held = null;
          if (running && error.status === 0) { setResult(null); setTrouble(error.message); }
          await pause(500);
          continue;
        }
        if (!running) return;
        const now = performance.now();
        setResult(found);
        setTrouble('');
        times.push(now);
        while (times[0] < now - 2000) times.shift();
        setRate(times.length / 2);
        if (!(found.verdict in HOLD)) held = null;
        else if (held === null) held = { since: now, allPass: found.verdict === 'pass' };
        else held.allPass &&= found.verdict === 'pass';
        const enough = held && now - held.since >= HOLD[held.allPass ? 'pass' : 'borderline'];
        if (release.current || (isAutomatic.current && enough)) { onTaken(blob, found); return; }
        await pause(Math.max(0, PAUSE - (performance.now() - began)));
      }
    };

    (async () => {
      try {
        stream = await openCamera(facing);
        if (!running) { stop(stream); return; }
        video.current.srcObject = stream;
        await video.current.play();
        await look();
      } catch (error) {
        if (running) onProblem(error.message);
      }
    })();
    return () => { running = false; stopped.abort(); if (stream) stop(stream); };
  }, [facing, rules]);

  const tone = result ? TONES[result.verdict] : 'none';
  return html`<div class="camera">
    <div class=${`view ${tone}`}>
      <video ref=${video} playsinline muted aria-label="The camera’s picture"></video>
      <svg class="outline" viewBox="0 0 35 45" aria-hidden="true"><ellipse cx="17.5" cy="20.5" rx="10.6" ry="15" /></svg>
      <p class="advice" role="status">${trouble || advice(result)}</p>
    </div>
    <div class="side"><div class="row">
      <button type="button" class="primary" onClick=${() => { release.current = true; }}>Take the picture</button>
      <label class="row small"><input type="checkbox" checked=${automatic} onChange=${(event) => setAutomatic(event.target.checked)} /> take it when every required limit holds</label>
      <button type="button" class="quiet" onClick=${() => setFacing(facing === 'user' ? 'environment' : 'user')}>Other camera</button>
      <span class="soft small" data-rate=${rate}>${rate ? `${formatNumber(rate, 1)} judgements a second` : ''}</span>
    </div>
    ${result && html`<details open=${matchMedia('(min-width: 52rem)').matches}><summary>Limits</summary><${Limits} requirements=${result.requirements} /></details>`}
    </div>
  </div>`;
}

/** What to do now, the most important thing only. */
function advice(result) {
  if (!result) return 'The camera starts…';
  if (result.verdict === 'pass') return 'Hold still';
  if (result.status === 'doubtful_face') return 'This does not look like a human face: look into the camera, with nothing before the face.';
  if (result.status === 'no_face' || result.status === 'no_landmarks') return 'No face is seen: look into the camera, with the head in the outline.';
  return result.reasons[0]?.replace(/ \([^)]*\)\.$/, '') ?? 'Hold still';
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const stop = (stream) => stream.getTracks().forEach((track) => track.stop());
