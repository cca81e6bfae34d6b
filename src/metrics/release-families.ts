/** Families of releases. A canary that belongs to none has no series. */
import type { ReleasePhase } from '../model/release.ts';
import { counter, gauge, type MetricFamily, type Sample } from './metric-family.ts';
import type { Scrape } from './scrape.ts';

const PHASES: readonly (ReleasePhase | 'waiting')[] = [
  'waiting',
  'running',
  'paused',
  'aborted',
  'completed',
  'expired',
];

export function releaseFamilies({ control: { releases } }: Scrape): readonly MetricFamily[] {
  const [percents, steps, phases, held, unstored]: Sample[][] = [[], [], [], [], []];
  const [requests, failures, evidence]: Sample[][] = [[], [], []];
  for (const { config, state, percent, heldMs, stored, sides, gates } of releases.releases) {
    const sharedLabels = { release: config.id };
    const add = (samples: Sample[] | undefined, value: number, labels: Sample['labels'] = {}): void => {
      samples?.push({ labels, sharedLabels, value });
    };
    if (percent !== null) add(percents, percent);
    add(steps, state === null ? 0 : state.step + 1);
    const current = state?.revision === config.revision ? state.phase : 'waiting';
    for (const phase of PHASES) add(phases, Number(phase === current), { phase });
    add(held, heldMs / 1000);
    add(unstored, Number(!stored));
    for (const side of ['stable', 'canary'] as const) {
      add(requests, sides[side].totalRequests, { side });
      add(failures, sides[side].totalFailures, { side });
    }
    for (const { gate, evidence: value } of gates) add(evidence, value, { gate });
  }
  return [
    gauge('sluice_release_percent', 'Share of the canary that the plan of a release has in force.', percents ?? []),
    gauge('sluice_release_step', 'Step of a release, counted from 1; 0 = it has not begun.', steps ?? []),
    gauge('sluice_release_phase', '1 for the phase a release is in; waiting = it has not begun.', phases ?? []),
    gauge('sluice_release_step_held_seconds', 'How long a release has been in its step.', held ?? []),
    gauge('sluice_release_unstored', '1 while a state is in force here that could not be stored.', unstored ?? []),
    counter('sluice_release_requests_total', 'Requests that the weight of a release divided.', requests ?? []),
    counter('sluice_release_failures_total', 'Of these, requests that failed.', failures ?? []),
    gauge('sluice_release_gate_evidence', 'How much of a proof there is against a canary; 1 = abort.', evidence ?? []),
  ];
}
