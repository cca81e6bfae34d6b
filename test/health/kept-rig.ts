/** Endpoints that count their connections, and a loop of probes that a test drives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { type FileLender, KeptConnections } from '../../src/health/kept-connections.ts';
import { createProbe, type Probe } from '../../src/health/probe.ts';
import { toProbing } from '../../src/health/probing.ts';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import { PLAIN_TRANSPORT, type TransportConfig } from '../../src/model/proxy-config.ts';
import { ManualClock } from './manual-clock.ts';
import { createReaders, TOOLS } from './prober-rig.ts';

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Answers each request as the script says, by the number of its connection and its number on it, both from 1. */
export type Script = (socket: net.Socket, connection: number, request: number) => void;

export class CountingEndpoint {
  /** Requests of each connection, as text. */
  readonly connections: string[][];
  readonly sockets: net.Socket[];
  readonly #server: net.Server;
  script: Script;
  port: number;

  constructor(options: tls.TlsOptions | null) {
    this.connections = [];
    this.sockets = [];
    this.script = (socket) => socket.write(OK);
    this.port = 0;
    const serve = (socket: net.Socket): void => this.#serve(socket);
    this.#server = options === null ? net.createServer(serve) : tls.createServer(options, serve);
  }

  static async start(t: TestContext, options: tls.TlsOptions | null = null): Promise<CountingEndpoint> {
    const endpoint = new CountingEndpoint(options);
    endpoint.#server.listen(0, '127.0.0.1');
    await once(endpoint.#server, 'listening');
    endpoint.port = (endpoint.#server.address() as net.AddressInfo).port;
    t.after(() => {
      for (const socket of endpoint.sockets) socket.destroy();
      endpoint.#server.close();
    });
    return endpoint;
  }

  /** How many requests came on each connection. */
  get requests(): readonly number[] {
    return this.connections.map(({ length }) => length);
  }

  get lastSocket(): net.Socket {
    const socket = this.sockets.at(-1);
    assert.ok(socket !== undefined);
    return socket;
  }

  #serve(socket: net.Socket): void {
    const requests: string[] = [];
    const connection = this.connections.push(requests);
    this.sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      // A PROXY header may come before it.
      if (text.includes(' HTTP/1.1\r\n')) this.script(socket, connection, requests.push(text));
    });
  }
}

interface LoopOptions extends Partial<TransportConfig> {
  readonly maxKept?: number;
  readonly lender?: FileLender | null;
}

/** The probes of one address, one after the other. */
export class ProbeLoop {
  readonly clock: ManualClock;
  readonly kept: KeptConnections;
  readonly probe: Probe;
  #resolve: (reason: string) => void;

  constructor(
    t: TestContext,
    port: number,
    check: Partial<HealthCheckConfig> = {},
    { maxKept = 8, lender = null, ...transport }: LoopOptions = {},
  ) {
    this.clock = new ManualClock();
    this.kept = new KeptConnections(this.clock, maxKept, lender);
    this.#resolve = () => undefined;
    const probing = toProbing({ ...DEFAULT_HEALTH_CHECK, ...check }, { ...PLAIN_TRANSPORT, ...transport });
    const means = { tools: TOOLS, kept: this.kept, readers: createReaders() };
    this.probe = createProbe(probing, { address: '127.0.0.1', port }, means, {
      onOpened: () => undefined,
      onResult: (reason) => this.#resolve(reason),
    });
    t.after(() => this.probe.cancel());
  }

  /** The reason of one probe; empty = healthy. */
  ask(): Promise<string> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.probe.start(this.clock.nowMs());
    });
  }

  /** @param everyMs passes before each of them but the first */
  async askTimes(times: number, everyMs = 0): Promise<readonly string[]> {
    const reasons: string[] = [];
    for (let left = times; left > 0; left--) {
      reasons.push(await this.ask());
      if (left > 1) this.clock.moveTo(this.clock.nowMs() + everyMs);
    }
    return reasons;
  }
}
