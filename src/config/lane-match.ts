/** Requests that come in the lane of a canary are chosen as by one more match; those in that of the main upstream stay there. */
import type { RequestMatch } from '../model/canary.ts';
import type { LaneConfig } from '../model/lane.ts';

export function orInLane(match: RequestMatch | null, lane: LaneConfig): RequestMatch {
  return match === null ? inLane(lane) : { kind: 'or', terms: [match, inLane(lane)] };
}

export function inLane({ name, header }: LaneConfig): RequestMatch {
  return { kind: 'value', of: 'header', name: header.toLowerCase(), test: 'exact', value: name };
}
