/**
 * Review.
 * @module views/review
 */
import { html, useEffect } from '../lib.js';

export default function View({ params }) {
  useEffect(() => { document.title = 'Review'; }, []);
  return html`<main class="layout"><h1>Review</h1><p class="soft">${params.key}</p></main>`;
}
