/** What is measured: the upstream alone, Sluice, and every other proxy that is installed. */
import { globSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CIPHER_SUITE,
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
  readonly onNode: boolean;
}

interface Launch {
  readonly command: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

interface Kind {
  readonly name: string;
  /** Null when the program is not installed. */
  readonly launch: (route: Route) => Launch | null;
}

const SERVERS = join(import.meta.dirname, 'servers');
const ROOT = join(import.meta.dirname, '../..');

export const DIRECT = 'direct';
export const RELAY = 'relay';

const KINDS: readonly Kind[] = [
  {
    name: 'sluice',
    launch: (route) => {
      const file = write(route, 'sluice.yaml', sluiceConfiguration(route));
      const flags = ['--workers', '1', '--admin-port', '0', '--access-log', 'off'];
      const preload = route.preload === null ? [] : ['--import', route.preload];
      return { command: [process.execPath, ...preload, sluiceProgram(), 'serve', '--config', file, ...flags] };
    },
  },
  {
    name: 'nginx',
    launch: (route) => {
      const file = write(route, 'nginx.conf', nginxConfiguration(route));
      return installed('nginx', ['-p', route.directory, '-c', file]);
    },
  },
  {
    name: 'haproxy',
    launch: (route) => {
      const file = write(route, 'haproxy.cfg', haproxyConfiguration(route));
      return installed('haproxy', ['-q', '-db', '-f', file]);
    },
  },
  {
    name: 'caddy',
    launch: (route) => {
      const { directory } = route;
      const file = write(route, 'Caddyfile', caddyConfiguration(route));
      const home = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory, GOMAXPROCS: '1' };
      return installed('caddy', ['run', '--adapter', 'caddyfile', '--config', file], home);
    },
  },
  { name: 'http-proxy', launch: (route) => launchServer('http-proxy.ts', route) },
  { name: RELAY, launch: (route) => launchServer('relay.ts', route) },
];

export const TARGET_NAMES: readonly string[] = [DIRECT, ...KINDS.map(({ name }) => name)];

/** The build, unless a source is newer than it: figures of yesterday's code would mislead. */
export function sluiceProgram(): string {
  const built = join(ROOT, 'dist/cli/main.js');
  const builtAtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = globSync('src/**/*.ts', { cwd: ROOT });
  const stale = sources.some((file) => statSync(join(ROOT, file)).mtimeMs > builtAtMs);
  return stale ? join(ROOT, 'src/cli/main.ts') : built;
}

/** Those of `wanted` that are not installed are left out, with a line about it. */
export function leaveOutMissing(wanted: readonly string[]): readonly string[] {
  const programs = ['nginx', 'haproxy', 'caddy'];
  return wanted.filter((name) => {
    if (!programs.includes(name) || findProgram(name) !== null) return true;
    process.stderr.write(`${name} is not installed, left out\n`);
    return false;
  });
}

/** Starts `wanted`; `onStarted` hears of each process, so that it can be stopped whatever happens. */
export async function startTargets(
  wanted: readonly string[],
  route: Omit<Route, 'port'>,
  onStarted: (process: PinnedProcess) => void,
): Promise<readonly Target[]> {
  const { upstreamPort } = route;
  const targets: Target[] = wanted.includes(DIRECT)
    ? [{ name: DIRECT, port: upstreamPort, process: null, onNode: false }]
    : [];
  for (const { name, launch } of KINDS) {
    if (!wanted.includes(name)) continue;
    const port = await freePort();
    const launched = launch({ ...route, port });
    if (launched === null) continue;
    const started = new PinnedProcess(name, PROXY_CORE, launched.command, launched.environment);
    onStarted(started);
    await started.listening(port);
    targets.push({ name, port, process: started, onNode: launched.command[0] === process.execPath });
  }
  return targets;
}

function launchServer(file: string, { port, upstreamPort, certificate }: Route): Launch {
  const tls = certificate === null ? [] : [certificate.certFile, certificate.keyFile, CIPHER_SUITE];
  const args = [String(port), String(upstreamPort), ...tls];
  return { command: [process.execPath, '--no-deprecation', join(SERVERS, file), ...args] };
}

function installed(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Launch | null {
  const path = findProgram(program);
  return path === null ? null : { command: [path, ...args], environment };
}

function write({ directory }: Route, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
