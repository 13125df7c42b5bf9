/**
 * Compare.
 * @module views/compare
 */
import { html, useEffect } from '../lib.js';

export default function View({ params }) {
  useEffect(() => { document.title = 'Compare'; }, []);
  return html`<main class="layout"><h1>Compare</h1><p class="soft">${params.key}</p></main>`;
}
