/** `sluice explain`: gets a configuration from files or from a running process, and prints the explanation of one request. */
import type { RouteConfig } from '../model/proxy-config.ts';
import { isUnreadable, withLocation } from './check-command.ts';
import { type ExplainedConfig, type Explanation, explainRequest } from './explain/explain-request.ts';
import { formatExplanation } from './explain/format-explanation.ts';
import { formatProblem } from './format-problem.ts';
import { type Locate, loadConfig } from './load-config.ts';
import { EXIT_USAGE, type OutputStreams } from './output.ts';
import type { ExplainSettings } from './settings.ts';

/** 0 a route takes the request, 1 none does, 2 cannot read. */
export async function runExplain(settings: ExplainSettings, io: OutputStreams): Promise<number> {
  const config = await obtainConfig(settings, io);
  if (config === null) return EXIT_USAGE;
  const explanation = explainRequest(config, settings);
  const text = settings.output === 'json' ? toJson(explanation) : formatExplanation(explanation);
  io.stdout.write(text);
  return explanation.route === null ? 1 : 0;
}

/** Null when there is none; why has then been written. */
async function obtainConfig(settings: ExplainSettings, io: OutputStreams): Promise<ExplainedConfig | null> {
  const { source } = settings;
  if (source.kind === 'admin') {
    const { fetchConfig } = await import('./fetch-config.ts');
    const fetched = await fetchConfig(source.url);
    if ('config' in fetched) return fetched.config;
    io.stderr.write(`error: ${fetched.error}\n`);
    return null;
  }
  const { config, problems, locate } = await loadConfig({ ...settings, source });
  if (config === null || isUnreadable(problems, source.path)) {
    for (const problem of problems) io.stderr.write(`${formatProblem(withLocation(problem, locate))}\n`);
    return null;
  }
  return {
    ...config,
    routes: config.routes.map((route) => locateRoute(route, locate)),
    problems: problems.map((problem) => withLocation(problem, locate)),
  };
}

function locateRoute(route: RouteConfig, locate: Locate): RouteConfig {
  return route.location === null ? { ...route, location: locate(route.source, route.sourceField) } : route;
}

/** The winner stands there whole already; of the others their identity is enough. */
function toJson(explanation: Explanation): string {
  const verdicts = explanation.verdicts.map(({ route, ...verdict }) => {
    const { id, path, source, sourceField, location } = route;
    return { id, path, source, sourceField, location, ...verdict };
  });
  return `${JSON.stringify({ ...explanation, verdicts }, null, 2)}\n`;
}
