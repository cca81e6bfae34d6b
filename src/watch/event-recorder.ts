/**
 * Writes Events about objects. Problems are states: each is one Event for as long as what it says is true, written again from
 * time to time because the server forgets. Other notices are written once, if soon. Nobody must rely on Events: the log, the
 * metrics and `/debug/config` know more, and longer.
 */
import type { Logger } from '../log/logger.ts';
import { Backoff, DEFAULT_BACKOFF } from './backoff.ts';
import { type Clock, pause, withDeadline } from './clock.ts';
import {
  type EventNotice,
  type EventReporter,
  identify,
  toEvent,
  toEventCollection,
  toEventName,
  toSeriesPatch,
} from './event-object.ts';
import type { KubeClient } from './kube-client.ts';
import { asRecord, KubeApiError } from './kube-error.ts';
import type { Term } from './leader-election.ts';
import { toWriteResult, type WriteCounts, type WriteResult } from './write-counts.ts';
import { WriteGate, type WriteRate } from './write-gate.ts';

export interface EventTiming {
  readonly rate: WriteRate;
  /** Between two writes of one Event whose cause comes and goes. */
  readonly repeatMs: number;
  /** Between two writes of one Event whose cause stays. API servers forget Events after an hour unless told otherwise. */
  readonly refreshMs: number;
  /** A notice that could not be written for this long is old news. */
  readonly noticeLifeMs: number;
  /** Between two attempts while the right for it is missing; up to twice as long. */
  readonly deniedRetryMs: number;
}

export const DEFAULT_EVENT_TIMING: EventTiming = {
  rate: { perSecond: 10, burst: 25 },
  repeatMs: 5 * 60_000,
  refreshMs: 30 * 60_000,
  noticeLifeMs: 60_000,
  deniedRetryMs: 30_000,
};

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly reporter: EventReporter;
  readonly counts: WriteCounts;
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly timing: EventTiming;
}

interface Entry {
  notice: EventNotice;
  /** What it says is true now. */
  standing: boolean;
  /** It happened, and is written once. */
  readonly passing: boolean;
  /** Infinity = nothing to write. */
  dueMs: number;
  /** When what is due became due: notices do not wait for ever. */
  readonly sinceMs: number;
  /** Written by us, or found. Then it is patched, not created. */
  exists: boolean;
  writtenMs: number;
  count: number;
}

/** Beyond this many at once more Events would help nobody. */
const MAX_ENTRIES = 10_000;
const WRITE_LIMIT_MS = 4_000;
/** Timers cannot be set to any length. */
const MAX_SLEEP_MS = 60 * 60_000;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #gate: WriteGate;
  readonly #backoff: Backoff;
  /** By what makes an Event one. */
  readonly #entries: Map<string, Entry>;
  #wake: AbortController;
  #deniedInLog: boolean;
  #overflowInLog: boolean;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#gate = new WriteGate(options.clock, options.timing.rate);
    this.#backoff = new Backoff(DEFAULT_BACKOFF, options.random);
    this.#entries = new Map();
    this.#wake = new AbortController();
    this.#deniedInLog = false;
    this.#overflowInLog = false;
  }

  /** Everything that is true now. What was, and is not in `notices`, is true no more. */
  setStanding(notices: readonly EventNotice[]): void {
    const { clock, timing } = this.#options;
    const nowMs = clock.nowMs();
    const standing = new Set<string>();
    for (const notice of notices) {
      const key = identify(notice);
      standing.add(key);
      const entry = this.#entries.get(key);
      if (entry === undefined) this.#add(key, notice, true);
      else if (!entry.standing) {
        entry.standing = true;
        entry.dueMs = entry.writtenMs + timing.repeatMs;
      }
      // For the version of the object, should it be written once more.
      if (entry !== undefined) entry.notice = notice;
    }
    for (const [key, entry] of this.#entries) {
      if (standing.has(key)) continue;
      if (entry.passing) {
        // Also where nobody leads: a notice waits for the next leader, but not for ever.
        if (nowMs - entry.sinceMs > timing.noticeLifeMs) this.#entries.delete(key);
        continue;
      }
      entry.standing = false;
      entry.dueMs = Number.POSITIVE_INFINITY;
      // Kept for as long as a return would be a repetition.
      if (entry.writtenMs + timing.repeatMs <= nowMs) this.#entries.delete(key);
    }
    this.#wakeUp();
  }

  /** Something that happened just now. */
  note(notice: EventNotice): void {
    const key = identify(notice);
    if (this.#entries.has(key)) return;
    this.#add(key, notice, false);
    this.#wakeUp();
  }

  /** Writes until the term ends. */
  async lead(term: Term): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const entry of this.#entries.values()) {
      if (!entry.standing) continue;
      // Another leader may have written it meanwhile: the server knows.
      entry.exists = false;
      entry.dueMs = nowMs;
    }
    while (!term.signal.aborted) {
      const next = this.#next();
      const waitMs = next === null ? Number.POSITIVE_INFINITY : next.entry.dueMs - this.#options.clock.nowMs();
      if (next === null || waitMs > 0) await this.#sleep(waitMs, term.signal);
      else await this.#take(next.key, next.entry, term);
    }
  }

  #add(key: string, notice: EventNotice, standing: boolean): void {
    if (this.#entries.size >= MAX_ENTRIES) {
      if (!this.#overflowInLog)
        this.#options.logger.warn('too many events, some are not written', { max: MAX_ENTRIES });
      this.#overflowInLog = true;
      return;
    }
    const nowMs = this.#options.clock.nowMs();
    const fresh = { exists: false, writtenMs: Number.NEGATIVE_INFINITY, count: 0 };
    this.#entries.set(key, { notice, standing, passing: !standing, dueMs: nowMs, sinceMs: nowMs, ...fresh });
  }

  #next(): { readonly key: string; readonly entry: Entry } | null {
    let found: { readonly key: string; readonly entry: Entry } | null = null;
    for (const [key, entry] of this.#entries) {
      if (entry.dueMs < (found?.entry.dueMs ?? Number.POSITIVE_INFINITY)) found = { key, entry };
    }
    return found;
  }

  async #take(key: string, entry: Entry, term: Term): Promise<void> {
    const { clock, timing } = this.#options;
    if (!entry.standing && clock.nowMs() - entry.sinceMs > timing.noticeLifeMs) {
      this.#entries.delete(key);
      return;
    }
    await this.#gate.turn(term.signal);
    // It may have ceased to be true while it waited.
    if (!term.holds() || this.#entries.get(key) !== entry || entry.dueMs > clock.nowMs()) return;
    await this.#write(key, entry, term);
    if (!entry.standing && entry.exists && entry.passing) this.#entries.delete(key);
  }

  async #write(key: string, entry: Entry, term: Term): Promise<void> {
    const { client, clock, counts, reporter, timing } = this.#options;
    const { notice } = entry;
    const collection = toEventCollection(notice);
    const request = entry.exists
      ? ({
          method: 'PATCH',
          path: `${collection}/${toEventName(notice)}`,
          body: toSeriesPatch(entry.count + 1, Date.now()),
        } as const)
      : ({ method: 'POST', path: collection, body: toEvent(notice, reporter, Date.now()) } as const);
    try {
      await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) => client.write(request, signal));
      counts.add('event', 'ok');
      this.#backoff.reset();
      this.#deniedInLog = false;
      this.#noteWritten(entry, entry.count + 1, 0);
    } catch (error) {
      const result = toWriteResult(error);
      counts.add('event', result);
      if (term.signal.aborted) return;
      if (result === 'exists') await this.#adopt(entry, term);
      else if (result === 'gone' && entry.exists) entry.exists = false;
      else if (result === 'gone') this.#entries.delete(key);
      else if (error instanceof KubeApiError && (error.status === 422 || error.status === 400)) {
        this.#options.logger.warn('event refused', {
          reason: notice.reason,
          object: notice.subject.name,
          error: error.message,
        });
        entry.dueMs = clock.nowMs() + timing.refreshMs;
      } else this.#holdBack(result, error);
    }
  }

  /** Another process, or this one in a former term, has written it: it need not be written before it grows old. */
  async #adopt(entry: Entry, term: Term): Promise<void> {
    const { client, clock, logger, timing } = this.#options;
    const path = `${toEventCollection(entry.notice)}/${toEventName(entry.notice)}`;
    try {
      const raw = await withDeadline(clock, WRITE_LIMIT_MS, term.signal, (signal) => client.getObject(path, signal));
      const { series, eventTime } = asRecord(raw);
      const { count, lastObservedTime } = asRecord(series);
      const seenAt = Date.parse(String(lastObservedTime ?? eventTime));
      const ageMs = Math.min(Math.max(0, Date.now() - seenAt || 0), timing.refreshMs);
      this.#noteWritten(entry, typeof count === 'number' && count > 0 ? count : 1, ageMs);
    } catch (error) {
      // Without the right to read Events their age is not known.
      logger.debug('event not read', { path, error });
      this.#noteWritten(entry, 1, 0);
    }
  }

  #noteWritten(entry: Entry, count: number, ageMs: number): void {
    const { clock, timing } = this.#options;
    entry.exists = true;
    entry.count = count;
    entry.writtenMs = clock.nowMs() - ageMs;
    entry.dueMs = entry.standing ? entry.writtenMs + timing.refreshMs : Number.POSITIVE_INFINITY;
  }

  #holdBack(result: WriteResult, error: unknown): void {
    const { client, clock, logger, random, timing } = this.#options;
    const details = error instanceof KubeApiError ? error : null;
    if (details?.status === 401) client.dropCredentials();
    if (result !== 'denied') {
      logger.debug('event not written', { error });
      this.#gate.close(Math.max(this.#backoff.nextDelayMs(clock.nowMs()), details?.retryAfterMs ?? 0));
      return;
    }
    this.#gate.close(timing.deniedRetryMs * (1 + random()));
    if (!this.#deniedInLog) {
      const remedy = 'grant get, create and patch on events (api group events.k8s.io)';
      logger.error('events cannot be written', { problem: `${details?.message ?? ''}; ${remedy}` });
    }
    this.#deniedInLog = true;
  }

  /** Until something is due, or something changed. */
  async #sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#wake.signal]);
    await pause(this.#options.clock, Math.min(delayMs, MAX_SLEEP_MS), either);
  }

  #wakeUp(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }
}
