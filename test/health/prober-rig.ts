/** A prober on a manual clock, with everything it says, and endpoints to probe. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket, type Server as TcpServer } from 'node:net';
import type { TestContext } from 'node:test';
import { ActiveProber } from '../../src/health/active-prober.ts';
import { KeptConnections } from '../../src/health/kept-connections.ts';
import { createProbe, type ProbeTools } from '../../src/health/probe.ts';
import { toProbing } from '../../src/health/probing.ts';
import { SpareReaders } from '../../src/health/spare-readers.ts';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import {
  type EndpointAddress,
  type HealthChange,
  PLAIN_TRANSPORT,
  type TransportConfig,
  type UpstreamConfig,
} from '../../src/model/proxy-config.ts';
import { ProbeResponse } from '../../src/proxy/http1/probe-response.ts';
import { ProbeConnector } from '../../src/proxy/probe-connector.ts';
import { upstreamConfig } from '../support/proxy-config.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { ManualClock } from './manual-clock.ts';

const connector = new ProbeConnector();

export const TOOLS: ProbeTools = {
  connect: (address, transport, user) => connector.connect(address, transport, user),
  createWriter: (socket) => connector.createWriter(socket),
  createReader: () => new ProbeResponse(),
};

export function createReaders(): SpareReaders {
  return new SpareReaders(TOOLS.createReader);
}

/** The reason of one probe on a connection of its own; empty = healthy. */
export function probeOnce(
  port: number,
  check: Partial<HealthCheckConfig>,
  transport: Partial<TransportConfig> = {},
): Promise<string> {
  const probing = toProbing({ ...DEFAULT_HEALTH_CHECK, ...check }, { ...PLAIN_TRANSPORT, ...transport });
  const means = { tools: TOOLS, kept: new KeptConnections(new ManualClock(), 0, null), readers: createReaders() };
  return new Promise((resolve) => {
    const owner = { onOpened: () => undefined, onResult: resolve };
    createProbe(probing, { address: '127.0.0.1', port }, means, owner).start(0);
  });
}

export const CHECK: HealthCheckConfig = {
  ...DEFAULT_HEALTH_CHECK,
  path: '/healthz?deep=1',
  intervalMs: 10_000,
  unhealthyIntervalMs: 10_000,
  unhealthyAfter: 2,
  healthyAfter: 2,
};

/** An endpoint whose behaviour a test may change at any time. */
export class Backend {
  readonly requests: IncomingMessage[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  server: Server;
  port: number;

  constructor() {
    this.requests = [];
    this.answer = (_request, response) => response.end('ok');
    this.server = this.#createServer();
    this.port = 0;
  }

  get address(): EndpointAddress {
    return { address: '127.0.0.1', port: this.port, weight: 1 };
  }

  async start(): Promise<void> {
    this.server = this.#createServer();
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = portOf(this.server);
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  #createServer(): Server {
    return createServer((request, response) => {
      this.requests.push(request);
      this.answer(request, response);
    });
  }
}

/** A prober on a manual clock with everything it says. */
export class Rig {
  readonly clock: ManualClock;
  readonly logger: RecordingLogger;
  readonly changes: HealthChange[];
  readonly prober: ActiveProber;
  #onChange: (() => void)[];

  constructor(random: () => number = () => 0.5, tools: ProbeTools = TOOLS) {
    this.clock = new ManualClock();
    this.logger = new RecordingLogger();
    this.changes = [];
    this.#onChange = [];
    this.prober = new ActiveProber({
      logger: this.logger,
      onChange: (changes) => {
        this.changes.push(...changes);
        for (const resolve of this.#onChange.splice(0)) resolve();
      },
      tools,
      limits: { maxInFlight: 1_024, maxKept: 1_024 },
      lender: null,
      random,
      clock: this.clock,
    });
  }

  nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange.push(resolve);
    });
  }

  /** One probe from its start to its result, for a prober with one endpoint. Resolves with the delay to the next probe. */
  async probe(): Promise<number> {
    this.clock.runNext();
    return this.clock.nextSchedule();
  }
}

export function portOf(server: TcpServer): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

export function upstream(
  id: string,
  healthCheck: HealthCheckConfig | null,
  endpoints: readonly EndpointAddress[],
): UpstreamConfig {
  return { ...upstreamConfig(id), healthCheck, endpoints };
}

export async function startBackend(t: TestContext): Promise<Backend> {
  const backend = new Backend();
  await backend.start();
  t.after(() => backend.stop());
  return backend;
}

export function createRig(t: TestContext, random?: () => number, tools?: ProbeTools): Rig {
  const rig = new Rig(random, tools);
  t.after(() => rig.prober.close());
  return rig;
}

/** Takes the only endpoint out by answers of 500. */
export async function makeUnhealthy(rig: Rig, backend: Backend): Promise<void> {
  backend.answer = (_request, response) => response.writeHead(500).end();
  await rig.probe();
  const change = rig.nextChange();
  await rig.probe();
  await change;
}

/** Addresses that accept connections or refuse them, as a test says; nothing is really sent. For checks of kind `tcp`. */
export class FakeNetwork implements ProbeTools {
  readonly refusing: Set<string>;
  /** This machine cannot open another connection. */
  outOfFiles: boolean;
  /** Addresses in the order they were probed. */
  readonly probed: string[];

  constructor() {
    this.refusing = new Set();
    this.outOfFiles = false;
    this.probed = [];
  }

  connect: ProbeTools['connect'] = ({ address, port }, _transport, user) => {
    const id = `${address}:${port}`;
    this.probed.push(id);
    const refused = this.refusing.has(id) ? 'ECONNREFUSED' : '';
    const code = this.outOfFiles ? 'EMFILE' : refused;
    const error = code === '' ? null : Object.assign(new Error(code), { code, syscall: 'connect' });
    const socket = new Socket();
    queueMicrotask(() => (error === null ? user.onConnected(socket) : user.onFailed(error)));
    return socket;
  };

  createWriter: ProbeTools['createWriter'] = TOOLS.createWriter;
  createReader: ProbeTools['createReader'] = TOOLS.createReader;
}

export function endpoint(address: string, port = 80): EndpointAddress {
  return { address, port, weight: 1 };
}
