/** The data plane of one worker inside the test's own process: any settings, and its state in reach. */
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { LiveState } from '../../src/live/live-state.ts';
import type { AccessLogEntry } from '../../src/log/access-log.ts';
import type { ProxyConfig } from '../../src/model/proxy-config.ts';
import type { WorkerSettings } from '../../src/model/worker-messages.ts';
import { createTransport } from '../../src/proxy/create-transport.ts';
import { ProxyServer } from '../../src/proxy/server.ts';
import { WorkerContext } from '../../src/proxy/worker-context.ts';
import { proxyConfig } from './proxy-config.ts';
import { RecordingLogger } from './recording-logger.ts';

const LONG_MS = 60_000;

/** Those of the program, but nothing is shared with other workers. */
export const DEFAULT_SETTINGS: WorkerSettings = {
  workerId: 1,
  workers: 1,
  pulse: new Int32Array(1),
  loan: new Int32Array(2),
  accessLog: 'json',
  maxHeadBytes: 32_768,
  maxHeaders: 100,
  maxTargetBytes: 16_384,
  maxConnections: 1_000,
  maxSockets: 2_000,
  proxyHeaderTimeoutMs: LONG_MS,
  tlsHandshakeTimeoutMs: LONG_MS,
  headTimeoutMs: LONG_MS,
  keepAliveTimeoutMs: LONG_MS,
  bodyTimeoutMs: LONG_MS,
  writeTimeoutMs: LONG_MS,
  maxConnectionsPerIp: 0,
  maxIdlePerEndpoint: 256,
  upstreamIdleTimeoutMs: LONG_MS,
  reusePort: false,
};

export class InProcessProxy {
  readonly worker: WorkerContext;
  readonly server: ProxyServer;
  readonly live: LiveState;
  readonly logger: RecordingLogger;
  readonly accessLog: AccessLogEntry[];

  constructor(settings: Partial<WorkerSettings>, onAccess: () => void = () => undefined) {
    this.logger = new RecordingLogger();
    this.accessLog = [];
    const registry: UpstreamRegistry = new UpstreamRegistry(
      (endpoint, config) => createTransport(this.worker, endpoint, config),
      1,
    );
    this.live = new LiveState(registry);
    this.worker = new WorkerContext({ ...DEFAULT_SETTINGS, ...settings }, this.live, this.logger, 1, (entry) => {
      this.accessLog.push(entry);
      onAccess();
    });
    this.server = new ProxyServer(this.worker);
  }

  /** Port of the first listener. */
  get port(): number {
    return this.server.ports[0]?.port ?? 0;
  }

  async apply(part: Partial<ProxyConfig>): Promise<void> {
    const config = proxyConfig({ generation: this.live.current.number + 1, ...part });
    if (config.routes.some(({ policy }) => policy.mirror !== null)) await this.worker.mirrors.prepare();
    const listeners = await this.server.open(config.listeners, this.server.ports);
    applyConfig(this.live, config);
    this.server.use(listeners);
    this.server.useCertificates();
  }

  async close(): Promise<void> {
    await this.server.drain(0);
    this.worker.mirrors.close();
    for (const { endpoints } of this.live.upstreams.all()) for (const { transport } of endpoints) transport?.close();
    this.worker.clock.close();
  }
}
