/**
 * What our own code takes for one request through the proxy, from the bytes of its head to the bytes of its response:
 * everything but sockets, which take what they are given and cost nothing.
 */
import { EventEmitter } from 'node:events';
import type net from 'node:net';
import type { Endpoint } from '../../src/balancer/endpoint.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { LiveState } from '../../src/live/live-state.ts';
import type { TransportConfig } from '../../src/model/proxy-config.ts';
import { Roster } from '../../src/model/roster.ts';
import { ServerConnection } from '../../src/proxy/http1/server-connection.ts';
import type { OpenConnections } from '../../src/proxy/open-connection.ts';
import { TurnEnd } from '../../src/proxy/turn-end.ts';
import type { DialSink, UpstreamDialer } from '../../src/proxy/upstream-dialer.ts';
import { UpstreamPool } from '../../src/proxy/upstream-pool.ts';
import { WorkerContext } from '../../src/proxy/worker-context.ts';
import { DEFAULT_SETTINGS } from '../../test/support/in-process-proxy.ts';
import { proxyConfig, routeConfig, upstreamConfig } from '../../test/support/proxy-config.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

const CONNECTIONS = 64;
const GET = 'GET /assets/app.js?v=12 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n';
const POST =
  'POST /cart HTTP/1.1\r\nHost: shop.example\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nitem=a&n=12';
const ANSWER =
  'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\n' +
  'Content-Length: 40\r\nConnection: keep-alive\r\n\r\nhello hello hello hello hello hello 1234';

/** Takes what is written, as the kernel does when it has room. */
class SinkHandle {
  bytes = 0;

  writeLatin1String(_request: null, text: string): number {
    this.bytes += text.length;
    return 0;
  }

  writeBuffer(_request: null, bytes: Buffer): number {
    this.bytes += bytes.length;
    return 0;
  }
}

class Sink extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 4_000;
  readonly writableLength = 0;
  readonly destroyed = false;
  readonly _handle = new SinkHandle();

  write(text: string): boolean {
    this._handle.writeLatin1String(null, text);
    return true;
  }

  isPaused(): boolean {
    return false;
  }

  pause(): void {}

  resume(): void {}

  destroy(): void {}
}

class Rig {
  readonly connections: readonly ServerConnection[];
  /** Connections to the back end. */
  readonly asked: DialSink[];
  readonly sinks: Sink[];
  readonly #backEnd: net.Socket;

  constructor() {
    this.asked = [];
    this.sinks = [];
    this.#backEnd = new Sink() as unknown as net.Socket;
    const registry = new UpstreamRegistry((endpoint: Endpoint, _config: TransportConfig) => {
      const dialer = { namesClient: false, dial: (sink: DialSink) => this.#dial(sink) };
      return new UpstreamPool(worker, endpoint, dialer as unknown as UpstreamDialer);
    }, 1);
    const live = new LiveState(registry);
    const worker: WorkerContext = new WorkerContext({ ...DEFAULT_SETTINGS }, live, new RecordingLogger(), 1, null);
    Object.assign(worker, { heldWrites: new TurnEnd(1) });
    const upstreams = [upstreamConfig('a', '127.0.0.1:1')];
    applyConfig(
      live,
      proxyConfig({ generation: 1, upstreams, routes: [routeConfig('r', 'a', { host: 'shop.example' })] }),
    );
    const known = { secure: false, header: null, identity: null, trusted: null };
    const facts = { name: 'web', encrypted: false, port: 80, ...known };
    const open: OpenConnections = new Roster();
    this.connections = Array.from({ length: CONNECTIONS }, () => {
      const socket = new Sink();
      this.sinks.push(socket);
      return new ServerConnection(worker, socket as unknown as net.Socket, facts, open);
    });
    worker.clock.close();
  }

  connect(): DialSink {
    const [upstream] = this.asked as [DialSink];
    upstream.onConnected(this.#backEnd);
    return upstream;
  }

  #dial(sink: DialSink): net.Socket {
    this.asked.push(sink);
    return this.#backEnd;
  }
}

/** One connection is asked and answered after the other: the back end's is the same for all. */
function requests(text: string): Repeat {
  const rig = new Rig();
  const request = Buffer.alloc(65_536);
  const answer = Buffer.alloc(65_536);
  const requestBytes = request.write(text, 'latin1');
  const answerBytes = answer.write(ANSWER, 'latin1');
  const { connections } = rig;
  const [first] = connections;
  first?.onRead(request, requestBytes);
  const upstream = rig.connect();
  return (count) => {
    if (rig.asked.length !== 1) throw new Error(`${rig.asked.length} connections to the back end instead of one`);
    for (let at = 0; at < count; at++) {
      upstream.onRead(answer, answerBytes);
      (connections[(at + 1) & (CONNECTIONS - 1)] as ServerConnection).onRead(request, requestBytes);
    }
    // The last connection has its answer with the next call.
    upstream.onRead(answer, answerBytes);
    first?.onRead(request, requestBytes);
    return rig.sinks.reduce((sum, { _handle: { bytes } }) => sum + bytes, 0);
  };
}

export const cases: readonly BenchCase[] = defineCases([
  { name: 'GET', setup: () => requests(GET) },
  { name: 'POST of 11 bytes', setup: () => requests(POST) },
]);
