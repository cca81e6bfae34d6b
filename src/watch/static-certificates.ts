/** Reads and checks the certificate files that a static configuration names: of listeners and their clients, and towards upstreams. */
import { dirname, resolve } from 'node:path';
import type { KeyPair } from '../model/objects.ts';
import type { ClientCa } from '../model/proxy-config.ts';
import { parseClientCa } from './client-ca.ts';
import { parseAuthorities, parseKeyPair } from './key-pair.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import type { StaticProblems } from './static-problems.ts';
import { readTextFile } from './text-file.ts';

/** As many characters as the parsers take. */
const MAX_FILE_BYTES = 262_144;

export interface StaticCertificates {
  /** By the map that names them, `listeners[0].tls.certificates[0]` or `upstreams.shop.tls`. */
  readonly keyPairs: ReadonlyMap<string, KeyPair>;
  /** PEM of certificates to trust, likewise. */
  readonly authorities: ReadonlyMap<string, string>;
  /** Who must have signed the certificates of clients, by `listeners[0].tls.clientCertificates`. */
  readonly clientCas: ReadonlyMap<string, ClientCa>;
  /** Every file that was looked for. */
  readonly paths: readonly string[];
}

/** `value` is the untyped file: a mistake elsewhere does not keep certificates from being checked. `nowAt` in ms since 1970. */
export async function readCertificates(
  value: unknown,
  file: string,
  problems: StaticProblems,
  nowAt: number,
): Promise<StaticCertificates> {
  const reading = new Reading(dirname(resolve(file)), problems, nowAt);
  for (const [field, names] of certificatesOfListeners(value)) {
    await reading.addKeyPair(field, names, 'clients will refuse it');
  }
  for (const [field, names] of clientCertificatesOfListeners(value)) await reading.addClientCa(field, names);
  for (const [field, names] of tlsOfUpstreams(value)) {
    await reading.addKeyPair(field, names, 'endpoints will refuse it');
    await reading.addAuthorities(field, names);
  }
  return reading;
}

class Reading implements StaticCertificates {
  readonly keyPairs: Map<string, KeyPair> = new Map();
  readonly authorities: Map<string, string> = new Map();
  readonly clientCas: Map<string, ClientCa> = new Map();
  readonly paths: string[] = [];
  readonly #directory: string;
  readonly #problems: StaticProblems;
  readonly #nowAt: number;

  constructor(directory: string, problems: StaticProblems, nowAt: number) {
    this.#directory = directory;
    this.#problems = problems;
    this.#nowAt = nowAt;
  }

  async addKeyPair(field: string, { certFile, keyFile }: JsonRecord, whenExpired: string): Promise<void> {
    if (typeof certFile !== 'string' || typeof keyFile !== 'string') return;
    const at = `${field}.certFile`;
    const certPem = await this.#read(certFile, at);
    const keyPem = await this.#read(keyFile, `${field}.keyFile`);
    if (certPem === null || keyPem === null) return;
    const parsed = parseKeyPair(certPem, keyPem);
    if ('error' in parsed) {
      this.#problems.add({ code: 'certificate-invalid', field: at, message: parsed.error });
      return;
    }
    this.keyPairs.set(field, parsed.keyPair);
    if (parsed.keyPair.notAfter >= this.#nowAt) return;
    const message = `expired on ${new Date(parsed.keyPair.notAfter).toISOString()}; ${whenExpired}`;
    this.#problems.add({ code: 'certificate-invalid', severity: 'warning', field: at, message });
  }

  async addAuthorities(field: string, { caFile }: JsonRecord): Promise<void> {
    if (typeof caFile !== 'string') return;
    const at = `${field}.caFile`;
    const pem = await this.#read(caFile, at);
    if (pem === null) return;
    const parsed = parseAuthorities(pem);
    if ('error' in parsed) this.#problems.add({ code: 'certificate-invalid', field: at, message: parsed.error });
    else this.authorities.set(field, parsed.caPem);
  }

  async addClientCa(field: string, { caFile }: JsonRecord): Promise<void> {
    if (typeof caFile !== 'string') return;
    const at = `${field}.caFile`;
    const pem = await this.#read(caFile, at);
    const parsed = pem === null ? null : parseClientCa(pem);
    if (parsed === null) return;
    if ('error' in parsed) {
      this.#problems.add({ code: 'certificate-invalid', field: at, message: parsed.error });
      return;
    }
    this.clientCas.set(field, parsed.ca);
    if (parsed.notAfter >= this.#nowAt) return;
    const message = 'every certificate in it has expired; no client certificate will be valid';
    this.#problems.add({ code: 'certificate-invalid', severity: 'warning', field: at, message });
  }

  async #read(name: string, field: string): Promise<string | null> {
    const path = resolve(this.#directory, name);
    this.paths.push(path);
    const content = await readTextFile(path, MAX_FILE_BYTES);
    if ('text' in content) return content.text;
    this.#problems.add({ code: 'file-unreadable', field, message: `${path} ${content.error}` });
    return null;
  }
}

function* tlsOfListeners(value: unknown): Generator<[string, JsonRecord]> {
  const listeners = isRecord(value) ? value['listeners'] : undefined;
  for (const [index, listener] of Array.isArray(listeners) ? listeners.entries() : []) {
    const tls: unknown = isRecord(listener) ? listener['tls'] : undefined;
    if (isRecord(tls)) yield [`listeners[${index}].tls`, tls];
  }
}

function* certificatesOfListeners(value: unknown): Generator<[string, JsonRecord]> {
  for (const [field, { certificates }] of tlsOfListeners(value)) {
    for (const [place, entry] of Array.isArray(certificates) ? certificates.entries() : []) {
      if (isRecord(entry)) yield [`${field}.certificates[${place}]`, entry];
    }
  }
}

function* clientCertificatesOfListeners(value: unknown): Generator<[string, JsonRecord]> {
  for (const [field, { clientCertificates }] of tlsOfListeners(value)) {
    if (isRecord(clientCertificates)) yield [`${field}.clientCertificates`, clientCertificates];
  }
}

function* tlsOfUpstreams(value: unknown): Generator<[string, JsonRecord]> {
  const upstreams = isRecord(value) ? value['upstreams'] : undefined;
  for (const [name, upstream] of isRecord(upstreams) ? Object.entries(upstreams) : []) {
    const tls = isRecord(upstream) ? upstream['tls'] : undefined;
    if (isRecord(tls)) yield [`upstreams.${name}.tls`, tls];
  }
}
