/** What is measured: the upstream alone, Sluice, and every other proxy that is installed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  caddyConfiguration,
  haproxyConfiguration,
  nginxConfiguration,
  type Route,
  sluiceConfiguration,
} from './configurations.ts';
import { findProgram, freePort, PinnedProcess, PROXY_CORE } from './pinned-process.ts';

export interface Target {
  readonly name: string;
  readonly port: number;
  /** Null for the upstream alone. */
  readonly process: PinnedProcess | null;
}

interface Launch {
  readonly command: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

interface Kind {
  readonly name: string;
  /** Null when the program is not installed. */
  readonly launch: (route: Route, directory: string) => Launch | null;
}

const SERVERS = join(import.meta.dirname, 'servers');
const SLUICE = join(import.meta.dirname, '../../src/cli/main.ts');

const KINDS: readonly Kind[] = [
  {
    name: 'sluice',
    launch: (route, directory) => {
      const file = write(directory, 'sluice.yaml', sluiceConfiguration(route));
      const flags = ['--workers', '1', '--admin-port', '0', '--access-log', 'off'];
      return { command: [process.execPath, SLUICE, 'serve', '--config', file, ...flags] };
    },
  },
  {
    name: 'nginx',
    launch: (route, directory) => {
      const file = write(directory, 'nginx.conf', nginxConfiguration(route, directory));
      return installed('nginx', ['-p', directory, '-c', file]);
    },
  },
  {
    name: 'haproxy',
    launch: (route, directory) => {
      const file = write(directory, 'haproxy.cfg', haproxyConfiguration(route));
      return installed('haproxy', ['-q', '-db', '-f', file]);
    },
  },
  {
    name: 'caddy',
    launch: (route, directory) => {
      const file = write(directory, 'Caddyfile', caddyConfiguration(route));
      const home = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory, GOMAXPROCS: '1' };
      return installed('caddy', ['run', '--adapter', 'caddyfile', '--config', file], home);
    },
  },
  {
    name: 'http-proxy',
    launch: ({ port, upstreamPort }) => ({
      command: [process.execPath, '--no-deprecation', join(SERVERS, 'http-proxy.ts'), `${port}`, `${upstreamPort}`],
    }),
  },
];

export const DIRECT = 'direct';
export const TARGET_NAMES: readonly string[] = [DIRECT, ...KINDS.map(({ name }) => name)];
export const UPSTREAM: string = join(SERVERS, 'upstream.ts');

/** Starts those that are wanted and installed; `onStarted` hears of each one, so that it can be stopped whatever happens. */
export async function startTargets(
  wanted: readonly string[],
  upstreamPort: number,
  directory: string,
  onStarted: (process: PinnedProcess) => void,
): Promise<readonly Target[]> {
  const targets: Target[] = wanted.includes(DIRECT) ? [{ name: DIRECT, port: upstreamPort, process: null }] : [];
  for (const { name, launch } of KINDS) {
    if (!wanted.includes(name)) continue;
    const port = await freePort();
    const launched = launch({ port, upstreamPort }, directory);
    if (launched === null) {
      process.stderr.write(`${name} is not installed, left out\n`);
      continue;
    }
    const started = new PinnedProcess(name, PROXY_CORE, launched.command, launched.environment);
    onStarted(started);
    await started.listening(port);
    targets.push({ name, port, process: started });
  }
  return targets;
}

function installed(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Launch | null {
  const path = findProgram(program);
  return path === null ? null : { command: [path, ...args], environment };
}

function write(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
