/**
 * What one replica tells the others of its releases, and the text it is told in. Whoever may write to the place where it stands
 * can change it: so it is read like anything else from outside.
 */
import { LATENCY_BUCKET_COUNT, type ReleaseFigures, type SideFigures } from './release.ts';

export interface ReplicaFigures {
  readonly revision: string;
  readonly step: number;
  /** Since the step began. */
  readonly figures: ReleaseFigures;
  /** Why it has stopped the release for itself; empty = it has not. */
  readonly stopped: string;
}

/** Annotations of an object may have 256 KiB together. */
export const MAX_REPLICA_TEXT = 200_000;
const MAX_TEXT_READ = 262_144;
const MAX_ID_LENGTH = 1_024;
const MAX_REVISION_LENGTH = 64;
const MAX_REASON_LENGTH = 512;

/** As many as fit: the rest is left out, those that are stopped last. */
export function formatReplicaFigures(rows: readonly ReplicaFigures[]): string {
  const parts: string[] = [];
  let length = '[]'.length;
  for (const row of rows.toSorted((a, b) => Number(a.stopped === '') - Number(b.stopped === ''))) {
    const part = JSON.stringify(toJson(row));
    if (length + part.length + 1 > MAX_REPLICA_TEXT) break;
    length += part.length + 1;
    parts.push(part);
  }
  return `[${parts.join(',')}]`;
}

/** Rows that make no sense are passed over. */
export function parseReplicaFigures(text: string): readonly ReplicaFigures[] {
  if (text.length > MAX_TEXT_READ) return [];
  const rows = parseJson(text);
  return Array.isArray(rows) ? rows.flatMap((row) => readRow(row) ?? []) : [];
}

function toJson({ revision, step, figures, stopped }: ReplicaFigures): object {
  const { id, stable, canary } = figures;
  const reason = stopped.toWellFormed().slice(0, MAX_REASON_LENGTH).toWellFormed();
  return { id, revision, step, stable: sideToJson(stable), canary: sideToJson(canary), stopped: reason };
}

/** Requests, failures, and of each bucket that holds something its number and count. */
function sideToJson({ requests, failures, latency }: SideFigures): readonly number[] {
  return [requests, failures, ...latency.flatMap((count, bucket) => (count > 0 ? [bucket, count] : []))];
}

function readRow(row: unknown): ReplicaFigures | null {
  if (typeof row !== 'object' || row === null) return null;
  const { id, revision, step, stable, canary, stopped }: Readonly<Record<string, unknown>> = { ...row };
  if (!isText(id, MAX_ID_LENGTH) || !isText(revision, MAX_REVISION_LENGTH) || !isText(stopped, MAX_REASON_LENGTH)) {
    return null;
  }
  const [stableSide, canarySide] = [readSide(stable), readSide(canary)];
  if (!isCount(step) || stableSide === null || canarySide === null) return null;
  return { revision, step, figures: { id, stable: stableSide, canary: canarySide }, stopped };
}

function readSide(value: unknown): SideFigures | null {
  if (!Array.isArray(value) || !value.every(isCount) || value.length % 2 !== 0) return null;
  const [requests, failures, ...pairs] = value;
  if (requests === undefined || failures === undefined || failures > requests) return null;
  const latency = Array.from({ length: LATENCY_BUCKET_COUNT }, () => 0);
  let answers = 0;
  for (let at = 0; at < pairs.length; at += 2) {
    const [bucket = -1, count = 0] = pairs.slice(at, at + 2);
    if (latency[bucket] !== 0) return null;
    latency[bucket] = count;
    answers += count;
  }
  // Nobody answers more than he was asked.
  return answers > requests - failures ? null : { requests, failures, latency };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
