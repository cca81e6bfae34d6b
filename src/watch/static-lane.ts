/** `lane` of routes and canaries in the static configuration file: its shape, what it becomes, and what one value means for another. */
import { z } from 'zod';
import { findCookieFault } from '../model/cookie-prefix.ts';
import {
  DEFAULT_LANE_COOKIE_PATH,
  DEFAULT_LANE_HEADER,
  isLaneAnswerHeader,
  isLaneCookie,
  isLaneHeader,
  isLaneName,
  LANE_ANSWER_HEADER_FORM,
  LANE_COOKIE_FORM,
  LANE_HEADER_FORM,
  LANE_NAME_FORM,
  type LaneAnswer,
  type LaneCookie,
} from '../model/lane.ts';
import type { StaticCanary, StaticRoute } from '../model/static-config.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import { parseLifetimeSeconds } from './quantity.ts';
import { boolean, cookiePath, lifetime, sameSite } from './static-affinity.ts';
import { map, passing } from './static-schema-parts.ts';

interface LaneEntry {
  readonly name: string;
  readonly header?: string | undefined;
}

export interface LaneCookieEntry {
  readonly name: string;
  readonly path?: string | undefined;
  readonly maxAge?: string | undefined;
  readonly sameSite?: LaneCookie['sameSite'] | undefined;
  readonly secure?: boolean | undefined;
}

export interface RouteLaneEntry extends LaneEntry {
  readonly answerHeader?: string | undefined;
  readonly cookie?: LaneCookieEntry | undefined;
}

export interface CanaryLaneEntry extends LaneEntry {
  readonly honour?: boolean | undefined;
  readonly honourCookie?: boolean | undefined;
}

const laneKeys = {
  name: passing(isLaneName, LANE_NAME_FORM).describe('Name that the requests carry on, also as `lane` in `baggage`.'),
  header: passing(isLaneHeader, LANE_HEADER_FORM)
    .optional()
    .describe('The request header that says it. Default: `X-Sluice-Lane`.'),
};

const cookie = map({
  name: passing(isLaneCookie, LANE_COOKIE_FORM).describe('Name of the cookie.'),
  path: cookiePath().optional().describe('`Path` of the cookie. Default: `/`.'),
  maxAge: lifetime().optional().describe('How long it lasts (`Max-Age`). Default: as long as the browser.'),
  sameSite: sameSite().optional().describe('`SameSite` of the cookie. Default: none.'),
  secure: boolean()
    .optional()
    .describe('True: always `Secure`. Default: false, which means where the client speaks TLS.'),
});

export const routeLaneSchema: z.ZodType<RouteLaneEntry> = map({
  ...laneKeys,
  answerHeader: passing(isLaneAnswerHeader, LANE_ANSWER_HEADER_FORM)
    .optional()
    .describe('A response header that says in which lane a request was, also in that of a canary. Default: none.'),
  cookie: cookie
    .optional()
    .describe(
      'A cookie that keeps clients in the lane that answered them: this one, or that of a canary with `honourCookie`. Default: none.',
    ),
});

export const canaryLaneSchema: z.ZodType<CanaryLaneEntry> = map({
  ...laneKeys,
  honour: boolean()
    .optional()
    .describe(
      'Requests that come with this lane in the header take the canary, like those that match. Default: false.',
    ),
  honourCookie: boolean()
    .optional()
    .describe(
      'Clients that come with this lane in the cookie of the route take the canary, whatever the weights. Default: false.',
    ),
});

export function toRouteLane(entry: RouteLaneEntry | undefined): Pick<StaticRoute, 'lane' | 'laneAnswer'> {
  if (entry === undefined) return {};
  const lane = { name: entry.name, header: entry.header ?? DEFAULT_LANE_HEADER };
  if (entry.answerHeader === undefined && entry.cookie === undefined) return { lane };
  return { lane, laneAnswer: toAnswer(entry) };
}

function toAnswer({ answerHeader = '', cookie: written }: RouteLaneEntry): LaneAnswer {
  if (written === undefined) return { header: answerHeader, cookie: null };
  const { name, path, maxAge, sameSite: words, secure } = written;
  return {
    header: answerHeader,
    cookie: {
      name,
      path: path ?? DEFAULT_LANE_COOKIE_PATH,
      maxAgeSeconds: maxAge === undefined ? null : parseLifetimeSeconds(maxAge),
      sameSite: words ?? '',
      alwaysSecure: secure ?? false,
    },
  };
}

export function toCanaryLane(
  entry: CanaryLaneEntry | undefined,
): Pick<StaticCanary, 'lane' | 'honoursLane' | 'honoursLaneCookie'> {
  if (entry === undefined) return {};
  return {
    lane: { name: entry.name, header: entry.header ?? DEFAULT_LANE_HEADER },
    ...(entry.honour === true ? { honoursLane: true } : {}),
    ...(entry.honourCookie === true ? { honoursLaneCookie: true } : {}),
  };
}

export interface LaneMistake {
  /** Below the route. */
  readonly field: string;
  readonly message: string;
  readonly severity: 'warning' | 'rejected';
}

/** @param canaries with their places */
export function* findLaneMistakes(
  { lane, affinity }: JsonRecord,
  canaries: Iterable<readonly [number, JsonRecord]>,
): Generator<LaneMistake> {
  const written = isRecord(lane) && isRecord(lane['cookie']) ? lane['cookie'] : null;
  let inLanes = 0;
  let honouring = 0;
  for (const [place, { lane: own }] of canaries) {
    if (!isRecord(own)) continue;
    inLanes++;
    const honours = own['honour'] === true || own['honourCookie'] === true;
    if (honours && isRecord(lane) && typeof own['name'] === 'string' && own['name'] === lane['name']) {
      const message = 'is also the lane of the route, which would lose all requests in it; expected another one';
      yield { field: `canaries[${place}].lane.name`, message, severity: 'rejected' };
    }
    if (own['honourCookie'] !== true) continue;
    honouring++;
    if (written !== null) continue;
    const message = 'has no effect without `lane.cookie` of the route';
    yield { field: `canaries[${place}].lane.honourCookie`, message, severity: 'rejected' };
  }
  if (written === null) return;
  const { name = '', path = '' } = written;
  if (typeof name !== 'string' || typeof path !== 'string') return;
  const session = isRecord(affinity) && isRecord(affinity['cookie']) ? affinity['cookie']['name'] : null;
  const fault = findCookieFault(name, '', path);
  if (typeof session === 'string' && session.toLowerCase() === name.toLowerCase()) {
    const message = `is also the name of the session cookie in \`affinity\`; expected another one`;
    yield { field: 'lane.cookie.name', message, severity: 'rejected' };
  } else if (fault !== '') yield { field: 'lane.cookie.name', message: fault, severity: 'warning' };
  if (inLanes === 0 || honouring > 0) return;
  const message = 'is not set: no canary has `lane.honourCookie`';
  yield { field: 'lane.cookie', message, severity: 'warning' };
}
