/** Combines flags and environment into the settings of each command: fixed at start, checked, units in the names. */
import { resolve, sep } from 'node:path';
import type { ClientLimits } from '../model/worker-messages.ts';
import { availableCpus } from './available-cpus.ts';
import { readClientLimits } from './client-flags.ts';
import { type Environment, type Flag, FlagReader, type GivenFlags, type Mode } from './flag.ts';
import * as flags from './flag-list.ts';
import * as ingress from './ingress-flags.ts';
import * as traffic from './process-flags.ts';
import * as webhook from './webhook-flags.ts';

/** How Ingresses are chosen and read, wherever they come from. */
export interface IngressSettings {
  readonly ingressClass: string;
  readonly controllerName: string;
  readonly watchIngressWithoutClass: boolean;
  /** True outside controller mode when `--ingress-class` is absent. */
  readonly takeEveryIngress: boolean;
  readonly annotationsPrefix: string;
  /** `ns/name`; empty = none. */
  readonly defaultBackendService: string;
  /** `--default-ssl-certificate`: `ns/name` of a TLS Secret; empty = none. */
  readonly defaultTlsSecret: string;
  /** Empty = zones do not count. */
  readonly zone: string;
}

export interface CommonSettings extends IngressSettings {
  /** IP literal without brackets. */
  readonly bind: string;
  /** 0 = any free port. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** 0 = the bound port. */
  readonly advertisedHttpPort: number;
  readonly advertisedHttpsPort: number;
  /** Networks; empty = no PROXY protocol. */
  readonly proxyProtocolTrusted: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly adminBind: string;
  readonly adminPort: number;
  /** At least 1; `auto` is already resolved. */
  readonly workers: number;
  /** Client connections at once, over all workers. */
  readonly maxConnections: number | 'auto';
  readonly clientLimits: ClientLimits;
  /** Listeners may be shared with another process of the same user. */
  readonly takeover: boolean;
  /** From SIGTERM to the end of accepting. */
  readonly shutdownDelayMs: number;
  readonly drainTimeoutMs: number;
  /** A worker that does nothing for this long is replaced; 0 = never. */
  readonly workerHangTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'json' | 'text';
  readonly accessLog: 'off' | 'json' | 'text';
  readonly nginxMetrics: boolean;
}

export interface ControllerSettings extends CommonSettings {
  readonly mode: 'controller';
  /** Null = the service account of the pod. */
  readonly kubeconfig: string | null;
  /** Empty = all namespaces. */
  readonly watchNamespaces: readonly string[];
  /** `ns/name`; empty = none. */
  readonly configMap: string;
  /** `ns/name`; empty = none. */
  readonly publishService: string;
  readonly publishStatusAddresses: readonly string[];
  readonly electionId: string;
  /** Null = what is served is not kept. */
  readonly snapshotDir: string | null;
  /** Null = no admission webhook. */
  readonly webhook: WebhookSettings | null;
}

export interface WebhookSettings {
  /** 0 = any free port. */
  readonly port: number;
  /** Holds `tls.crt` and `tls.key`. */
  readonly certificateDirectory: string;
}

export interface ServeSettings extends CommonSettings {
  readonly mode: 'serve';
  readonly source: FileSourceSettings;
  /** File for the states of releases; null = they live as long as the process. */
  readonly releaseState: string | null;
}

/** `static`: the file of `--config`. `manifests`: the directory or file of `--manifests`. */
export interface FileSourceSettings {
  readonly kind: 'static' | 'manifests';
  readonly path: string;
}

export interface CheckSettings extends IngressSettings {
  readonly source: FileSourceSettings;
  readonly output: 'text' | 'json';
}

export interface ExplainSettings extends IngressSettings {
  /** `admin`: the base URL of a running traffic. */
  readonly source: FileSourceSettings | { readonly kind: 'admin'; readonly url: string };
  /** As typed, and valid. */
  readonly url: string;
  readonly method: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly clientIp: string;
  readonly output: 'text' | 'json';
}

export interface CanaryStatusSettings {
  /** Base URL. */
  readonly admin: string;
  /** Go on until nothing is under way. */
  readonly watch: boolean;
  readonly output: 'text' | 'json';
}

/** Either all is well, or every fault of the command line and the environment, one a line. */
export type SettingsResult<T> = { readonly settings: T } | { readonly errors: readonly string[] };

export function readControllerSettings(
  given: GivenFlags,
  environment: Environment,
): SettingsResult<ControllerSettings> {
  const reader = new FlagReader('controller', given, environment);
  const settings: ControllerSettings = {
    mode: 'controller',
    kubeconfig: reader.read(ingress.kubeconfigFlag) || null,
    watchNamespaces: [...new Set(reader.readAll(ingress.watchNamespaceFlag))],
    configMap: reader.read(ingress.configmapFlag),
    publishService: reader.read(ingress.publishServiceFlag),
    publishStatusAddresses: reader.readAll(ingress.publishStatusAddressFlag),
    electionId: reader.read(ingress.electionIdFlag),
    snapshotDir: reader.read(ingress.snapshotDirFlag) || null,
    webhook: readWebhook(reader),
    ...readCommon(reader, 'controller'),
  };
  return toResult(reader, settings);
}

export function readServeSettings(given: GivenFlags, environment: Environment): SettingsResult<ServeSettings> {
  const reader = new FlagReader('serve', given, environment);
  const source = readFileSource(reader);
  const releaseState = readReleaseState(reader, source);
  return toResult(reader, { mode: 'serve', source, releaseState, ...readCommon(reader, 'serve') });
}

export function readCheckSettings(given: GivenFlags, environment: Environment): SettingsResult<CheckSettings> {
  const reader = new FlagReader('check', given, environment);
  const source = readFileSource(reader);
  return toResult(reader, { source, output: reader.read(flags.outputFlag), ...readIngress(reader, 'check') });
}

export function readExplainSettings(given: GivenFlags, environment: Environment): SettingsResult<ExplainSettings> {
  const reader = new FlagReader('explain', given, environment);
  const url = reader.read(flags.urlFlag);
  const chosen = reader.readExclusive([flags.configFlag, flags.manifestsFlag, flags.adminFlag]);
  if (url === '') {
    if (reader.errors.every((error) => !error.startsWith('--url'))) reader.errors.push('--url is needed');
    return { errors: reader.errors };
  }
  const value = chosen?.value ?? '';
  const source: ExplainSettings['source'] =
    chosen?.flag === flags.adminFlag ? { kind: 'admin', url: value } : toFileSource(chosen?.flag, value);
  return toResult(reader, {
    source,
    url,
    method: reader.read(flags.methodFlag),
    headers: reader.readAll(flags.headerFlag),
    clientIp: reader.read(flags.clientIpFlag),
    output: reader.read(flags.outputFlag),
    ...readIngress(reader, 'explain'),
  });
}

export function readCanaryStatusSettings(
  given: GivenFlags,
  environment: Environment,
): SettingsResult<CanaryStatusSettings> {
  const reader = new FlagReader('canary status', given, environment);
  return toResult(reader, {
    admin: reader.read(flags.canaryAdminFlag),
    watch: reader.read(flags.watchFlag),
    output: reader.read(flags.outputFlag),
  });
}

/** API servers speak to nothing but TLS, so each of the two flags is useless without the other. */
function readWebhook(reader: FlagReader): WebhookSettings | null {
  const port = reader.read(webhook.webhookPortFlag);
  const certificateDirectory = reader.read(webhook.webhookCertDirFlag);
  if ((port === null) !== (certificateDirectory === '')) {
    const [missing, given] = port === null ? ['port', 'cert-dir'] : ['cert-dir', 'port'];
    reader.errors.push(`--webhook-${missing} is needed with --webhook-${given}`);
  }
  return port === null ? null : { port, certificateDirectory };
}

/** Beside what it is about, and never inside: every file in there is taken for a manifest. */
function readReleaseState(reader: FlagReader, { kind, path: source }: FileSourceSettings): string | null {
  const given = reader.read(flags.releaseStateFlag);
  if (given === 'off' || source === '') return null;
  const root = resolve(source);
  const file = given === '' ? `${root}.releases.json` : resolve(given);
  const isInside = kind === 'manifests' && file.startsWith(root.endsWith(sep) ? root : root + sep);
  if (isInside || file === root) {
    const place = isInside ? 'is inside --manifests' : 'is what is read';
    reader.errors.push(`--release-state: ${file} ${place}; name a file elsewhere, or "off"`);
  }
  return file;
}

function readFileSource(reader: FlagReader): FileSourceSettings {
  const chosen = reader.readExclusive([flags.configFlag, flags.manifestsFlag]);
  return toFileSource(chosen?.flag, chosen?.value ?? '');
}

function toFileSource(flag: Flag<string> | undefined, path: string): FileSourceSettings {
  return { kind: flag === flags.manifestsFlag ? 'manifests' : 'static', path };
}

function readIngress(reader: FlagReader, mode: Mode): IngressSettings {
  const ingressClass = reader.read(ingress.ingressClassFlag);
  return {
    ingressClass,
    controllerName: reader.read(ingress.controllerNameFlag),
    watchIngressWithoutClass: reader.read(ingress.watchIngressWithoutClassFlag),
    takeEveryIngress: mode !== 'controller' && ingressClass === '',
    annotationsPrefix: reader.read(ingress.annotationsPrefixFlag),
    defaultBackendService: reader.read(ingress.defaultBackendServiceFlag),
    defaultTlsSecret: reader.read(ingress.defaultSslCertificateFlag),
    zone: reader.read(ingress.zoneFlag),
  };
}

function readCommon(reader: FlagReader, mode: Mode): CommonSettings {
  const workers = reader.read(traffic.workersFlag);
  return {
    bind: reader.read(traffic.bindFlag),
    httpPort: reader.read(traffic.httpPortFlag),
    httpsPort: reader.read(traffic.httpsPortFlag),
    advertisedHttpPort: reader.read(traffic.advertisedHttpPortFlag),
    advertisedHttpsPort: reader.read(traffic.advertisedHttpsPortFlag),
    proxyProtocolTrusted: [...new Set(reader.readAll(traffic.proxyProtocolTrustedFlag))],
    trustedProxies: [...new Set(reader.readAll(traffic.trustedProxiesFlag))],
    adminBind: reader.read(traffic.adminBindFlag),
    adminPort: reader.read(traffic.adminPortFlag),
    workers: workers === 'auto' ? availableCpus() : workers,
    maxConnections: reader.read(traffic.maxConnectionsFlag),
    clientLimits: readClientLimits(reader),
    takeover: reader.read(traffic.takeoverFlag),
    shutdownDelayMs: reader.read(traffic.shutdownDelayFlag),
    drainTimeoutMs: reader.read(traffic.drainTimeoutFlag),
    workerHangTimeoutMs: reader.read(traffic.workerHangTimeoutFlag),
    logLevel: reader.read(traffic.logLevelFlag),
    logFormat: reader.read(traffic.logFormatFlag),
    accessLog: reader.read(traffic.accessLogFlag),
    nginxMetrics: reader.read(traffic.nginxMetricsFlag),
    ...readIngress(reader, mode),
  };
}

function toResult<T>(reader: FlagReader, settings: T): SettingsResult<T> {
  return reader.errors.length === 0 ? { settings } : { errors: reader.errors };
}
