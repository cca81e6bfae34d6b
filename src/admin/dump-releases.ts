/** What `/debug/releases` shows: each release, where it stands, what its requests told, and what it waits for. */
import type { ReleaseConfig, ReleaseState } from '../model/release.ts';
import type { ReleaseReport, ReleaseStatus } from '../model/release-status.ts';

export interface ReleasesDump {
  /** Whether this process takes steps. */
  readonly decides: boolean;
  /** How many there are; `releases` are the first of them. */
  readonly count: number;
  readonly releases: readonly DumpedRelease[];
}

export interface DumpedRelease extends Omit<ReleaseStatus, 'config' | 'state'> {
  readonly id: string;
  readonly config: Omit<ReleaseConfig, 'id' | 'state'>;
  readonly state: DumpedState | null;
}

export interface DumpedState extends Omit<ReleaseState, 'beganAt' | 'changedAt'> {
  readonly beganAt: string;
  readonly changedAt: string;
}

/** A page that somebody looks at. */
const MAX_RELEASES = 1_000;

export function dumpReleases({ decides, releases }: ReleaseReport): ReleasesDump {
  return { decides, count: releases.length, releases: releases.slice(0, MAX_RELEASES).map(dumpRelease) };
}

function dumpRelease({ config, state, ...status }: ReleaseStatus): DumpedRelease {
  const { id, state: _stored, ...rest } = config;
  return { id, ...status, config: rest, state: state === null ? null : dumpState(state) };
}

function dumpState(state: ReleaseState): DumpedState {
  return { ...state, beganAt: toTime(state.beganAt), changedAt: toTime(state.changedAt) };
}

/** What was stored may be any number. */
function toTime(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
