/**
 * Turns the bytes of one watch response into events, in batches of what arrived together, and notices when the stream has
 * gone silent. What events mean is `reflector.ts`.
 */
import type { Clock } from './clock.ts';
import type { ResponseBody } from './kube-client.ts';
import { asRecord, KubeApiError, readStatus, readStatusCode, WatchBrokenError } from './kube-error.ts';
import { LineSplitter, LineTooLongError } from './line-splitter.ts';
import { WorkSlice } from './work-slice.ts';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

export interface WatchStreamLimits {
  readonly maxLineBytes: number;
  /** Called for every piece of the body, also for a part of a line. */
  readonly onBytes: () => void;
}

/**
 * Ends when the server ends the stream cleanly. Events that stand before a fault are delivered before it is thrown:
 * `KubeApiError` for an `ERROR` event, `WatchBrokenError` for what is not the protocol.
 */
export async function readWatchStream(
  body: ResponseBody,
  limits: WatchStreamLimits,
  onEvents: (events: readonly WatchEvent[]) => void,
): Promise<void> {
  const splitter = new LineSplitter(limits.maxLineBytes);
  for await (const chunk of body) {
    limits.onBytes();
    await deliver(splitLines(splitter, chunk), onEvents);
  }
  if (splitter.insideLine) throw new WatchBrokenError('the watch stream ended inside a line', false);
}

function splitLines(splitter: LineSplitter, chunk: Uint8Array): readonly string[] {
  try {
    return splitter.push(chunk);
  } catch (error) {
    if (error instanceof LineTooLongError) throw new WatchBrokenError(error.message, true, error);
    throw error;
  }
}

async function deliver(lines: readonly string[], onEvents: (events: readonly WatchEvent[]) => void): Promise<void> {
  const slice = new WorkSlice();
  let events: WatchEvent[] = [];
  try {
    for (const line of lines) {
      events.push(parseEvent(line));
      if (!slice.spent) continue;
      onEvents(events);
      events = [];
      await slice.next();
    }
  } finally {
    if (events.length > 0) onEvents(events);
  }
}

function parseEvent(line: string): WatchEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    throw new WatchBrokenError('a line of the watch stream is not json', true, error);
  }
  const { type, object } = asRecord(parsed);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object };
    case 'ERROR':
      throw new KubeApiError(readStatusCode(object), readStatus(object), null);
    default:
      throw new WatchBrokenError('the watch stream holds an event of unknown type', true);
  }
}

/** Calls back once when it was not fed for `limitMs`. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #fedMs: number;
  #cancel: () => void;

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
    this.#fedMs = clock.nowMs();
    this.#cancel = clock.schedule(limitMs, () => this.#check());
  }

  /** Cheap: only remembers the time. */
  feed(): void {
    this.#fedMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#cancel();
  }

  #check(): void {
    const leftMs = this.#fedMs + this.#limitMs - this.#clock.nowMs();
    if (leftMs <= 0) this.#onSilence();
    else this.#cancel = this.#clock.schedule(leftMs, () => this.#check());
  }
}
