/** One watch stream: history first, then events as they are written, bookmarks, and the injected faults. */
import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';
import type { CollectionPath } from './resources.ts';
import { matchesSelector } from './selector.ts';
import { expired, toStatus } from './status.ts';
import type { LogEntry, Storage, StoredObject } from './storage.ts';

export interface WatchOptions {
  readonly storage: Storage;
  readonly collection: CollectionPath;
  readonly query: URLSearchParams;
  readonly bookmarkIntervalMs: number;
  /** Shortens what `timeoutSeconds` asks for. */
  readonly maxWatchMs: number;
  readonly fault: Fault | null;
}

/** A reader that lets more than this pile up is cut. */
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;

export class WatchStream {
  readonly #response: ServerResponse;
  readonly #options: WatchOptions;
  readonly #selector: string | null;
  readonly #endings: (() => void)[] = [];
  #eventsSent = 0;
  #ended = false;

  constructor(response: ServerResponse, options: WatchOptions) {
    this.#response = response;
    this.#options = options;
    this.#selector = options.query.get('fieldSelector');
    response.on('close', () => this.#finish());
  }

  start(): void {
    const { storage, query, fault } = this.#options;
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
    if (fault?.kind === 'stall') return;
    if (fault?.kind === 'end') return this.end();
    if (fault?.kind === 'garbage') return void this.#response.write('{"type":"ADDED","obj\n');
    if (fault?.kind === 'error-event') return this.#fail(fault.code, fault.reason);
    const from = Number(query.get('resourceVersion') || '0');
    if (from !== 0 && from < storage.compactedRevision) return this.#fail(410, expired().reason);
    // A revision from the future is accepted, and nothing ever comes.
    if (from <= storage.revision) this.#stream(from);
    this.#after(Math.min(Number(query.get('timeoutSeconds') ?? '1800') * 1000, this.#options.maxWatchMs), () => {
      if (from <= storage.revision) this.#bookmark();
      this.end();
    });
  }

  /** Cleanly, as after the timeout. */
  end(): void {
    this.#finish();
    this.#response.end();
  }

  /** As when the connection breaks. */
  cut(): void {
    this.#finish();
    this.#response.destroy();
  }

  #stream(from: number): void {
    const { storage, collection, query, bookmarkIntervalMs } = this.#options;
    if (from === 0) {
      for (const object of storage.stateAt(collection.type, storage.revision)) {
        if (this.#matches(object)) this.#send('ADDED', object);
      }
    } else {
      for (const entry of storage.since(collection.type, from)) this.#write(entry);
    }
    this.#endings.push(storage.onWrite((entry) => this.#write(entry)));
    if (query.get('allowWatchBookmarks') === 'true') {
      const timer = setInterval(() => this.#bookmark(), bookmarkIntervalMs);
      this.#endings.push(() => clearInterval(timer));
    }
  }

  #write(entry: LogEntry): void {
    if (entry.type !== this.#options.collection.type) return;
    const was = entry.before !== null && this.#matches(entry.before);
    const is = !entry.deleted && this.#matches(entry.after);
    if (is) this.#send(was ? 'MODIFIED' : 'ADDED', entry.after);
    else if (was) this.#send('DELETED', withVersion(entry.before, entry.revision));
  }

  #matches(object: StoredObject): boolean {
    const { namespace } = this.#options.collection;
    return (namespace === '' || object.metadata.namespace === namespace) && matchesSelector(object, this.#selector);
  }

  #bookmark(): void {
    const { storage, collection } = this.#options;
    const { kind, apiVersion } = collection.type;
    const metadata = { resourceVersion: String(storage.revision), creationTimestamp: null };
    this.#line(JSON.stringify({ type: 'BOOKMARK', object: { kind, apiVersion, metadata } }));
  }

  #send(type: string, object: StoredObject | null): void {
    const { fault } = this.#options;
    const line = JSON.stringify({ type, object });
    if (fault?.kind === 'cut' && this.#eventsSent >= fault.afterEvents) {
      if (this.#ended) return;
      this.#finish();
      const response = this.#response;
      // Destroyed only once the half line is on its way, so that the reader really sees it.
      if (fault.midLine) response.write(line.slice(0, line.length / 2), () => response.destroy());
      else response.destroy();
      return;
    }
    this.#eventsSent++;
    this.#line(line);
  }

  #line(line: string): void {
    if (this.#ended) return;
    if (this.#options.fault?.kind === 'one-byte-chunks') {
      for (const byte of Buffer.from(`${line}\n`)) this.#response.write(Uint8Array.of(byte));
    } else {
      this.#response.write(`${line}\n`);
    }
    if (this.#response.writableLength > MAX_BACKLOG_BYTES) this.cut();
  }

  #fail(code: number, reason: string): void {
    const object = toStatus({ code, reason, message: `injected or expired: ${reason}` });
    this.#line(JSON.stringify({ type: 'ERROR', object }));
    this.end();
  }

  #after(delayMs: number, run: () => void): void {
    const timer = setTimeout(run, delayMs);
    this.#endings.push(() => clearTimeout(timer));
  }

  #finish(): void {
    this.#ended = true;
    for (const ending of this.#endings.splice(0)) ending();
  }
}

function withVersion(object: StoredObject | null, revision: number): StoredObject | null {
  if (object === null) return null;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
