/**
 * Two data sets, or the last two scans of one: pass rates, requirements, shifts, pictures with another outcome.
 * @module views/compare
 */
import { html, useEffect, useState, api, counted, formatNumber, formatTime, navigate, url } from '../lib.js';

export const styles = ['views/compare.css'];

const WORDS = { pass: 'pass', borderline: 'borderline', fail: 'fail', not_assessed: 'not assessed' };
const UNITS = { deg: '°', '%': ' %', '0..1': '', '': '' };
const SHIFTS = 12;
const EXAMPLES = 12;

export default function Compare({ query }) {
  const a = query.get('a') ?? '';
  const b = query.get('b') ?? '';
  const [sets, setSets] = useState(null);
  const [state, setState] = useState({});
  useEffect(() => {
    document.title = 'Compare';
    api.get('/v1/datasets', { order: 'newest', limit: 1000 })
      .then((page) => setSets(page.items.filter((item) => item.scanned)), (error) => setState({ problem: error.message }));
  }, []);
  useEffect(() => {
    if (!a || !b) { setState({}); return undefined; }
    const stop = new AbortController();
    setState({ busy: true });
    api.get('/v1/comparison', { a, b }, { signal: stop.signal })
      .then((found) => setState({ found }), (error) => { if (error.name !== 'AbortError') setState({ problem: error.message }); });
    return () => stop.abort();
  }, [a, b]);
  const choose = (changes) => navigate(`?${new URLSearchParams({ a, b, ...changes })}`);
  const { found, busy, problem } = state;
  return html`<main class="layout compare" aria-busy=${!!busy}>
    <header class="masthead">
      <p class="small"><a href=${url('/')}>Data sets</a></p>
      <h1>Compare</h1>
      <div class="row sides">
        <${Choice} label="Before" value=${a} sets=${sets} same=${b} onChoose=${(key) => choose({ a: key })} />
        <button aria-label="Swap the two" disabled=${!a || !b || a === b} onClick=${() => choose({ a: b, b: a })}>⇄</button>
        <${Choice} label="Now" value=${b} sets=${sets} onChoose=${(key) => choose({ b: key })} />
      </div>
    </header>
    ${(!a || !b) && !problem && html`<p class="soft">Choose two data sets. The pictures of both are judged by the rule set of the second.</p>`}
    ${busy && html`<p class="soft" role="status">Comparing …</p>`}
    ${problem && html`<p class="note" role="alert">${problem}</p>`}
    ${found && html`<${Verdict} c=${found} />
      <${Pictures} c=${found} />
      <${Requirements} c=${found} />
      <${Shifts} c=${found} />
      <p class="small"><a href=${url('/v1/comparison', { a, b, format: 'html' })} target="_blank" rel="noopener">This comparison as a page to save or print</a></p>`}
  </main>`;
}

function Choice({ label, value, sets, same, onChoose }) {
  return html`<label class="grow">${label}
    <select value=${value} disabled=${!sets} onChange=${(event) => onChoose(event.target.value)}>
      <option value="" disabled>choose a data set</option>
      ${same && html`<option value=${same}>the previous scan of the same data set</option>`}
      ${sets?.filter((item) => item.key !== same).map((item) => html`<option key=${item.key} value=${item.key}>${item.name} · ${counted(item.rows, 'file')} · ${formatTime(item.scanned)}</option>`)}
    </select></label>`;
}

const percent = (share) => (share === null || share === undefined ? '–' : `${formatNumber(100 * share, 1)} %`);
const points = (share) => `${share > 0 ? '+' : ''}${formatNumber(100 * share, 1)}`;
const measured = (value, unit) => (value === null ? '–' : `${formatNumber(value, Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0)}${UNITS[unit] ?? ` ${unit}`}`);

function Verdict({ c }) {
  const { change } = c;
  return html`<section class="verdict" aria-label="Pass rate">
    <div>
      <p class="delta">${change ? points(change.value) : '–'} <span class="small soft">percentage points</span></p>
      ${change && html`<p class="soft">95 % interval ${points(change.low)} to ${points(change.high)}: ${!change.certain ? 'too small to tell from chance.' : change.value > 0 ? 'a clear gain.' : 'a clear loss.'}</p>`}
    </div>
    <dl class="facts">
      <dt>Pass rate before</dt><dd>${percent(c.pass_rate_before.value)} of ${formatNumber(c.pass_rate_before.total)} assessed</dd>
      <dt>Pass rate now</dt><dd>${percent(c.pass_rate_now.value)} of ${formatNumber(c.pass_rate_now.total)} assessed</dd>
      ${c.new_files !== null && html`<dt>Files</dt><dd>${formatNumber(c.new_files)} new, ${formatNumber(c.changed_files)} changed, ${formatNumber(c.gone_files)} gone</dd>`}
    </dl>
  </section>`;
}

function Pictures({ c }) {
  const found = c.pictures;
  if (!found) return null;
  const rank = { pass: 2, borderline: 1, fail: 0 };
  const better = found.examples.filter((one) => rank[one.now] > rank[one.before]);
  const worse = found.examples.filter((one) => rank[one.now] < rank[one.before]);
  return html`<section><h2>Pictures with another outcome</h2>
    <p class="soft">${found.matched === 0 ? 'The two have no picture in common, by name or by content.'
      : html`Of ${counted(found.matched, 'picture')} in both, ${formatNumber(found.better)} got better and ${formatNumber(found.worse)} got worse${found.other ? `; ${formatNumber(found.other)} could be assessed in one of the two only` : ''}.
      ${found.only_now ? ` ${counted(found.only_now, 'file')} only now,` : ''} ${found.only_before ? `${formatNumber(found.only_before)} only before.` : ''}`}</p>
    <${Changed} c=${c} title="Worse now" items=${worse} count=${found.worse} />
    <${Changed} c=${c} title="Better now" items=${better} count=${found.better} />
  </section>`;
}

function Changed({ c, title, items, count }) {
  const [all, setAll] = useState(false);
  if (!items.length) return null;
  const shown = all ? items : items.slice(0, EXAMPLES);
  const two = c.a.key !== c.b.key; // the pictures of a scan that was replaced cannot be shown
  return html`<h3>${title}</h3><ul class="changed">
    ${shown.map((one) => html`<li key=${one.row}>
      <div class="pair">
        ${two && !one.same_bytes && html`<${Face} dataset=${c.a.key} row=${one.row_before} />`}
        <${Face} dataset=${c.b.key} row=${one.row} />
      </div>
      <p class="small"><span class="file">${one.file.split('/').at(-1)}</span><br />
        <${Mark} outcome=${one.before} /> → <${Mark} outcome=${one.now} /></p>
    </li>`)}
  </ul>
  ${items.length > shown.length && html`<button onClick=${() => setAll(true)}>Show ${formatNumber(items.length - shown.length)} more${count > items.length ? ` of ${formatNumber(count)}` : ''}</button>`}`;
}

function Face({ dataset, row }) {
  const [failed, setFailed] = useState(false);
  if (failed) return html`<span class="ghost" aria-hidden="true"></span>`;
  return html`<img alt="" loading="lazy" src=${url(`/v1/datasets/${dataset}/profiles/${row}/thumbnail`, { size: 160 })} onError=${() => setFailed(true)} />`;
}

function Mark({ outcome }) {
  const mark = outcome === 'not_assessed' ? 'none' : outcome;
  return html`<span class=${`nowrap t-${mark}`}><svg class="icon" aria-hidden="true"><use href=${`#i-${mark}`} /></svg>${WORDS[outcome]}</span>`;
}

function Requirements({ c }) {
  return html`<section><h2>Requirements</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Requirements"><table>
      <thead><tr><th scope="col">Requirement</th><th scope="col">Limit</th><th scope="col" class="n">Before</th><th scope="col" class="n">Now</th><th scope="col" class="n">Change</th></tr></thead>
      <tbody>${c.requirements.map((one) => html`<tr key=${one.name}>
        <th scope="row" title=${one.clause ? `Clause ${one.clause}` : ''}>${one.title}</th><td>${one.limit}</td>
        <td class="n">${percent(one.before?.value)}</td><td class="n">${percent(one.outcomes.pass_rate.value)}</td>
        <td class=${`n ${one.change?.certain ? (one.change.value > 0 ? 't-pass' : 't-fail') : ''}`}>${one.change ? points(one.change.value) : '–'}</td>
      </tr>`)}</tbody>
    </table></div>
    <p class="small soft">Share of the assessed pictures that pass. Coloured where chance does not explain the change.</p></section>`;
}

function Shifts({ c }) {
  const [all, setAll] = useState(false);
  const shown = all ? c.shifts : c.shifts.slice(0, SHIFTS);
  if (!c.shifts.length) return null;
  return html`<section><h2>Measures that moved most</h2>
    ${!c.flags && html`<p class="note small">With fewer than 1,000 pictures in either data set, chance alone moves measures as much as a real shift does: shifts are shown, and none is flagged.</p>`}
    <div class="scroll" tabindex="0" role="region" aria-label="Measures"><table>
      <thead><tr><th scope="col">Measure</th><th scope="col" class="n">Before</th><th scope="col" class="n">Now</th><th scope="col" class="bar">Shift</th><th scope="col" class="n">in SD</th></tr></thead>
      <tbody>${shown.map((one) => html`<tr key=${one.name}>
        <th scope="row">${one.title}${one.flagged && html` <span class="chip t-fail">shifted</span>`}</th>
        <td class="n">${measured(one.median_before, one.unit)}</td><td class="n">${measured(one.median_now, one.unit)}</td>
        <td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class=${one.flagged ? 'shift-strong' : 'shift'} width=${100 * Math.min(1, one.shift ?? 0)} height="8" /></svg></td>
        <td class="n">${one.shift === null ? '–' : formatNumber(one.shift, 2)}</td>
      </tr>`)}</tbody>
    </table></div>
    ${c.shifts.length > shown.length && html`<button onClick=${() => setAll(true)}>${formatNumber(c.shifts.length - shown.length)} further measures</button>`}
    <p class="small soft">Medians; for yes/no measures the share of yes. Shift is the Wasserstein distance in standard deviations of the earlier distribution.</p></section>`;
}
