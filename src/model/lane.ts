/** A lane: the name that requests of one side of a split carry on, so that services behind it can go on with the same version. */
import type { SameSite } from './affinity.ts';

export interface LaneConfig {
  readonly name: string;
  /** The request header that says it, besides `baggage`. */
  readonly header: string;
  /** The cookie of the route says it: clients that were answered there are brought back by it. */
  readonly inCookie?: true;
}

/** How a route tells clients in which lane they were. */
export interface LaneAnswer {
  /** Name of a header of responses; empty = none. */
  readonly header: string;
  /** Null = none. */
  readonly cookie: LaneCookie | null;
}

export interface LaneCookie {
  readonly name: string;
  readonly path: string;
  /** Null = no `Max-Age`: it lasts as long as the browser. */
  readonly maxAgeSeconds: number | null;
  /** Empty = no `SameSite`. */
  readonly sameSite: SameSite | '';
  /** `Secure` also for clients that do not speak TLS; those that do get it anyway. */
  readonly alwaysSecure: boolean;
}

export const DEFAULT_LANE_HEADER = 'X-Sluice-Lane';
/** A lane is for all services of a host. */
export const DEFAULT_LANE_COOKIE_PATH = '/';

export const LANE_NAME_FORM =
  '1 to 63 letters, digits, `-`, `_` and `.`, the first and last one a letter or digit, and neither always nor never';
/** Without the words by which cookies choose and refuse canaries. */
const LANE_NAME = /^(?!(?:always|never)$)[0-9A-Za-z](?:[\w.-]{0,61}[0-9A-Za-z])?$/;

export const LANE_HEADER_FORM = 'a name like X-Lane that means nothing else to sluice';
const LANE_HEADER = /^x-[0-9a-z-]{1,62}$/i;
/** What sluice itself tells back ends: somebody who may name a lane must not be able to forge it. */
const TAKEN = /^x-(?:forwarded-.*|original-.*|real-ip|request-id|scheme|sluice-mirror)$/i;

export const LANE_ANSWER_HEADER_FORM = 'a name like X-Lane that means nothing to browsers, proxies or sluice';
/** What browsers and proxies in front obey: in the place of what a back end said, a lane would switch it off. */
const OBEYED =
  /^x-(?:accel-.*|content-.*|dns-prefetch-control|download-options|frame-options|permitted-.*|robots-tag|sendfile.*|ua-compatible|webkit-.*|xss-protection)$/i;

export const LANE_COOKIE_FORM =
  'a name like sluice-lane: 1 to 64 letters, digits, `-`, `_` and `.`, the first one a letter, digit or `_`';
/** Of the tokens of RFC 6265 §4.1.1 those that no reader of cookies takes for anything else. */
const LANE_COOKIE = /^[0-9A-Za-z_][\w.-]{0,63}$/;

export function isLaneName(text: string): boolean {
  return LANE_NAME.test(text);
}

export function isLaneHeader(text: string): boolean {
  return LANE_HEADER.test(text) && !TAKEN.test(text);
}

export function isLaneAnswerHeader(text: string): boolean {
  return isLaneHeader(text) && !OBEYED.test(text);
}

export function isLaneCookie(text: string): boolean {
  return LANE_COOKIE.test(text);
}
