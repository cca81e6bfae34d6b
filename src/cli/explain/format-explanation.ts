/** An explanation as text for people. Everything that users or clients wrote is escaped for the terminal. */
import { escapeText } from '../../log/escape-text.ts';
import { type FileLocation, formatRef } from '../../model/object-ref.ts';
import type { RouteConfig } from '../../model/proxy-config.ts';
import type { RoutePolicy } from '../../model/route-policy.ts';
import { formatProblem } from '../format-problem.ts';
import type { Explanation } from './explain-request.ts';
import type { SessionExplanation } from './explain-session.ts';
import { formatPercent, type SplitExplanation, type SplitStep } from './explain-split.ts';
import type { UpstreamExplanation } from './explain-upstream.ts';
import { formatUpstream } from './format-upstream.ts';

/** More would bury the answer; `--output json` has them all. */
const MAX_OTHER_ROUTES = 20;

export function formatExplanation(explanation: Explanation): string {
  const { request, route, answer } = explanation;
  const lines = [
    `${request.method} ${request.scheme}://${request.host}${request.path}${request.query}`,
    '',
    row('host', `${request.host}: ${explanation.host.reason}`),
    ...(request.normalisedPath === null ? [] : [row('path', describePath(request.path, request.normalisedPath))]),
    ...(route === null ? [] : routeLines(explanation, route)),
    ...(answer === null ? [] : [row('answer', `${answer.status}: ${answer.reason}`)]),
    ...(explanation.split === null ? [] : splitLines(explanation.split, explanation.upstreams)),
    ...(explanation.session === null ? [] : sessionLines(explanation.session)),
    ...(explanation.split === null
      ? []
      : explanation.upstreams.flatMap((each) => titled('upstream', formatUpstream(each)))),
    ...(route === null ? [] : [row('policy', describePolicy(route.policy))]),
    ...titled('problems', explanation.problems.map(formatProblem)),
    ...otherRouteLines(explanation),
  ];
  return `${lines.map(escapeText).join('\n')}\n`;
}

function row(title: string, text: string): string {
  return `${title.padEnd(9)} ${text}`;
}

/** The title stands before the first line only. */
function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, at) => row(at === 0 ? title : '', line));
}

function describePath(path: string, normalised: string): string {
  return path === normalised ? path : `${normalised} (normalised from ${path})`;
}

function routeLines({ verdicts }: Explanation, route: RouteConfig): readonly string[] {
  const verdict = verdicts.find(({ matched }) => matched);
  return titled('route', [`${describeRoute(route)}: ${verdict?.reason ?? ''}`, `from ${describeSource(route)}`]);
}

function describeRoute(route: RouteConfig): string {
  return `${route.path.kind} ${route.path.value}`;
}

function describeSource({ source, sourceField, location }: RouteConfig): string {
  const where = [formatRef(source), sourceField, formatLocation(location)].filter((part) => part !== '');
  return where.join(', ');
}

function formatLocation(location: FileLocation | null): string {
  return location === null ? '' : `${location.file}:${location.line}:${location.column}`;
}

function splitLines({ steps, shares }: SplitExplanation, upstreams: readonly UpstreamExplanation[]): readonly string[] {
  const results = shares.map(({ upstream, canary, probability, hasEndpoints, fallback, lane }) => {
    const words = `${canary ? 'canary ' : ''}${upstream}`;
    const otherwise = fallback === null ? '' : `, ${fallback} where it fails`;
    const inLane = lane === null ? '' : `, lane ${lane}`;
    const takesOver = upstreams.some(({ id, backup }) => id === upstream && backup?.takesOver === true);
    const nobody = takesOver ? ', no endpoints: its backup takes over' : ', answered 503: no endpoints';
    return `-> ${words}: ${formatPercent(probability)}${inLane}${hasEndpoints ? otherwise : nobody}`;
  });
  return titled('split', [...steps.map((step, at) => `${at + 1}. ${describeStep(step)}`), ...results]);
}

function describeStep(step: SplitStep): string {
  const verdict = step.verdict === 'canary' ? ' -> canary' : '';
  return `${step.upstream}: ${step.text}${verdict}`;
}

function sessionLines({ cookie, mode, changeOnFailure, leads }: SessionExplanation): readonly string[] {
  const failure = changeOnFailure ? ', another endpoint on failure' : '';
  return titled('session', [
    `cookie ${cookie}, ${mode}${failure}`,
    ...leads.map(({ upstream, text }) => `${upstream}: ${text}`),
  ]);
}

function describePolicy(policy: RoutePolicy): string {
  const body = policy.maxRequestBodyBytes === 0 ? 'any size' : `at most ${policy.maxRequestBodyBytes} bytes`;
  return [
    `connect ${policy.connectTimeoutMs} ms`,
    `response ${policy.responseTimeoutMs} ms`,
    `idle ${policy.idleTimeoutMs} ms`,
    describeRetries(policy),
    `request body ${body}`,
  ].join(', ');
}

function describeRetries({ retryAttempts, retryOn, retryTimeoutMs }: RoutePolicy): string {
  if (retryOn.length === 0) return 'no retries';
  const within = retryTimeoutMs === 0 ? '' : ` within ${retryTimeoutMs} ms`;
  return `attempts ${retryAttempts}${within} on ${retryOn.join(' ')}`;
}

function otherRouteLines({ verdicts }: Explanation): readonly string[] {
  const others = verdicts.filter(({ matched }) => !matched);
  const shown = others.slice(0, MAX_OTHER_ROUTES).map(({ route, fits, reason }) => {
    return `${fits ? 'loses' : 'no match'}  ${describeRoute(route)} (${formatRef(route.source)}): ${reason}`;
  });
  const rest = others.length - shown.length;
  if (rest > 0) shown.push(`and ${rest} more, see --output json`);
  return titled('others', shown);
}
