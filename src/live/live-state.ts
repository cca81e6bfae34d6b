/**
 * The running configuration of one worker. A new generation becomes visible by one assignment to `current`; an exchange
 * reads it once and keeps what it got.
 */
import type { Upstream } from '../balancer/upstream.ts';
import type { UpstreamRegistry } from '../balancer/upstream-registry.ts';
import type { CertificateConfig } from '../model/proxy-config.ts';
import type { RouteTable } from '../router/route-table.ts';
import { CertificateTable } from './certificate-table.ts';
import type { ClientCertificates } from './client-certificates.ts';
import { LiveReleases } from './live-releases.ts';
import type { LiveRoute } from './live-route.ts';
import type { RouteStats } from './route-stats.ts';
import type { StickyEndpoints } from './sticky-endpoints.ts';

/** Replaced whole; only the tables of routes are changed in place, host by host. */
export interface Generation {
  readonly number: number;
  /** By listener name. */
  readonly tables: ReadonlyMap<string, RouteTable<LiveRoute>>;
  /** For connections of listeners that are gone: the routes that are served on every listener. Null before the first one. */
  readonly formerTable: RouteTable<LiveRoute> | null;
  readonly certificates: CertificateTable;
  /** Null: no listener asks clients for certificates. */
  readonly clientCertificates: ClientCertificates | null;
}

export class LiveState {
  current: Generation;
  readonly upstreams: UpstreamRegistry;
  /** By route id; rows of routes that are gone are dropped with them. */
  routeStats: Map<string, RouteStats>;
  /** Of the routes of each host, as rules name it. */
  routeIds: Map<string, readonly string[]>;
  readonly releases: LiveReleases;
  /** Of the generation in force: a patch names those that change. */
  certificates: readonly CertificateConfig[];
  /** Of the upstreams that routes with affinity use or have used. */
  readonly stickyEndpoints: WeakMap<Upstream, StickyEndpoints>;
  configApplied: number;
  configApplyFailures: number;

  constructor(upstreams: UpstreamRegistry) {
    this.upstreams = upstreams;
    this.current = {
      number: 0,
      tables: new Map(),
      formerTable: null,
      certificates: new CertificateTable([], null),
      clientCertificates: null,
    };
    this.routeStats = new Map();
    this.routeIds = new Map();
    this.releases = new LiveReleases();
    this.certificates = [];
    this.stickyEndpoints = new WeakMap();
    this.configApplied = 0;
    this.configApplyFailures = 0;
  }
}
