/** Requests that come in the lane of a canary are chosen as by one more match. */
import type { RequestMatch } from '../model/canary.ts';
import type { LaneConfig } from '../model/lane.ts';

export function orInLane(match: RequestMatch | null, { name, header }: LaneConfig): RequestMatch {
  const inLane: RequestMatch = { kind: 'value', of: 'header', name: header.toLowerCase(), test: 'exact', value: name };
  return match === null ? inLane : { kind: 'or', terms: [match, inLane] };
}
