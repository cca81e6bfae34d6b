/** `sluice check`: every problem of a configuration with file, line and column, its releases, and an exit code for pipelines. */
import { escapeText } from '../log/escape-text.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteConfig } from '../model/proxy-config.ts';
import type { ReleaseConfig } from '../model/release.ts';
import { describeRelease } from './explain/explain-release.ts';
import { formatProblem } from './format-problem.ts';
import { type Locate, loadConfig } from './load-config.ts';
import { EXIT_USAGE, type OutputStreams } from './output.ts';
import type { CheckSettings } from './settings.ts';

interface Report {
  /** Sorted by place, each with its location where one is known. */
  readonly problems: readonly Problem[];
  /** By id. */
  readonly releases: readonly ReleaseConfig[];
  readonly counts: {
    readonly rejected: number;
    readonly warning: number;
    readonly routes: number;
    readonly upstreams: number;
  };
}

/** 0 nothing is rejected, 1 something is, 2 cannot read. */
export async function runCheck(settings: CheckSettings, io: OutputStreams): Promise<number> {
  const { config, problems, locate } = await loadConfig(settings);
  const located = problems.map((problem) => withLocation(problem, locate)).toSorted(compareProblems);
  const report: Report = {
    problems: located,
    releases: listReleases(config?.routes ?? []),
    counts: {
      rejected: located.filter(({ severity }) => severity === 'rejected').length,
      warning: located.filter(({ severity }) => severity === 'warning').length,
      routes: config?.routes.length ?? 0,
      upstreams: config?.upstreams.length ?? 0,
    },
  };
  io.stdout.write(settings.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
  if (isUnreadable(located, settings.source.path)) return EXIT_USAGE;
  return report.counts.rejected > 0 ? 1 : 0;
}

/** The configuration itself, not one of the files it refers to. */
export function isUnreadable(problems: readonly Problem[], path: string): boolean {
  return problems.some(({ code, source, field }) => code === 'file-unreadable' && source.name === path && field === '');
}

export function withLocation(problem: Problem, locate: Locate): Problem {
  return problem.location === null ? { ...problem, location: locate(problem.source, problem.field) } : problem;
}

/** All canaries of one release say the same of it. */
function listReleases(routes: readonly RouteConfig[]): readonly ReleaseConfig[] {
  const found = new Map<string, ReleaseConfig>();
  for (const { release } of routes.flatMap(({ split }) => split.canaries)) {
    if (release !== undefined) found.set(release.id, release);
  }
  return [...found.values()].toSorted((a, b) => compareText(a.id, b.id));
}

function formatReport({ problems, releases, counts }: Report): string {
  const lines = problems.map(formatProblem);
  for (const release of releases) lines.push(escapeText(describeRelease(release)));
  const { rejected, warning, routes, upstreams } = counts;
  const found = `${count(routes, 'route')}, ${count(upstreams, 'upstream')}`;
  lines.push(`${rejected} rejected, ${count(warning, 'warning')}; ${found}`);
  return `${lines.join('\n')}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function compareProblems(a: Problem, b: Problem): number {
  return (
    compareText(a.location?.file ?? '', b.location?.file ?? '') ||
    (a.location?.line ?? 0) - (b.location?.line ?? 0) ||
    (a.location?.column ?? 0) - (b.location?.column ?? 0) ||
    compareText(formatProblem(a), formatProblem(b))
  );
}

/** By code unit: the same order on every machine, whatever its locale. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
