/**
 * Says of each route of a host why it does or does not take a request. Which one takes it is decided by the router
 * itself; this only finds the words, by comparing every route with the winner.
 */
import type { PathMatch, RouteConditions, RouteConfig, ValueMatch } from '../../model/proxy-config.ts';
import { compilePathPattern } from '../../router/path-pattern.ts';
import type { ExplainedRequest } from './explained-request.ts';

export interface RouteVerdict {
  readonly route: RouteConfig;
  readonly matched: boolean;
  /** Its path and conditions hold, whether or not another route goes first. */
  readonly fits: boolean;
  readonly reason: string;
}

/** `path` is the normalised path. Routes that fit come first, then in the order given. */
export function explainRoutes(
  routes: readonly RouteConfig[],
  winner: RouteConfig | null,
  request: ExplainedRequest,
  path: string,
): readonly RouteVerdict[] {
  const verdicts = routes.map((route) => explainRoute(route, winner, request, path));
  return verdicts.toSorted((a, b) => rank(a) - rank(b));
}

function rank(verdict: RouteVerdict): number {
  if (verdict.matched) return 0;
  return verdict.fits ? 1 : 2;
}

function explainRoute(
  route: RouteConfig,
  winner: RouteConfig | null,
  request: ExplainedRequest,
  path: string,
): RouteVerdict {
  if (route === winner) return { route, matched: true, fits: true, reason: describeMatch(route.path, path) };
  const misfit = pathMisfit(route.path, path) ?? conditionMisfit(route.conditions, request);
  if (misfit !== null) return { route, matched: false, fits: false, reason: misfit };
  const reason = winner === null ? 'not served on a listener of this kind' : whyWinnerGoesFirst(route, winner, path);
  return { route, matched: false, fits: true, reason };
}

function describeMatch({ kind, value }: PathMatch, path: string): string {
  if (kind === 'exact') return 'the path is exactly this';
  if (kind === 'regex') return 'the pattern matches the whole path';
  return path === value ? 'the path is exactly this prefix' : 'the path lies below this prefix';
}

function pathMisfit({ kind, value }: PathMatch, path: string): string | null {
  if (kind === 'exact') return path === value ? null : `the path is not exactly ${value}`;
  if (kind === 'prefix') return isBelow(value, path) ? null : `the path is neither ${value} nor below it`;
  const pattern = compilePathPattern(value);
  if (pattern === null) return 'the pattern is not valid, so it never matches';
  return pattern.matchesWhole(path) ? null : 'the pattern does not match the whole path';
}

/** By whole elements; a slash at the end of the prefix makes no difference to what it holds. */
function isBelow(prefix: string, path: string): boolean {
  const base = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return base === '' || path === base || path.startsWith(`${base}/`);
}

function conditionMisfit(conditions: RouteConditions | null, request: ExplainedRequest): string | null {
  if (conditions === null) return null;
  if (conditions.method !== null && conditions.method !== request.method)
    return `the method is not ${conditions.method}`;
  for (const match of conditions.headers) {
    const misfit = valueMisfit(match, request.header(match.name));
    if (misfit !== null) return `header ${match.name} ${misfit}`;
  }
  for (const match of conditions.query) {
    const misfit = valueMisfit(match, request.queryParameter(match.name));
    if (misfit !== null) return `query parameter ${match.name} ${misfit}`;
  }
  return null;
}

function valueMisfit({ kind, value }: ValueMatch, actual: string | null): string | null {
  if (actual === null) return 'is absent';
  if (kind === 'exact') return actual === value ? null : `is not "${value}"`;
  if (kind === 'present') return null;
  const pattern = compilePathPattern(value);
  if (pattern === null) return 'is compared with a pattern that is not valid';
  return pattern.matchesWhole(actual) ? null : `does not match ${value}`;
}

const KIND_NAMES: Readonly<Record<PathMatch['kind'], string>> = {
  exact: 'an exact path',
  regex: 'a regular expression',
  prefix: 'a prefix',
};

function whyWinnerGoesFirst(route: RouteConfig, winner: RouteConfig, path: string): string {
  const [mine, best] = [route.path, winner.path];
  if (mine.kind !== best.kind) return `${KIND_NAMES[best.kind]} (${best.value}) goes before ${KIND_NAMES[mine.kind]}`;
  if (mine.value === best.value) return 'the same path, and the route that took it goes first';
  if (best.value.length > mine.value.length) {
    return mine.kind === 'regex' ? `a shorter pattern than ${best.value}` : `a shorter prefix than ${best.value}`;
  }
  if (mine.value === `${best.value}/`)
    return `the path is exactly ${path}, and there ${best.value} goes before ${mine.value}`;
  return `a pattern no longer than ${best.value}, which comes first`;
}
