/** Reads a configuration from files once and compiles it, for the commands that look and do not serve. */
import { compile } from '../config/compile.ts';
import { NULL_LOGGER } from '../log/logger.ts';
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import type { ListenerConfig, ProxyConfig } from '../model/proxy-config.ts';
import { ManifestSource } from '../watch/manifest-source.ts';
import type { ConfigSource } from '../watch/source.ts';
import { StaticSource } from '../watch/static-source.ts';
import { toCompileSettings } from './compile-settings.ts';
import type { FileSourceSettings, IngressSettings } from './settings.ts';

export type Locate = (source: ObjectRef, field: string) => FileLocation | null;

export interface LoadedConfig {
  /** Null when what is written there cannot become a configuration at all; `problems` says why. */
  readonly config: ProxyConfig | null;
  readonly problems: readonly Problem[];
  readonly locate: Locate;
}

/** What is bound does not matter here; that there is a listener of each kind does. */
const ANY = {
  address: '0.0.0.0',
  advertisedPort: 0,
  proxyProtocol: null,
  trustedProxies: [],
  clientCertificates: [],
};
const LISTENERS: readonly ListenerConfig[] = [
  { name: 'http', protocol: 'http', port: 8080, ...ANY },
  { name: 'https', protocol: 'https', port: 8443, ...ANY },
];

export async function loadConfig(
  settings: IngressSettings & { readonly source: FileSourceSettings },
): Promise<LoadedConfig> {
  const source = openSource(settings.source);
  const locate: Locate = (ref, field) => source.locate(ref, field);
  const read = await readOnce(source);
  if ('problems' in read) return { config: null, problems: read.problems, locate };
  const config = compile(
    read.snapshot,
    toCompileSettings(settings, { fallbackCertificate: null, listeners: LISTENERS }),
  );
  return { config, problems: config.problems, locate };
}

function openSource({ kind, path }: FileSourceSettings): ConfigSource {
  // What a source would log stands in its problems, too.
  if (kind === 'manifests') return new ManifestSource(path, NULL_LOGGER);
  return new StaticSource(path, NULL_LOGGER);
}

type ReadResult = { readonly snapshot: ObjectSnapshot } | { readonly problems: readonly Problem[] };

async function readOnce(source: ConfigSource): Promise<ReadResult> {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<ReadResult>();
  const listener = {
    onSnapshot: (snapshot: ObjectSnapshot): void => resolve({ snapshot }),
    onInvalid: (problems: readonly Problem[]): void => resolve({ problems }),
  };
  await source.start(listener, abort.signal, { once: true });
  const result = await promise;
  abort.abort();
  return result;
}
