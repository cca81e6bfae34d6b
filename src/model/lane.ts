/** A lane: the name that requests of one side of a split carry on, so that services behind it can go on with the same version. */

export interface LaneConfig {
  readonly name: string;
  /** The request header that says it, besides `baggage`. */
  readonly header: string;
}

export const DEFAULT_LANE_HEADER = 'X-Sluice-Lane';

export const LANE_NAME_FORM = '1 to 63 letters, digits, `-`, `_` and `.`, the first and last one a letter or digit';
const LANE_NAME = /^[0-9A-Za-z](?:[\w.-]{0,61}[0-9A-Za-z])?$/;

export const LANE_HEADER_FORM = 'a name like X-Lane that means nothing else to sluice';
const LANE_HEADER = /^x-[0-9a-z-]{1,62}$/i;
/** What sluice itself tells back ends: somebody who may name a lane must not be able to forge it. */
const TAKEN = /^x-(?:forwarded-.*|original-.*|real-ip|request-id|scheme|sluice-mirror)$/i;

export function isLaneName(text: string): boolean {
  return LANE_NAME.test(text);
}

export function isLaneHeader(text: string): boolean {
  return LANE_HEADER.test(text) && !TAKEN.test(text);
}
