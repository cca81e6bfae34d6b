/**
 * What becomes of requests that say their lane. By its header, that of a canary is one more match, and that of the main
 * upstream keeps a request there; which lanes the cookie of the route may say is noted with the lanes. Who listens to clients is
 * decided by the canaries, for it is they who would be let in.
 */
import type { CanaryConfig, RequestMatch } from '../model/canary.ts';
import type { LaneAnswer, LaneConfig } from '../model/lane.ts';
import type { SplitConfig } from '../model/proxy-config.ts';
import { currentState, isOver } from '../model/release.ts';

/** By what clients may say their lane. */
export interface HonouredLanes {
  readonly header: boolean;
  readonly cookie: boolean;
}

export const HONOURS_NONE: HonouredLanes = { header: false, cookie: false };

/** What a route says of lanes. */
export interface RouteLanes {
  /** Null = none. */
  readonly lane: LaneConfig | null;
  /** Null = clients are not told. */
  readonly laneAnswer: LaneAnswer | null;
}

type CanaryLanes = Pick<CanaryConfig, 'lane' | 'match' | 'release'>;

/**
 * Clients leave a version that was found bad, so no cookie brings them back, as no session does; whoever looks into it still
 * reaches it by the header, as by other rules.
 */
export function honourLane<T extends CanaryLanes>(canary: T, honoured: HonouredLanes, route: RouteLanes): T {
  const { lane, match = null, release = null } = canary;
  const phase = release === null ? '' : currentState(release)?.phase;
  if (lane === undefined || phase === 'expired' || isLaneOf(route, lane)) return canary;
  const byCookie = honoured.cookie && hasCookie(route) && (release === null || !isOver(release));
  return {
    ...canary,
    ...(honoured.header ? { match: orInLane(match, lane) } : {}),
    ...(byCookie ? { lane: { ...lane, inCookie: true } } : {}),
  };
}

/** Who honours the lane of the main upstream takes everybody away from there. */
export function isLaneOf(route: RouteLanes, { name }: LaneConfig): boolean {
  return route.lane?.name === name;
}

/**
 * What the lane of a route comes to beside its canaries.
 * @param honoursLane by any of them
 */
export function settleLane(
  { lane, laneAnswer }: RouteLanes,
  honoursLane: HonouredLanes,
): {
  readonly lane: LaneConfig | null;
  readonly split: Pick<SplitConfig, 'stays' | 'laneAnswer'>;
} {
  if (lane === null) return { lane, split: {} };
  // One that leads to no canary would keep clients from being divided, and for nothing.
  const cookie = honoursLane.cookie ? (laneAnswer?.cookie ?? null) : null;
  const header = laneAnswer?.header ?? '';
  return {
    lane: cookie === null ? lane : { ...lane, inCookie: true },
    split: {
      ...(honoursLane.header ? { stays: inHeader(lane) } : {}),
      ...(header === '' && cookie === null ? {} : { laneAnswer: { header, cookie } }),
    },
  };
}

function inHeader({ name, header }: LaneConfig): RequestMatch {
  return { kind: 'value', of: 'header', name: header.toLowerCase(), test: 'exact', value: name };
}

function orInLane(match: RequestMatch | null, lane: LaneConfig): RequestMatch {
  return match === null ? inHeader(lane) : { kind: 'or', terms: [match, inHeader(lane)] };
}

export function hasCookie({ laneAnswer }: Pick<RouteLanes, 'laneAnswer'>): boolean {
  return laneAnswer !== null && laneAnswer.cookie !== null;
}
