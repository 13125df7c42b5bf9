/** What the server says of the data set as a whole and of the filtered part: description, facets, verdicts, state of the review. */
import { api } from '../lib.js';

export class Summary {
  /**
   * @param {string} base  Address of the data set.
   * @param {object} page
   * @param {() => import('./address.js').View} page.view
   * @param {() => string} page.generation
   * @param {() => void} page.changed
   * @param {(error: unknown) => void} page.failed
   */
  constructor(base, page) {
    this.base = base;
    this.page = page;
    /** @type {any} */
    this.info = null;
    /** @type {any[]} */
    this.columns = [];
    /** @type {any[]} */
    this.ruleSets = [];
    /** State of the review: decisions counted, list exported or not. */
    /** @type {any} */
    this.state = null;
    /** @type {any} */
    this.facets = null;
    /** @type {Record<string, number> | null} */
    this.verdicts = null;
    /** Generation and rule set that the verdicts are of. */
    this.verdictsOf = '';
    /** What keeps the whole data set from passing under the chosen rule set, and verdicts of the others. */
    /** @type {any} */
    this.standing = null;
    /** Generation and rule set that this is of. */
    this.standingOf = '';
    /** @type {AbortController | undefined} */
    this.counting = undefined;
  }

  stop() {
    this.counting?.abort();
  }

  async loadInfo() {
    try {
      const [info, ruleSets] = await Promise.all([api.get(this.base), api.get('/v1/requirements')]);
      this.info = info;
      this.ruleSets = ruleSets;
      document.title = `${info.name} · review`;
      this.page.changed();
      this.columns = await api.get('/v1/columns', { engine: info.engine });
      this.state = await api.get(`${this.base}/review`).catch(() => null);
      this.page.changed();
    } catch (error) {
      this.page.failed(error);
    }
  }

  async loadFacets() {
    this.counting?.abort();
    const controller = (this.counting = new AbortController());
    const { filters, rules, measures } = this.page.view();
    const params = { filter: filters, rules: rules || undefined };
    try {
      const facets = await api.get(`${this.base}/facets`, params, { signal: controller.signal });
      if (measures.length) {
        const known = facets.histograms.map((/** @type {any} */ one) => one.column);
        const more = measures.filter((column) => !known.includes(column));
        if (more.length) {
          const added = await api.get(`${this.base}/facets`, { ...params, histograms: more.join(',') }, { signal: controller.signal });
          facets.histograms.push(...added.histograms);
        }
      }
      if (controller.signal.aborted) return;
      this.facets = facets;
      this.page.changed();
      this.loadVerdicts();
      this.loadStanding();
    } catch (error) {
      this.page.failed(error);
    }
  }

  /** Verdicts of the whole data set under the chosen rule set, for the bar in the header. */
  async loadVerdicts() {
    const { filters, rules } = this.page.view();
    const name = `${this.page.generation()} ${rules}`;
    if (this.verdictsOf === name) return;
    const facets = filters.length ? await api.get(`${this.base}/facets`, { rules: rules || undefined, histograms: '' }).catch(() => null) : this.facets;
    const verdict = facets?.facets.find((/** @type {any} */ one) => one.name === 'verdict');
    if (!verdict) return;
    this.verdictsOf = name;
    this.verdicts = Object.fromEntries(verdict.values.map((/** @type {any} */ one) => [one.value, one.count]));
    this.page.changed();
  }

  /** Why pictures of the whole data set do not pass; of the rule set only, so that a filter asks for nothing. */
  async loadStanding() {
    const { rules } = this.page.view();
    const name = `${this.page.generation()} ${rules}`;
    if (this.standingOf === name) return;
    this.standingOf = name;
    this.standing = null;
    const found = await api.get(`${this.base}/scorecard`, { requirements: rules || undefined }).catch(() => null);
    if (this.standingOf !== name) return;
    if (!found) this.standingOf = '';
    this.standing = found;
    this.page.changed();
  }

  /** Fetch how many pictures are decided, and whether the exported list is up to date. */
  async loadState() {
    const state = await api.get(`${this.base}/review`).catch(() => null);
    if (state) this.take(state);
  }

  /** @param {any} state */
  take(state) {
    this.state = state;
    this.page.changed();
  }
}
