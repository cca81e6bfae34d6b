/** A route as the data plane holds it: immutable links to upstreams and policy, mutable numbers in `stats`. */
import type { RouteConfig, SplitConfig } from '../model/proxy-config.ts';
import type { RoutePolicy } from '../model/route-policy.ts';
import { LiveAffinity } from './live-affinity.ts';
import { LiveLaneAnswer } from './live-lane-answer.ts';
import { LiveMirror } from './live-mirror.ts';
import type { LiveSplit } from './live-split.ts';
import type { RouteStats } from './route-stats.ts';

export class LiveRoute {
  readonly id: string;
  readonly policy: RoutePolicy;
  readonly split: LiveSplit;
  /** Null = clients are not bound to endpoints. */
  readonly affinity: LiveAffinity | null;
  /** Null = requests are not mirrored. */
  readonly mirror: LiveMirror | null;
  readonly stats: RouteStats;
  /** By which sides of the split tell their lanes, in lower case; null = none has one. */
  readonly laneHeaders: ReadonlySet<string> | null;
  /** Null = clients are not told of lanes. Never without `laneHeaders`. */
  readonly laneAnswer: LiveLaneAnswer | null;
  /** Some status of a response makes an attempt count as failed. */
  readonly retriesStatuses: boolean;
  /** Length of a `prefix` path ending in `/` whose slashless form is redirected; 0 = no redirect. */
  readonly slashRedirectLength: number;

  constructor(config: RouteConfig, split: LiveSplit, stats: RouteStats) {
    this.id = config.id;
    this.policy = config.policy;
    this.split = split;
    this.affinity =
      config.policy.affinity === null ? null : new LiveAffinity(config.policy.affinity, toPlainPath(config));
    this.mirror = config.policy.mirror === null ? null : new LiveMirror(config.policy.mirror, stats.mirrorCounts());
    this.stats = stats;
    this.laneHeaders = toLaneHeaders(config.split);
    const { laneAnswer } = config.split;
    this.laneAnswer = laneAnswer === undefined || this.laneHeaders === null ? null : new LiveLaneAnswer(laneAnswer);
    this.retriesStatuses = config.policy.retryOn.some((condition) => condition.startsWith('http_'));
    this.slashRedirectLength = config.policy.redirectMissingSlash ? config.path.value.length : 0;
  }
}

function toLaneHeaders({ members, canaries }: SplitConfig): ReadonlySet<string> | null {
  const names = [...members, ...canaries].flatMap(({ lane }) => lane?.header.toLowerCase() ?? []);
  return names.length === 0 ? null : new Set(names);
}

/** Of a pattern no part is sure to stand in the path of a request. */
function toPlainPath({ path }: RouteConfig): string {
  return path.kind === 'regex' ? '' : path.value;
}
