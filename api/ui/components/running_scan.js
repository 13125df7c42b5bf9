/**
 * A scan that waits or runs.
 * @module components/running_scan
 */
import { html, useState, api, formatNumber, formatSeconds, toast } from '../lib.js';

const STAGES = {
  face_profiles: 'measuring', outliers: 'finding unusual pictures', duplicates: 'finding copies', report: 'writing the report',
};

/** @param {{run: object, name: string, onChange: () => void}} props run: an item of `/v1/runs` */
export function RunningScan({ run, name, onChange }) {
  const [busy, setBusy] = useState(false);
  const { progress } = run;
  const stop = async () => {
    setBusy(true);
    try {
      await api.post(`/v1/runs/${run.task}/stop`);
      toast(`Stopped ${name}; what was measured is kept.`, { action: 'Resume', onAction: () => resume(run, onChange) });
    } catch (error) {
      toast(error.message);
    }
    onChange();
  };
  const known = progress && progress.total > 0;
  return html`<article class="run" aria-label=${`Scan of ${name}`}>
    <div class="row"><h3 class="grow">${name}</h3>
      <button class="quiet" disabled=${busy} onClick=${stop}>Stop</button></div>
    <progress max=${known ? progress.total : 1} value=${known ? progress.done : undefined} aria-label=${`Progress of ${name}`}></progress>
    <p class="soft small">${sentence(run)}</p>
  </article>`;
}

/** Continue a scan that was stopped or failed. */
export async function resume(run, onChange) {
  try {
    await api.post(`/v1/runs/${run.task}/resume`);
  } catch (error) {
    toast(error.message);
  }
  onChange();
}

function sentence({ state, progress }) {
  if (state === 'queued' && !progress) return 'waits for its turn';
  if (!progress) return 'starting';
  const parts = [STAGES[progress.stage] ?? progress.stage];
  if (progress.total) parts.push(`${formatNumber(progress.done)} of ${formatNumber(progress.total)}`);
  if (progress.failed) parts.push(`${formatNumber(progress.failed)} could not be measured`);
  if (progress.rate >= 0.1 && progress.done < progress.total) parts.push(`${formatNumber(progress.rate, progress.rate < 10 ? 1 : 0)} a second`);
  if (progress.eta !== null && progress.done < progress.total) parts.push(`${formatSeconds(progress.eta)} to go`);
  return parts.join(' · ');
}
