/**
 * An API server inside the test process: discovery, list and watch over HTTP, written to by tests directly, and breakable
 * on demand. It knows nothing of the code under test and never imports from it.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fault, FaultQueue } from './faults.ts';
import { answerList } from './list.ts';
import { answerCreate, answerDelete, answerGet, answerPatch, answerReplace, type ObjectAnswer } from './objects.ts';
import {
  type CollectionPath,
  type ObjectPath,
  parseCollectionPath,
  parseObjectPath,
  RESOURCE_TYPES,
  type ResourceType,
} from './resources.ts';
import { type StatusOptions, toStatus } from './status.ts';
import { type ObjectInput, Storage, type StoredObject } from './storage.ts';
import { WatchStream } from './watch.ts';

export interface FakeApiServerOptions {
  /** False: a server before 1.21, which has `Endpoints` only. */
  readonly endpointSlices?: boolean;
  readonly bookmarkIntervalMs?: number;
  readonly maxWatchMs?: number;
  /** Bearer token that is asked for; null = anybody. */
  readonly token?: string | null;
  /** Absent = any free port. */
  readonly port?: number;
  /** PEM; absent = plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** One request as it came in. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly watch: boolean;
  /** Of JSON; null without one. */
  readonly body: unknown;
  readonly contentType: string;
}

type Verb = 'list' | 'watch' | 'get' | 'create' | 'update' | 'patch' | 'delete';

export interface Denial {
  readonly plural: string;
  /** Undefined = every verb. */
  readonly verb?: Verb;
  /** Undefined = every scope. */
  readonly namespace?: string;
}

export class FakeApiServer {
  readonly storage: Storage = new Storage();
  readonly faults: FaultQueue = new FaultQueue();
  readonly requests: SeenRequest[] = [];
  /** Requests the fake has no answer for; a test should find none. */
  readonly unknownRequests: string[] = [];
  /** Changed by tests while running. */
  endpointSlices: boolean;
  token: string | null;
  denials: Denial[] = [];
  /** As for an account without the rights of `system:discovery`. */
  discoveryForbidden = false;
  readonly #options: FakeApiServerOptions;
  readonly #streams = new Set<WatchStream>();
  readonly #sockets = new Set<Socket>();
  readonly #directory: string;
  readonly #requestListeners = new Set<(request: SeenRequest) => void>();
  #server: Server | null = null;
  #port: number;

  constructor(options: FakeApiServerOptions = {}) {
    this.#options = options;
    this.endpointSlices = options.endpointSlices ?? true;
    this.token = options.token ?? null;
    this.#port = options.port ?? 0;
    this.#directory = mkdtempSync(join(tmpdir(), 'fake-apiserver-'));
  }

  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const fake = new FakeApiServer(options);
    await fake.listen();
    return fake;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Again on the same port after `goAway`. */
  async listen(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
    const { tls } = this.#options;
    const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the fake listens on no port');
    this.#port = address.port;
    this.#server = server;
  }

  /** As a killed process: every connection breaks, new ones are refused. */
  async goAway(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = once(server, 'close');
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    await this.goAway();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  cutStreams(): void {
    for (const stream of this.#streams) stream.cut();
  }

  /** Path of a kubeconfig for this server; `user` as in a kubeconfig. */
  writeKubeconfig(
    user: Readonly<Record<string, unknown>> = {},
    cluster: Readonly<Record<string, unknown>> = {},
  ): string {
    const file = join(this.#directory, 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: this.url, ...cluster } }],
      users: [{ name: 'user', user }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'user' } }],
      'current-context': 'fake',
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  put(plural: string, object: ObjectInput): StoredObject {
    return this.storage.put(typeOf(plural), object);
  }

  putStatus(plural: string, key: string, status: unknown): StoredObject {
    return this.storage.putStatus(typeOf(plural), key, status);
  }

  delete(plural: string, key: string): boolean {
    return this.storage.delete(typeOf(plural), key);
  }

  list(plural: string): readonly StoredObject[] {
    return this.storage.stateAt(typeOf(plural), this.storage.revision);
  }

  /** Resolves with the next request (or one seen already, counted from `since`) that `wanted` accepts. */
  async waitForRequest(wanted: (request: SeenRequest) => boolean, since = 0): Promise<SeenRequest> {
    const seen = this.requests.slice(since).find(wanted);
    if (seen !== undefined) return seen;
    return new Promise((resolve) => {
      const listener = (request: SeenRequest): void => {
        if (!wanted(request)) return;
        this.#requestListeners.delete(listener);
        resolve(request);
      };
      this.#requestListeners.add(listener);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'GET') return this.#answerWhole(request, '', response);
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => this.#answerWhole(request, text, response));
  }

  #answerWhole(request: IncomingMessage, text: string, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake');
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      watch: url.searchParams.get('watch') === 'true',
      body: text === '' ? null : JSON.parse(text),
      contentType: request.headers['content-type'] ?? '',
    };
    this.requests.push(seen);
    const collection = parseCollectionPath(url.pathname);
    const object = collection === null ? parseObjectPath(url.pathname) : null;
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      sendStatus(response, { code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
    } else if (object !== null) {
      this.#answerObject(seen, object, response);
    } else if (collection !== null && seen.method === 'POST') {
      this.#answerObject(seen, { ...collection, name: '', subresource: '' }, response);
    } else {
      this.#answerAuthorized(seen, collection, response);
    }
    for (const listener of this.#requestListeners) listener(seen);
  }

  /** Rights are looked at before resources are looked for. */
  #answerAuthorized(seen: SeenRequest, collection: CollectionPath | null, response: ServerResponse): void {
    const absent = collection === null || (collection.type.plural === 'endpointslices' && !this.endpointSlices);
    const denied = collection === null ? this.#denialOfDiscovery(seen.path) : this.#denialOf(seen, collection);
    if (absent && denied !== null) sendStatus(response, denied);
    else if (absent) this.#answerDiscovery(seen.path, collection !== null, response);
    else this.#answerCollection(seen, collection, response);
  }

  #denialOfDiscovery(path: string): StatusOptions | null {
    if (!this.discoveryForbidden) return null;
    return {
      code: 403,
      reason: 'Forbidden',
      message: `forbidden: User "system:serviceaccount:fake" cannot get path "${path}"`,
    };
  }

  #answerDiscovery(path: string, absentCollection: boolean, response: ServerResponse): void {
    const types = RESOURCE_TYPES.filter((type) => type.apiPath === path);
    if (types.length === 0 && !absentCollection) this.unknownRequests.push(path);
    if (types.length === 0 || (path === '/apis/discovery.k8s.io/v1' && !this.endpointSlices)) {
      const message = 'the server could not find the requested resource';
      return sendStatus(response, { code: 404, reason: 'NotFound', message });
    }
    const resources = types.map(({ plural, kind, namespaced }) => ({ name: plural, kind, namespaced }));
    sendJson(response, 200, {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: types[0]?.apiVersion,
      resources,
    });
  }

  #answerCollection(seen: SeenRequest, collection: CollectionPath, response: ServerResponse): void {
    const { plural } = collection.type;
    const { method, watch } = seen;
    const fault = this.faults.take({ watch, plural, method, continued: seen.query.has('continue') });
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'stall' && !seen.watch) return;
    if (fault?.kind === 'status') return sendFault(response, fault);
    const denied = this.#denialOf(seen, collection);
    if (denied !== null) return sendStatus(response, denied);
    if (seen.watch) return this.#startWatch(seen, collection, fault, response);
    const answer = answerList(this.storage, collection, seen.query);
    if ('status' in answer) return sendStatus(response, answer.status);
    sendJson(response, 200, fault?.kind === 'null-items' ? { ...answer.body, items: null } : answer.body);
  }

  #answerObject(seen: SeenRequest, path: ObjectPath, response: ServerResponse): void {
    const { plural } = path.type;
    const { method } = seen;
    const fault = this.faults.take({ watch: false, plural, method, continued: false });
    if (fault?.kind === 'reset') return void response.destroy();
    if (fault?.kind === 'stall') return;
    if (fault?.kind === 'status') return sendFault(response, fault);
    const denied = this.#denialOf(seen, path);
    if (denied !== null) return sendStatus(response, denied);
    const answer = this.#doObject(seen, path);
    if (fault?.kind === 'lost-answer') return void response.destroy();
    if ('status' in answer) sendStatus(response, answer.status);
    else sendJson(response, answer.code, answer.body);
  }

  #doObject(seen: SeenRequest, path: ObjectPath): ObjectAnswer {
    const body = seen.body as ObjectInput;
    if (seen.method === 'GET') return answerGet(this.storage, path);
    if (seen.method === 'DELETE') return answerDelete(this.storage, path);
    if (seen.method === 'POST') return answerCreate(this.storage, path.type, body);
    if (seen.method === 'PUT') return answerReplace(this.storage, path, body);
    if (seen.method === 'PATCH' && seen.contentType === 'application/merge-patch+json') {
      return answerPatch(this.storage, path, body);
    }
    const message = `${seen.method} with ${seen.contentType} is not supported`;
    return { status: { code: 415, reason: 'UnsupportedMediaType', message } };
  }

  #startWatch(seen: SeenRequest, collection: CollectionPath, fault: Fault | null, response: ServerResponse): void {
    const stream = new WatchStream(response, {
      storage: this.storage,
      collection,
      query: seen.query,
      bookmarkIntervalMs: this.#options.bookmarkIntervalMs ?? 60_000,
      maxWatchMs: this.#options.maxWatchMs ?? 600_000,
      fault,
    });
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    stream.start();
  }

  #denialOf(seen: SeenRequest, { type, namespace, ...object }: CollectionPath): StatusOptions | null {
    const verb = seen.method === 'GET' && !('name' in object) ? (seen.watch ? 'watch' : 'list') : VERBS[seen.method];
    const denied = this.denials.some(
      (each) =>
        each.plural === type.plural && (each.verb ?? verb) === verb && (each.namespace ?? namespace) === namespace,
    );
    if (!denied) return null;
    const message = `${type.plural} is forbidden: User "system:serviceaccount:fake" cannot ${verb ?? seen.method} resource "${type.plural}"`;
    return { code: 403, reason: 'Forbidden', message };
  }
}

/** Of single objects. */
const VERBS: Readonly<Record<string, Verb>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function typeOf(plural: string): ResourceType {
  const type = RESOURCE_TYPES.find((each) => each.plural === plural);
  if (type === undefined) throw new Error(`the fake has no resource "${plural}"`);
  return type;
}

function sendFault(response: ServerResponse, fault: Extract<Fault, { kind: 'status' }>): void {
  if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
  if (fault.text !== undefined) {
    response.writeHead(fault.code, { 'content-type': 'text/plain' }).end(fault.text);
    return;
  }
  const { code, reason = 'Injected', cause } = fault;
  sendStatus(response, { code, reason, message: `injected ${code}`, ...(cause === undefined ? {} : { cause }) });
}

function sendStatus(response: ServerResponse, status: StatusOptions): void {
  sendJson(response, status.code, toStatus(status));
}

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
