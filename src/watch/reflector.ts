/**
 * Mirrors one collection of the API server: list, watch, and going on after every kind of failure until told to stop.
 * Publishes converted objects; keeps only their identities, because whoever listens keeps the objects.
 */
import type { ObjectKey } from '../model/object-ref.ts';
import { Backoff, type BackoffSettings, DEFAULT_BACKOFF } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { KubeClient, Query } from './kube-client.ts';
import { asRecord, WatchBrokenError } from './kube-error.ts';
import { listAll, readCollectionVersion } from './list-pages.ts';
import { planRecovery, type Recovery } from './recovery.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { RetryGate } from './retry-gate.ts';
import { readWatchStream, Watchdog, type WatchEvent } from './watch-stream.ts';

export interface ReflectorTiming {
  readonly pageLimit: number;
  /** Bookmarks come about every 60 s: a stream silent for longer than this is dead. */
  readonly inactivityMs: number;
  /** The server is asked to end a watch after 1 to 2 times this. */
  readonly watchTimeoutSeconds: number;
  /** A watch that ended sooner without an event counts as a failure. */
  readonly shortSessionMs: number;
  /** A watch that lived this long proves the server healthy: the next failure counts as the first. */
  readonly healthySessionMs: number;
  readonly maxLineBytes: number;
  readonly backoff: BackoffSettings;
}

export const DEFAULT_REFLECTOR_TIMING: ReflectorTiming = {
  pageLimit: 500,
  inactivityMs: 90_000,
  watchTimeoutSeconds: 300,
  shortSessionMs: 1_000,
  healthySessionMs: 30_000,
  maxLineBytes: 8 * 1024 * 1024,
  backoff: DEFAULT_BACKOFF,
};

/** `value` null: the object is gone. */
export interface ReflectorChange<T> {
  readonly key: ObjectKey;
  readonly value: T | null;
}

export interface ReflectorListener<T> {
  /** What changed together. A key that was deleted and created anew appears once, with the new value. */
  onChanges(changes: readonly ReflectorChange<T>[]): void;
  /** `synced` or `denied` changed. Follows the changes that belong to it. */
  onStateChange(): void;
  /** The server answered a list or opened a watch. */
  onContact(): void;
  /** Anything that went wrong except a 410, which is part of normal life. */
  onFailure(error: unknown, recovery: Recovery): void;
}

export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  /** Path of the collection. */
  readonly path: string;
  /** Selectors. */
  readonly query: Query;
  /** Must not throw. */
  readonly convert: (raw: unknown) => T;
  readonly listener: ReflectorListener<T>;
  readonly gate: RetryGate;
  readonly timing: ReflectorTiming;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ReflectorStatus {
  /** The store has been complete at least once. */
  readonly synced: boolean;
  /** Why the resource cannot be read now; null = it can. */
  readonly denied: unknown;
  readonly objects: number;
  /** Since the last event, bookmark or list; -1 = never. */
  readonly lastEventAgeMs: number;
  readonly lists: number;
  readonly watches: number;
  /** By `Recovery.code`. */
  readonly errors: Readonly<Record<string, number>>;
}

interface Identity {
  readonly uid: string;
  readonly resourceVersion: string;
}

interface Listed<T> extends Identity {
  readonly key: ObjectKey;
  /** Undefined: the stored object is the same. */
  readonly value: T | undefined;
}

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #errors: Map<string, number>;
  #stored: Map<ObjectKey, Identity>;
  /** Empty: list first. */
  #resourceVersion: string;
  #suspect: boolean;
  /** False after a rollback: the same version may mean other content then. */
  #versionsTrusted: boolean;
  #synced: boolean;
  #denied: unknown;
  #expiredBefore: boolean;
  #serverErrorSinceMs: number | null;
  #lastEventMs: number | null;
  #lists: number;
  #watches: number;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(options.timing.backoff, options.random);
    this.#errors = new Map();
    this.#stored = new Map();
    this.#resourceVersion = '';
    this.#suspect = false;
    this.#versionsTrusted = true;
    this.#synced = false;
    this.#denied = null;
    this.#expiredBefore = false;
    this.#serverErrorSinceMs = null;
    this.#lastEventMs = null;
    this.#lists = 0;
    this.#watches = 0;
  }

  /** Ends only after `signal` aborts, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#suspect && this.#resourceVersion !== '') await this.#probe(signal);
        if (this.#resourceVersion === '') await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, signal);
      }
    }
  }

  status(): ReflectorStatus {
    return {
      synced: this.#synced,
      denied: this.#denied,
      objects: this.#stored.size,
      lastEventAgeMs: this.#lastEventMs === null ? -1 : this.#options.clock.nowMs() - this.#lastEventMs,
      lists: this.#lists,
      watches: this.#watches,
      errors: Object.fromEntries(this.#errors),
    };
  }

  keys(): readonly ObjectKey[] {
    return [...this.#stored.keys()];
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, path, query, timing } = this.#options;
    this.#lists++;
    const listing = await listAll({ client, path, query, pageLimit: timing.pageLimit, signal }, (raw) =>
      this.#read(raw),
    );
    signal.throwIfAborted();
    const changes: ReflectorChange<T>[] = [];
    const next = new Map<ObjectKey, Identity>();
    for (const item of listing.items) {
      if (item === null) continue;
      next.set(item.key, { uid: item.uid, resourceVersion: item.resourceVersion });
      if (item.value !== undefined) changes.push({ key: item.key, value: item.value });
    }
    for (const key of this.#stored.keys()) if (!next.has(key)) changes.push({ key, value: null });
    this.#stored = next;
    this.#resourceVersion = listing.resourceVersion;
    this.#suspect = false;
    this.#versionsTrusted = true;
    this.#lastEventMs = this.#options.clock.nowMs();
    this.#options.listener.onContact();
    if (changes.length > 0) this.#options.listener.onChanges(changes);
    this.#setState(true, null);
  }

  /** Null for something without an identity. A stored object of the same version is not converted again. */
  #read(raw: unknown): Listed<T> | null {
    const identity = readIdentity(raw);
    if (identity === null) return null;
    const known = this.#stored.get(identity.key);
    const same =
      this.#versionsTrusted &&
      known !== undefined &&
      known.uid === identity.uid &&
      known.resourceVersion === identity.resourceVersion;
    return { ...identity, value: same ? undefined : this.#options.convert(raw) };
  }

  /**
   * After a restore from backup the server's history is behind ours. A watch from a version in its future is accepted and
   * stays silent for ever, so the server must be asked.
   */
  async #probe(signal: AbortSignal): Promise<void> {
    const { client, path, query } = this.#options;
    const newest = await readCollectionVersion({ client, path, query, signal });
    this.#suspect = false;
    this.#options.listener.onContact();
    if (compareResourceVersions(newest, this.#resourceVersion) !== -1) return;
    this.#resourceVersion = '';
    this.#versionsTrusted = false;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, path, clock, listener, timing, random } = this.#options;
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    const query = {
      ...this.#options.query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: String(Math.floor(timing.watchTimeoutSeconds * (1 + random()))),
    };
    this.#watches++;
    const body = await client.getStream(path, query, either);
    const openedMs = clock.nowMs();
    let sawEvent = false;
    listener.onContact();
    this.#setState(this.#synced, null);
    const watchdog = new Watchdog(clock, timing.inactivityMs, () => {
      silence.abort(new WatchBrokenError(`the watch was silent for ${timing.inactivityMs} ms`, false));
    });
    const limits = { maxLineBytes: timing.maxLineBytes, onBytes: () => watchdog.feed() };
    try {
      await readWatchStream(body, limits, (events) => {
        sawEvent = true;
        // Not `either`: a signal made of others looks them all up each time it is asked.
        if (!signal.aborted && !silence.signal.aborted) this.#apply(events);
      });
    } catch (error) {
      throw silence.signal.aborted ? silence.signal.reason : error;
    } finally {
      watchdog.stop();
      if (clock.nowMs() - openedMs >= timing.healthySessionMs) this.#backoff.reset();
    }
    if (!sawEvent && clock.nowMs() - openedMs < timing.shortSessionMs) {
      throw new WatchBrokenError('the watch ended at once', false);
    }
  }

  #apply(events: readonly WatchEvent[]): void {
    const changes: ReflectorChange<T>[] = [];
    for (const event of events) {
      const change = this.#applyOne(event);
      if (change !== null) changes.push(change);
    }
    this.#lastEventMs = this.#options.clock.nowMs();
    this.#expiredBefore = false;
    this.#serverErrorSinceMs = null;
    if (changes.length > 0) this.#options.listener.onChanges(changes);
  }

  #applyOne({ type, object }: WatchEvent): ReflectorChange<T> | null {
    const { resourceVersion } = asRecord(asRecord(object)['metadata']);
    if (typeof resourceVersion === 'string' && resourceVersion !== '') this.#resourceVersion = resourceVersion;
    if (type === 'BOOKMARK') return null;
    const identity = readIdentity(object);
    if (identity === null) return null;
    if (type === 'DELETED') {
      return this.#stored.delete(identity.key) ? { key: identity.key, value: null } : null;
    }
    const item = this.#read(object);
    if (item === null || item.value === undefined) return null;
    this.#stored.set(item.key, { uid: item.uid, resourceVersion: item.resourceVersion });
    return { key: item.key, value: item.value };
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, gate, listener, client } = this.#options;
    const nowMs = clock.nowMs();
    const serverErrorForMs = this.#serverErrorSinceMs === null ? 0 : nowMs - this.#serverErrorSinceMs;
    const recovery = planRecovery(error, { expiredBefore: this.#expiredBefore, serverErrorForMs });
    this.#errors.set(recovery.code, (this.#errors.get(recovery.code) ?? 0) + 1);
    if (recovery.relist) this.#resourceVersion = '';
    if (recovery.suspect) this.#suspect = true;
    if (recovery.dropCredentials) client.dropCredentials();
    if (recovery.code === '410') this.#expiredBefore = true;
    else listener.onFailure(error, recovery);
    if (recovery.code.startsWith('5')) this.#serverErrorSinceMs ??= nowMs;
    if (recovery.relist) this.#serverErrorSinceMs = null;
    if (recovery.denied) this.#setState(this.#synced, error);
    const delayMs = recovery.wait === 'none' ? 0 : this.#backoff.nextDelayMs(nowMs);
    await gate.wait(Math.max(delayMs, recovery.minDelayMs), recovery.untilContact, signal);
  }

  #setState(synced: boolean, denied: unknown): void {
    const changed = synced !== this.#synced || (denied === null) !== (this.#denied === null);
    this.#synced = synced;
    this.#denied = denied;
    if (changed) this.#options.listener.onStateChange();
  }
}

function readIdentity(raw: unknown): (Identity & { readonly key: ObjectKey }) | null {
  const { namespace, name, uid, resourceVersion } = asRecord(asRecord(raw)['metadata']);
  if (typeof name !== 'string' || name === '' || typeof resourceVersion !== 'string') return null;
  const key = typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : name;
  return { key, uid: typeof uid === 'string' ? uid : '', resourceVersion };
}
