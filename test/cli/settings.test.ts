/** Settings from flags and environment: defaults, precedence, and what is refused. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { type Environment, type GivenFlags, toEnvironmentName } from '../../src/cli/flag.ts';
import { FLAGS } from '../../src/cli/flag-list.ts';
import {
  type ControllerSettings,
  readCheckSettings,
  readControllerSettings,
  readExplainSettings,
  readServeSettings,
  type ServeSettings,
  type SettingsResult,
} from '../../src/cli/settings.ts';

function given(flags: Readonly<Record<string, string | readonly string[]>>): GivenFlags {
  return new Map(Object.entries(flags).map(([name, value]) => [name, typeof value === 'string' ? [value] : value]));
}

function settingsOf<T>(result: SettingsResult<T>): T {
  assert.ok('settings' in result, JSON.stringify(result));
  return result.settings;
}

function errorsOf(result: SettingsResult<unknown>): readonly string[] {
  assert.ok('errors' in result, 'expected errors');
  return result.errors;
}

function serve(flags: Readonly<Record<string, string>> = {}, environment: Environment = {}): ServeSettings {
  return settingsOf(readServeSettings(given({ config: 'sluice.yaml', ...flags }), environment));
}

function controller(
  flags: Readonly<Record<string, string | readonly string[]>> = {},
  environment: Environment = {},
): ControllerSettings {
  return settingsOf(readControllerSettings(given(flags), environment));
}

function explainErrors(flags: Readonly<Record<string, string>>): readonly string[] {
  return errorsOf(readExplainSettings(given(flags), {}));
}

const CLIENT_LIMITS = {
  headTimeoutMs: 60_000,
  bodyTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  writeTimeoutMs: 60_000,
  maxHeadBytes: 32_768,
  maxHeaders: 100,
  maxTargetBytes: 16_384,
  maxConnectionsPerIp: 0,
};

test('serve has the documented defaults', () => {
  const { workers, ...rest } = serve();
  assert.ok(workers >= 1);
  assert.deepEqual(rest, {
    mode: 'serve',
    source: { kind: 'static', path: 'sluice.yaml' },
    releaseState: resolve('sluice.yaml.releases.json'),
    bind: '0.0.0.0',
    httpPort: 8080,
    httpsPort: 8443,
    advertisedHttpPort: 0,
    advertisedHttpsPort: 0,
    proxyProtocolTrusted: [],
    trustedProxies: [],
    adminBind: '127.0.0.1',
    adminPort: 10254,
    maxConnections: 'auto',
    clientLimits: CLIENT_LIMITS,
    takeover: false,
    shutdownDelayMs: 0,
    drainTimeoutMs: 30_000,
    workerHangTimeoutMs: 10_000,
    logLevel: 'info',
    logFormat: 'json',
    accessLog: 'off',
    nginxMetrics: false,
    ingressClass: '',
    controllerName: 'sluice.dev/ingress-controller',
    watchIngressWithoutClass: false,
    takeEveryIngress: true,
    annotationsPrefix: 'nginx.ingress.kubernetes.io',
    defaultBackendService: '',
    defaultTlsSecret: '',
    zone: '',
  });
});

test('controller has the documented defaults', () => {
  const { workers, ...rest } = controller();
  assert.ok(workers >= 1);
  assert.deepEqual(rest, {
    mode: 'controller',
    kubeconfig: null,
    watchNamespaces: [],
    configMap: '',
    publishService: '',
    publishStatusAddresses: [],
    electionId: 'sluice-leader',
    snapshotDir: null,
    webhook: null,
    bind: '0.0.0.0',
    httpPort: 8080,
    httpsPort: 8443,
    advertisedHttpPort: 80,
    advertisedHttpsPort: 443,
    proxyProtocolTrusted: [],
    trustedProxies: [],
    adminBind: '0.0.0.0',
    adminPort: 10254,
    maxConnections: 'auto',
    clientLimits: CLIENT_LIMITS,
    takeover: false,
    shutdownDelayMs: 5_000,
    drainTimeoutMs: 30_000,
    workerHangTimeoutMs: 10_000,
    logLevel: 'info',
    logFormat: 'json',
    accessLog: 'json',
    nginxMetrics: true,
    ingressClass: 'sluice',
    controllerName: 'sluice.dev/ingress-controller',
    watchIngressWithoutClass: false,
    takeEveryIngress: false,
    annotationsPrefix: 'nginx.ingress.kubernetes.io',
    defaultBackendService: '',
    defaultTlsSecret: '',
    zone: '',
  });
});

test('serve takes every Ingress only while no class is named', () => {
  assert.equal(serve({ 'ingress-class': 'nginx' }).takeEveryIngress, false);
  assert.equal(serve({}, { SLUICE_INGRESS_CLASS: 'nginx' }).takeEveryIngress, false);
});

test('each flag reads its variable, and the flag beats it', () => {
  const environment = { SLUICE_HTTP_PORT: '1', SLUICE_LOG_FORMAT: 'text', SLUICE_DRAIN_TIMEOUT: '5m' };
  const settings = serve({ 'http-port': '2' }, environment);
  assert.equal(settings.httpPort, 2);
  assert.equal(settings.logFormat, 'text');
  assert.equal(settings.drainTimeoutMs, 300_000);
});

test('an empty variable counts as absent', () => {
  assert.equal(serve({}, { SLUICE_HTTP_PORT: '' }).httpPort, 8080);
});

test('a variable that Kubernetes sets for a Service of that name is not taken for ours', () => {
  assert.equal(serve({}, { SLUICE_ADMIN_PORT: 'tcp://10.96.0.7:10254' }).adminPort, 10254);
  const result = readServeSettings(given({ config: 'a', 'admin-port': 'tcp://10.96.0.7:10254' }), {});
  assert.equal(errorsOf(result).length, 1);
});

test('repeatable flags take each occurrence, or a comma-separated variable', () => {
  assert.deepEqual(controller({ 'watch-namespace': ['a', 'b', 'a'] }).watchNamespaces, ['a', 'b']);
  assert.deepEqual(controller({}, { SLUICE_WATCH_NAMESPACE: 'a, b,' }).watchNamespaces, ['a', 'b']);
  const addresses = ['192.0.2.1', 'lb.example'];
  assert.deepEqual(controller({ 'publish-status-address': addresses }).publishStatusAddresses, addresses);
});

test('of a flag that is not repeatable the last occurrence counts', () => {
  assert.equal(settingsOf(readControllerSettings(given({ 'http-port': ['1', '2'] }), {})).httpPort, 2);
});

test('boolean flags may stand alone or with true or false', () => {
  assert.equal(serve({ 'nginx-metrics': '' }).nginxMetrics, true);
  assert.equal(controller({ 'nginx-metrics': 'false' }).nginxMetrics, false);
  assert.equal(controller({}, { SLUICE_NGINX_METRICS: 'false' }).nginxMetrics, false);
});

test('addresses may be written in brackets and are kept without', () => {
  assert.equal(serve({ bind: '[::]' }).bind, '::');
});

test('the limit of connections is a number or auto', () => {
  assert.equal(serve({ 'max-connections': '20000' }).maxConnections, 20_000);
  assert.equal(serve({ 'max-connections': 'auto' }).maxConnections, 'auto');
});

test('limits on clients are durations, sizes and numbers', () => {
  const flags = {
    'client-header-timeout': '1s',
    'client-body-timeout': '2s',
    'keep-alive-timeout': '250ms',
    'client-write-timeout': '1m',
    'max-header-bytes': '8192',
    'max-headers': '20',
    'max-uri-bytes': '4K',
    'max-connections-per-ip': '7',
  };
  const { clientLimits } = serve(flags, { SLUICE_MAX_HEADERS: '30' });
  assert.deepEqual(clientLimits, {
    headTimeoutMs: 1_000,
    bodyTimeoutMs: 2_000,
    keepAliveTimeoutMs: 250,
    writeTimeoutMs: 60_000,
    maxHeadBytes: 8_192,
    maxHeaders: 20,
    maxTargetBytes: 4_096,
    maxConnectionsPerIp: 7,
  });
  assert.equal(serve({}, { SLUICE_MAX_HEADERS: '30' }).clientLimits.maxHeaders, 30);
  assert.equal(serve({ 'max-connections-per-ip': 'off' }).clientLimits.maxConnectionsPerIp, 0);
  assert.equal(serve({ 'max-header-bytes': '1m' }).clientLimits.maxHeadBytes, 1_048_576);
});

test('workers is a number or auto', () => {
  assert.equal(serve({ workers: '3' }).workers, 3);
  assert.ok(serve({ workers: 'auto' }).workers >= 1);
});

interface ErrorCase {
  readonly flag: string;
  readonly value: string;
  readonly message: string;
}

const errorCases: readonly ErrorCase[] = [
  { flag: 'http-port', value: 'x', message: '--http-port: expected an integer from 0 to 65535, got "x"' },
  { flag: 'http-port', value: '65536', message: '--http-port: expected an integer from 0 to 65535, got "65536"' },
  { flag: 'http-port', value: '-1', message: '--http-port: expected an integer from 0 to 65535, got "-1"' },
  {
    flag: 'max-connections',
    value: '0',
    message: '--max-connections: expected "auto" or an integer from 1 to 10000000, got "0"',
  },
  { flag: 'workers', value: '0', message: '--workers: expected "auto" or an integer from 1 to 1024, got "0"' },
  { flag: 'bind', value: 'localhost', message: '--bind: expected an IP address, like 0.0.0.0 or ::, got "localhost"' },
  {
    flag: 'drain-timeout',
    value: '30',
    message: '--drain-timeout: expected a duration up to 24h, like 250ms, 30s or 5m, got "30"',
  },
  {
    flag: 'drain-timeout',
    value: '25h',
    message: '--drain-timeout: expected a duration up to 24h, like 250ms, 30s or 5m, got "25h"',
  },
  {
    flag: 'client-header-timeout',
    value: '0s',
    message: '--client-header-timeout: expected a duration from 1ms to 24h, like 250ms, 30s or 5m, got "0s"',
  },
  {
    flag: 'max-header-bytes',
    value: '2m',
    message: '--max-header-bytes: expected a size from 256 to 1m, like 8192 or 16k, got "2m"',
  },
  {
    flag: 'max-uri-bytes',
    value: '1.5k',
    message: '--max-uri-bytes: expected a size from 256 to 1m, like 8192 or 16k, got "1.5k"',
  },
  { flag: 'max-headers', value: '7', message: '--max-headers: expected an integer from 8 to 1000, got "7"' },
  {
    flag: 'max-connections-per-ip',
    value: '0',
    message: '--max-connections-per-ip: expected "off" or an integer from 1 to 10000000, got "0"',
  },
  {
    flag: 'worker-hang-timeout',
    value: '500ms',
    message: '--worker-hang-timeout: expected 0s or a duration from 1s to 24h, like 10s, got "500ms"',
  },
  { flag: 'takeover', value: 'yes', message: '--takeover: expected "true" or "false", got "yes"' },
  { flag: 'log-level', value: 'loud', message: '--log-level: expected one of debug, info, warn, error, got "loud"' },
  { flag: 'access-log', value: 'on', message: '--access-log: expected one of off, json, text, got "on"' },
  { flag: 'nginx-metrics', value: 'yes', message: '--nginx-metrics: expected "true" or "false", got "yes"' },
  { flag: 'publish-service', value: 'a', message: '--publish-service: expected namespace/name, got "a"' },
  { flag: 'watch-namespace', value: 'A', message: '--watch-namespace: expected the name of a namespace, got "A"' },
  {
    flag: 'controller-name',
    value: 'nginx',
    message: '--controller-name: expected a domain with a path, like sluice.dev/ingress-controller, got "nginx"',
  },
  { flag: 'zone', value: 'eu west', message: '--zone: expected the name of a zone, like eu-west-1a, got "eu west"' },
  {
    flag: 'annotations-prefix',
    value: 'a b',
    message: '--annotations-prefix: expected a DNS name, like nginx.ingress.kubernetes.io, got "a b"',
  },
  {
    flag: 'publish-status-address',
    value: 'a_b',
    message: '--publish-status-address: expected an IP address or a host name, got "a_b"',
  },
  { flag: 'election-id', value: '', message: '--election-id: expected the name of a Kubernetes object, got ""' },
];

for (const c of errorCases) {
  test(`--${c.flag} ${JSON.stringify(c.value)} is refused`, () => {
    assert.deepEqual(errorsOf(readControllerSettings(given({ [c.flag]: c.value }), {})), [c.message]);
  });
}

test('a wrong variable is named in the message, and all errors are told at once', () => {
  const result = readServeSettings(given({ config: 'a', 'https-port': 'y' }), { SLUICE_HTTP_PORT: 'x' });
  assert.deepEqual(errorsOf(result), [
    'SLUICE_HTTP_PORT: expected an integer from 0 to 65535, got "x"',
    '--https-port: expected an integer from 0 to 65535, got "y"',
  ]);
});

test('serve needs exactly one of --config and --manifests', () => {
  assert.deepEqual(errorsOf(readServeSettings(given({}), {})), ['one of --config, --manifests is needed']);
  assert.deepEqual(errorsOf(readServeSettings(given({ config: 'a', manifests: 'b' }), {})), [
    '--config and --manifests exclude each other: give one of --config, --manifests',
  ]);
});

test('a source on the command line beats one in the environment', () => {
  const settings = settingsOf(readServeSettings(given({ manifests: './k8s' }), { SLUICE_CONFIG: 'a.yaml' }));
  assert.deepEqual(settings.source, { kind: 'manifests', path: './k8s' });
  const fromEnvironment = settingsOf(readServeSettings(given({}), { SLUICE_CONFIG: 'a.yaml' }));
  assert.deepEqual(fromEnvironment.source, { kind: 'static', path: 'a.yaml' });
});

test('the states of releases stand beside what they are about, never inside', () => {
  const at = (flags: Readonly<Record<string, string>>): string | null =>
    settingsOf(readServeSettings(given(flags), {})).releaseState;
  assert.equal(at({ config: '/etc/a/sluice.yaml' }), '/etc/a/sluice.yaml.releases.json');
  assert.equal(at({ manifests: '/etc/k8s/' }), '/etc/k8s.releases.json');
  assert.equal(at({ manifests: '/etc/k8s', 'release-state': '/var/lib/state' }), '/var/lib/state');
  assert.equal(at({ config: 'a.yaml', 'release-state': 'off' }), null);
  const inside = { manifests: '/etc/k8s', 'release-state': '/etc/k8s/sub/state.json' };
  assert.deepEqual(errorsOf(readServeSettings(given(inside), {})), [
    '--release-state: /etc/k8s/sub/state.json is inside --manifests; name a file elsewhere, or "off"',
  ]);
  const itself = { config: '/etc/a.yaml', 'release-state': '/etc/../etc/a.yaml' };
  assert.deepEqual(errorsOf(readServeSettings(given(itself), {})), [
    '--release-state: /etc/a.yaml is what is read; name a file elsewhere, or "off"',
  ]);
});

test('check reads a source and an output', () => {
  const settings = settingsOf(readCheckSettings(given({ manifests: './k8s', output: 'json' }), {}));
  assert.deepEqual(settings.source, { kind: 'manifests', path: './k8s' });
  assert.equal(settings.output, 'json');
  assert.equal(settings.takeEveryIngress, true);
});

test('explain reads the request and keeps the URL as it was typed', () => {
  const flags = {
    url: 'HTTP://a.example/x/../y',
    admin: 'http://127.0.0.1:1',
    method: 'post',
    header: ['A: b', 'c:d, e'],
  };
  const settings = settingsOf(readExplainSettings(given(flags), {}));
  assert.equal(settings.url, 'HTTP://a.example/x/../y');
  assert.equal(settings.method, 'POST');
  assert.deepEqual(settings.headers, [
    { name: 'A', value: 'b' },
    { name: 'c', value: 'd, e' },
  ]);
  assert.deepEqual(settings.source, { kind: 'admin', url: 'http://127.0.0.1:1' });
});

test('explain refuses wrong URLs, headers and methods, and says when the URL is missing', () => {
  const base = { config: 'a.yaml', url: 'http://a/' };
  assert.deepEqual(explainErrors({ config: 'a.yaml' }), ['--url is needed']);
  assert.deepEqual(explainErrors({ config: 'a.yaml', url: 'a.example/x' }), [
    '--url: expected an http or https URL, got "a.example/x"',
  ]);
  assert.deepEqual(explainErrors({ ...base, header: 'no colon' }), [
    '--header: expected a header, like "Name: value", got "no colon"',
  ]);
  assert.deepEqual(explainErrors({ ...base, method: 'G T' }), [
    '--method: expected an HTTP method, like GET, got "G T"',
  ]);
});

test('flag names are unique within a command, and so are their variables', () => {
  for (const flags of Object.values(FLAGS)) {
    const names = flags.map((flag) => flag.name);
    assert.equal(new Set(names.map(toEnvironmentName)).size, names.length);
  }
});

test('networks are repeatable, separated by commas in the environment, and refused with what would be right', () => {
  const flags = { 'trusted-proxies': ['10.0.0.0/8', '2001:db8::/32', '10.0.0.0/8'] };
  const environment = { SLUICE_PROXY_PROTOCOL_TRUSTED: '192.0.2.1, 198.51.100.0/24', SLUICE_TRUSTED_PROXIES: '::1' };
  const settings = controller(flags, environment);
  assert.deepEqual(settings.trustedProxies, ['10.0.0.0/8', '2001:db8::/32']);
  assert.deepEqual(settings.proxyProtocolTrusted, ['192.0.2.1', '198.51.100.0/24']);
  const form = 'an IP network such as `10.0.0.0/8` or `2001:db8::/32`, or a single IP address';
  assert.deepEqual(
    errorsOf(
      readServeSettings(given({ config: 'f', 'trusted-proxies': '10.0.0.0/33' }), {
        SLUICE_PROXY_PROTOCOL_TRUSTED: '10.0.0.0/8,balancer',
      }),
    ),
    [
      `SLUICE_PROXY_PROTOCOL_TRUSTED: expected ${form}, got "balancer"`,
      `--trusted-proxies: expected ${form}, got "10.0.0.0/33"`,
    ],
  );
});

test('the admission webhook needs its port and its certificate', () => {
  assert.deepEqual(controller({ 'webhook-port': '0', 'webhook-cert-dir': '/certs' }).webhook, {
    port: 0,
    certificateDirectory: '/certs',
  });
  assert.deepEqual(errorsOf(readControllerSettings(given({ 'webhook-port': '8444' }), {})), [
    '--webhook-cert-dir is needed with --webhook-port',
  ]);
  assert.deepEqual(errorsOf(readControllerSettings(given({ 'webhook-cert-dir': '/certs' }), {})), [
    '--webhook-port is needed with --webhook-cert-dir',
  ]);
});

test('the variable that Kubernetes makes of a service named sluice-webhook is no port', () => {
  assert.equal(controller({}, { SLUICE_WEBHOOK_PORT: 'tcp://10.96.0.7:443' }).webhook, null);
});
