/** Brings the `lane*` annotations of one Ingress together; without a lane the others ask for nothing. */
import type { CookieAffinity } from '../model/affinity.ts';
import { findCookieFault } from '../model/cookie-prefix.ts';
import type { LaneAnswer, LaneConfig, LaneCookie } from '../model/lane.ts';
import type { LaneSettings } from './annotations/ingress-settings.ts';

export interface CombinedLane {
  /** Null = none. */
  readonly lane: LaneConfig | null;
  /** Null = clients are not told. */
  readonly answer: LaneAnswer | null;
}

export function combineLane(settings: LaneSettings, affinity: CookieAffinity | null): CombinedLane {
  const { name, header, answerHeader } = settings;
  if (name === '') return { lane: null, answer: null };
  const lane = { name, header };
  const cookie = isAsked(settings.cookie) && !isTaken(settings.cookie, affinity) ? { ...settings.cookie } : null;
  return { lane, answer: answerHeader === '' && cookie === null ? null : { header: answerHeader, cookie } };
}

/** What is wrong with the name of the cookie beside the other annotations; empty = nothing. */
export function findLaneCookieFault({ cookie }: LaneSettings, affinity: CookieAffinity | null): string {
  if (!isAsked(cookie)) return '';
  if (isTaken(cookie, affinity)) {
    return `the session cookie is called ${affinity?.name}, too, so no lane cookie is set; expected another name`;
  }
  return findCookieFault(cookie.name, '', cookie.path);
}

function isAsked({ name }: LaneCookie): boolean {
  return name !== '';
}

/** Names of cookies differ by case for browsers, but not for all who read them. */
function isTaken({ name }: LaneCookie, affinity: CookieAffinity | null): boolean {
  return affinity !== null && affinity.name.toLowerCase() === name.toLowerCase();
}
