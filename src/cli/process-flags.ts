/** Flags of the commands that carry traffic: listeners, the process, logs and metrics. */
import { defineFlag, defineFlagByMode, type Flag, type Mode } from './flag.ts';
import * as parse from './flag-parsers.ts';

const LISTENERS = 'Listeners:';
const PROCESS = 'Process:';
const LOGS = 'Logs and metrics:';

/**
 * Kubernetes gives each pod a variable `<SERVICE>_PORT=tcp://…` for each Service of its namespace, and a Service named
 * `sluice-admin` thereby sets SLUICE_ADMIN_PORT.
 */
export function isServiceLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(text);
}

function portFlag(name: string, group: string, doc: string, fallback: (mode: Mode) => number): Flag<number> {
  const options = { name, group, doc, placeholder: '<port>', parse: parse.parsePort };
  return defineFlagByMode({ ...options, ignoreInEnvironment: isServiceLink }, fallback);
}

export const bindFlag: Flag<string> = defineFlag(
  {
    name: 'bind',
    placeholder: '<address>',
    group: LISTENERS,
    doc: 'Address of the HTTP and HTTPS listeners.',
    parse: parse.parseAddress,
  },
  '0.0.0.0',
);

export const httpPortFlag: Flag<number> = portFlag('http-port', LISTENERS, 'HTTP port; 0 = any free one.', () => 8080);
export const httpsPortFlag: Flag<number> = portFlag(
  'https-port',
  LISTENERS,
  'HTTPS port; 0 = any free one.',
  () => 8443,
);

export const advertisedHttpPortFlag: Flag<number> = portFlag(
  'advertised-http-port',
  LISTENERS,
  'HTTP port that redirects and X-Forwarded-Port speak of; 0 = the bound port.',
  (mode) => (mode === 'controller' ? 80 : 0),
);

export const advertisedHttpsPortFlag: Flag<number> = portFlag(
  'advertised-https-port',
  LISTENERS,
  'HTTPS port that redirects and X-Forwarded-Port speak of; 0 = the bound port.',
  (mode) => (mode === 'controller' ? 443 : 0),
);

export const proxyProtocolTrustedFlag: Flag<string> = defineFlag(
  {
    name: 'proxy-protocol-trusted',
    placeholder: '<cidr>',
    group: LISTENERS,
    doc: 'Network whose connections must begin with a PROXY protocol header. Repeatable. Without it: nobody sends one. Listeners of a static file have their own.',
    parse: parse.parseNetwork,
    separator: ',',
  },
  '',
);

export const trustedProxiesFlag: Flag<string> = defineFlag(
  {
    name: 'trusted-proxies',
    placeholder: '<cidr>',
    group: LISTENERS,
    doc: 'Network whose X-Forwarded-* and Forwarded are believed. Repeatable. Without it: nobody is. Listeners of a static file have their own.',
    parse: parse.parseNetwork,
    separator: ',',
  },
  '',
);

export const adminBindFlag: Flag<string> = defineFlagByMode(
  {
    name: 'admin-bind',
    placeholder: '<address>',
    group: LISTENERS,
    doc: 'Address of the admin port (/healthz, /readyz, /metrics, /debug/config, /debug/releases, /debug/mirror).',
    parse: parse.parseAddress,
  },
  (mode) => (mode === 'controller' ? '0.0.0.0' : '127.0.0.1'),
);

export const adminPortFlag: Flag<number> = portFlag(
  'admin-port',
  LISTENERS,
  'Admin port; 0 = any free one.',
  () => 10_254,
);

export const workersFlag: Flag<number | 'auto'> = defineFlag(
  {
    name: 'workers',
    placeholder: '<auto|n>',
    group: PROCESS,
    doc: 'Threads that carry traffic. auto = the CPUs this process may use, container limits included.',
    parse: parse.parseWorkers,
  },
  'auto',
);

export const maxConnectionsFlag: Flag<number | 'auto'> = defineFlag(
  {
    name: 'max-connections',
    placeholder: '<auto|n>',
    group: PROCESS,
    doc: 'Client connections at once; each worker gets an equal share and closes what is above it. auto = 16384 a worker, fewer if the limit of open files asks for it.',
    parse: parse.parseMaxConnections,
  },
  'auto',
);

export const drainTimeoutFlag: Flag<number> = defineFlag(
  {
    name: 'drain-timeout',
    placeholder: '<duration>',
    group: PROCESS,
    doc: 'Longest wait for open requests after SIGTERM or SIGINT, when no more connections are accepted.',
    parse: parse.parseDuration,
    fallbackText: () => '30s',
  },
  30_000,
);

export const takeoverFlag: Flag<boolean> = defineFlag(
  {
    name: 'takeover',
    placeholder: '[true|false]',
    group: PROCESS,
    doc: 'Share the ports of a sluice of the same user that is running, to take over from it: start the new one, wait until it is ready, send SIGTERM to the old one. Without it a port in use is an error.',
    parse: parse.parseBoolean,
  },
  false,
);

export const shutdownDelayFlag: Flag<number> = defineFlagByMode(
  {
    name: 'shutdown-delay',
    placeholder: '<duration>',
    group: PROCESS,
    doc: 'After SIGTERM, go on accepting connections for this long while /readyz says 503, so that whoever sends traffic here can stop first. SIGINT does not wait.',
    parse: parse.parseDuration,
    fallbackText: (mode) => (mode === 'controller' ? '5s' : '0s'),
  },
  (mode) => (mode === 'controller' ? 5_000 : 0),
);

export const workerHangTimeoutFlag: Flag<number> = defineFlag(
  {
    name: 'worker-hang-timeout',
    placeholder: '<duration>',
    group: PROCESS,
    doc: 'Replace a worker that has shown no sign of life for this long, while the rest of the process ran on; 0s = never.',
    parse: parse.parseHangTimeout,
    fallbackText: () => '10s',
  },
  10_000,
);

export const logLevelFlag: Flag<'debug' | 'info' | 'warn' | 'error'> = defineFlag(
  {
    name: 'log-level',
    placeholder: '<level>',
    group: LOGS,
    doc: 'debug, info, warn or error.',
    parse: parse.parseWord(['debug', 'info', 'warn', 'error']),
  },
  'info',
);

export const logFormatFlag: Flag<'json' | 'text'> = defineFlag(
  {
    name: 'log-format',
    placeholder: '<json|text>',
    group: LOGS,
    doc: 'json: one object a line; text: for people.',
    parse: parse.parseWord(['json', 'text']),
  },
  'json',
);

export const accessLogFlag: Flag<'off' | 'json' | 'text'> = defineFlagByMode(
  {
    name: 'access-log',
    placeholder: '<off|json|text>',
    group: LOGS,
    doc: 'One line per request on standard output.',
    parse: parse.parseWord(['off', 'json', 'text']),
  },
  (mode) => (mode === 'controller' ? 'json' : 'off'),
);

export const nginxMetricsFlag: Flag<boolean> = defineFlagByMode(
  {
    name: 'nginx-metrics',
    placeholder: '[true|false]',
    group: LOGS,
    doc: 'Also export metrics under the nginx_ingress_controller_* names that existing dashboards read.',
    parse: parse.parseBoolean,
  },
  (mode) => mode === 'controller',
);

export const PROCESS_FLAGS: readonly Flag<unknown>[] = [
  bindFlag,
  httpPortFlag,
  httpsPortFlag,
  advertisedHttpPortFlag,
  advertisedHttpsPortFlag,
  proxyProtocolTrustedFlag,
  trustedProxiesFlag,
  adminBindFlag,
  adminPortFlag,
  workersFlag,
  maxConnectionsFlag,
  takeoverFlag,
  shutdownDelayFlag,
  drainTimeoutFlag,
  workerHangTimeoutFlag,
  logLevelFlag,
  logFormatFlag,
  accessLogFlag,
  nginxMetricsFlag,
];
