/**
 * Shared by all views: Preact with htm, the address as a signal, the REST interface, notes, numbers.
 * @module lib
 */
import { h, render, Fragment, createContext } from 'preact';
import htm from 'htm';

export { h, render, Fragment, createContext };
export {
  useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer, useContext, useId,
} from 'preact/hooks';
export { signal, computed, effect, batch, untracked, useSignal, useComputed, useSignalEffect } from '@preact/signals';
import { useState } from 'preact/hooks';
import { signal } from '@preact/signals';

/** Templates: html`<p class="soft">${text}</p>`. Text is always escaped. */
export const html = htm.bind(h);

// ---- addresses

/** Path below which a proxy serves this server; '' or '/something'. */
export const root = document.querySelector('meta[name="bqat-root"]').content;

const here = () => ({
  path: location.pathname.startsWith(root) ? location.pathname.slice(root.length) || '/' : location.pathname,
  query: new URLSearchParams(location.search),
});

/** The address that is shown: `{path, query}`, the path without the proxy's prefix. A new object with each change. */
export const address = signal(here());
addEventListener('popstate', () => { address.value = here(); });

/**
 * Go to a page of this server without reloading.
 * @param {string} url path (`/datasets/x?sort=file`) or only a query (`?sort=file`), without the proxy's prefix
 * @param {{replace?: boolean}} [options] replace: no new entry in the history (a slider that moves, say)
 */
export function navigate(url, { replace = false } = {}) {
  const target = url.startsWith('/') ? root + url : url;
  history[replace ? 'replaceState' : 'pushState'](null, '', target);
  address.value = here();
}

/** Address of something on this server for a link or a picture, with parameters; arrays are repeated. */
export function url(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, one);
    }
  }
  const text = query.toString();
  return root + path + (text ? `?${text}` : '');
}

/** Whether a path is one of these pages, which are shown without reloading. */
export function isPage(path) {
  const below = path.startsWith(root) ? path.slice(root.length) : null;
  return below !== null && /^(\/?|\/compare|\/assess|\/datasets\/[^/]+)$/.test(below);
}

// ---- the REST interface

/** A failed request: `status` (0: the server was not reached), a sentence as message, and the answer's body. */
export class ApiError extends Error {
  constructor(status, detail, body = null) {
    super(detail);
    this.status = status;
    this.body = body;
  }
}

/**
 * One request; JSON comes back as an object, everything else as text. When the server answers 401, the person is asked for the key, once.
 * @param {string} method
 * @param {string} path below this server, as `/v1/datasets`
 * @param {{params?: object, body?: any, signal?: AbortSignal}} [options]
 */
async function call(method, path, { params, body, signal: stop } = {}) {
  const headers = { Accept: 'application/json' };
  const raw = body instanceof Blob;
  if (body !== undefined) headers['Content-Type'] = raw ? body.type || 'application/octet-stream' : 'application/json';
  const request = { method, headers, signal: stop, body: raw || body === undefined ? body : JSON.stringify(body) };
  for (let tried = false; ; tried = true) {
    let answer;
    try {
      answer = await fetch(url(path, params), request);
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ApiError(0, 'The server does not answer.');
    }
    if (answer.status === 401 && !tried && await askForKey()) continue;
    return readAnswer(answer.status, answer.headers.get('content-type') ?? '', await answer.text());
  }
}

function readAnswer(status, type, text) {
  let body = text;
  if (type.includes('json') && text) {
    try { body = JSON.parse(text); } catch { body = null; }
  }
  if (status < 400) return body || null;
  const detail = typeof body?.detail === 'string' ? body.detail : `The server answered ${status}.`;
  throw new ApiError(status, detail, body);
}

/**
 * Send files with progress.
 * @param {string} path
 * @param {[string, File, string][]} parts name of the form field, file, name of the file for the server
 * @param {{params?: object, onProgress?: (sent: number, total: number) => void, signal?: AbortSignal}} [options]
 */
async function upload(path, parts, { params, onProgress, signal: stop } = {}) {
  for (let tried = false; ; tried = true) {
    const answer = await send(url(path, params), parts, onProgress, stop);
    if (answer.status === 401 && !tried && await askForKey()) continue;
    return readAnswer(answer.status, answer.getResponseHeader('content-type') ?? '', answer.responseText);
  }
}

function send(target, parts, onProgress, stop) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch reports no progress of what it sends
    const form = new FormData();
    for (const [field, file, name] of parts) form.append(field, file, name);
    request.open('POST', target);
    request.setRequestHeader('Accept', 'application/json');
    request.upload.onprogress = (event) => onProgress?.(event.loaded, event.total);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError(0, 'The upload was cut off.'));
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
    stop?.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

export const api = {
  get: (path, params, options) => call('GET', path, { ...options, params }),
  post: (path, body = {}, options) => call('POST', path, { ...options, body }),
  delete: (path, params, options) => call('DELETE', path, { ...options, params }),
  upload,
};

// ---- the key

let asking = null;

/** Ask for the key in a dialog, one for all requests that wait for it. False when the person gave none. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.createElement('dialog');
    dialog.className = 'key';
    dialog.setAttribute('aria-labelledby', 'key-title');
    const done = (given) => { dialog.close(); dialog.remove(); asking = null; resolve(given); };
    dialog.addEventListener('cancel', (event) => { event.preventDefault(); done(false); });
    document.body.append(dialog);
    render(html`<${KeyForm} done=${done} />`, dialog);
    dialog.showModal();
  });
  return asking;
}

function KeyForm({ done }) {
  const [note, setNote] = useState('');
  const enter = async (event) => {
    event.preventDefault();
    const key = new FormData(event.target).get('key');
    let answer;
    try {
      answer = await fetch(`${root}/validate`, { method: 'POST', body: key, headers: { 'Content-Type': 'text/plain' } });
    } catch {
      setNote('The server does not answer.');
      return;
    }
    if (answer.ok && await answer.json()) done(true);
    else setNote(answer.status === 429 ? 'Too many wrong keys. Wait a minute.' : 'This key is wrong.');
  };
  return html`<form onSubmit=${enter}>
    <h2 id="key-title">This server asks for a key</h2>
    <p class="soft">The operator of this server knows the key. This browser then has access for twelve hours.</p>
    <label>Key <input name="key" type="password" autocomplete="current-password" required autofocus /></label>
    <p class="t-fail" role="alert">${note}</p>
    <div class="row end">
      <button type="button" onClick=${() => done(false)}>Not now</button>
      <button class="primary">Enter</button>
    </div>
  </form>`;
}

// ---- notes, numbers, times

/**
 * A short note at the foot of the page that disappears by itself.
 * @param {string} text
 * @param {{action?: string, onAction?: () => void, seconds?: number}} [options] a button in it, for "undo"
 * @returns {() => void} takes it away before
 */
export function toast(text, { action, onAction, seconds = 6 } = {}) {
  const note = document.createElement('div');
  note.className = 'toast';
  note.append(text);
  if (action) {
    const button = document.createElement('button');
    button.textContent = action;
    button.addEventListener('click', () => { note.remove(); onAction(); });
    note.append(button);
  }
  const place = document.getElementById('toasts');
  place.append(note);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => note.remove(), seconds * 1000);
  return () => note.remove();
}

const formats = new Map();

/** A number with thousands separators (12,027) and at most `digits` decimals; a dash for null and NaN. */
export function formatNumber(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat('en', { maximumFractionDigits: digits }));
  return formats.get(digits).format(value).replace('-', '−');
}

/** `1 picture`, `1,208 pictures`. */
export const counted = (count, one, many = `${one}s`) => `${formatNumber(count)} ${count === 1 ? one : many}`;

/** An ISO 8601 time in local time: `today 14:02`, `yesterday 09:15`, `12 Jun 2026 09:15`. */
export function formatTime(text) {
  if (!text) return '';
  const time = new Date(text);
  const clock = time.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / 86400000);
  if (days === 0) return `today ${clock}`;
  if (days === 1) return `yesterday ${clock}`;
  return `${time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })} ${clock}`;
}

/** A duration in seconds as text: `40 s`, `3 min`, `2 h 10 min`. */
export function formatSeconds(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
