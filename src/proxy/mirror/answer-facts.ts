/** What is remembered of an answer to compare it with another: no bodies, only what tells them apart. */
import { crc32 } from 'node:zlib';
import type { MirrorCompareConfig } from '../../model/mirror.ts';

/** What follows in longer bodies is not compared. */
export const COMPARED_BODY_BYTES = 262_144;

export class AnswerFacts {
  status: number;
  /** Of the compared headers, in their order; null = absent. */
  values: readonly (string | null)[];
  /** Ours: nothing of it but the status can be compared. */
  local: boolean;
  /** Of the body, as far as it is compared. */
  bytes: number;
  #crc: number;

  constructor() {
    this.status = 0;
    this.values = [];
    this.local = false;
    this.bytes = 0;
    this.#crc = 0;
  }

  /** Bytes `[start, end)` are valid during the call only. */
  addBody(buffer: Buffer, start: number, end: number): void {
    const stop = Math.min(end, start + COMPARED_BODY_BYTES - this.bytes);
    if (stop <= start) return;
    this.#crc = crc32(buffer.subarray(start, stop), this.#crc);
    this.bytes += stop - start;
  }

  hasSameBody(other: AnswerFacts): boolean {
    return this.bytes === other.bytes && this.#crc === other.#crc;
  }
}

/** As samples show them: `status`, `header NAME`, `body`. Empty = they are the same. */
export function findDifferences(
  { headers, body }: MirrorCompareConfig,
  production: AnswerFacts,
  mirrored: AnswerFacts,
): readonly string[] {
  const differences: string[] = [];
  if (production.status !== mirrored.status) differences.push('status');
  if (production.local) return differences;
  for (const [at, name] of headers.entries()) {
    if (production.values[at] !== mirrored.values[at]) differences.push(`header ${name}`);
  }
  if (body && !production.hasSameBody(mirrored)) differences.push('body');
  return differences;
}
