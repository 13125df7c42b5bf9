/**
 * Data sets: what there is, what runs, and a new one.
 * @module views/datasets
 */
import { html, useEffect, useState, api, url, counted } from '../lib.js';

export default function Datasets() {
  const [items, setItems] = useState(null);
  useEffect(() => {
    document.title = 'Data sets';
    api.get('/v1/datasets').then((page) => setItems(page.items), () => setItems([]));
  }, []);
  return html`<main class="layout">
    <h1>Data sets</h1>
    ${items && html`<ul>${items.map((item) => html`<li key=${item.key}>
      <a href=${url(`/datasets/${item.key}`)}>${item.name}</a> <span class="soft">${counted(item.rows, 'file')}</span>
    </li>`)}</ul>`}
  </main>`;
}
