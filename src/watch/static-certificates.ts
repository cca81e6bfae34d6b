/** Reads and checks the certificate files that a static configuration names: our own, and those clients are judged by. */
import { dirname, resolve } from 'node:path';
import type { KeyPair } from '../model/objects.ts';
import type { ClientCa } from '../model/proxy-config.ts';
import { parseClientCa } from './client-ca.ts';
import { parseKeyPair } from './key-pair.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import type { StaticProblems } from './static-problems.ts';
import { readTextFile } from './text-file.ts';

const MAX_FILE_BYTES = 262_144;

export interface StaticCertificates {
  /** By the field that names them, `listeners[0].tls.certificates[0]`. */
  readonly keyPairs: ReadonlyMap<string, KeyPair>;
  /** By the field that names them, `listeners[0].tls.clientCertificates.caFile`. */
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
  const directory = dirname(resolve(file));
  const keyPairs = new Map<string, KeyPair>();
  const clientCas = new Map<string, ClientCa>();
  const paths: string[] = [];
  for (const { field, certFile, keyFile } of findCertificates(value)) {
    const certPath = resolve(directory, certFile);
    const keyPath = resolve(directory, keyFile);
    paths.push(certPath, keyPath);
    const certPem = await readPem(certPath, `${field}.certFile`, problems);
    const keyPem = await readPem(keyPath, `${field}.keyFile`, problems);
    if (certPem === null || keyPem === null) continue;
    const parsed = parseKeyPair(certPem, keyPem);
    const at = `${field}.certFile`;
    if ('error' in parsed) {
      problems.add({ code: 'certificate-invalid', field: at, message: parsed.error });
      continue;
    }
    keyPairs.set(field, parsed.keyPair);
    if (parsed.keyPair.notAfter >= nowAt) continue;
    const expiredAt = new Date(parsed.keyPair.notAfter).toISOString();
    const message = `expired on ${expiredAt}; clients will refuse it`;
    problems.add({ code: 'certificate-invalid', severity: 'warning', field: at, message });
  }
  for (const { field, caFile } of findClientCas(value)) {
    const path = resolve(directory, caFile);
    paths.push(path);
    const pem = await readPem(path, field, problems);
    const parsed = pem === null ? null : parseClientCa(pem);
    if (parsed === null) continue;
    if ('error' in parsed) problems.add({ code: 'certificate-invalid', field, message: parsed.error });
    else {
      clientCas.set(field, parsed.ca);
      if (parsed.notAfter < nowAt) {
        const message = 'every certificate in it has expired; no client certificate will be valid';
        problems.add({ code: 'certificate-invalid', severity: 'warning', field, message });
      }
    }
  }
  return { keyPairs, clientCas, paths };
}

async function readPem(path: string, field: string, problems: StaticProblems): Promise<string | null> {
  const content = await readTextFile(path, MAX_FILE_BYTES);
  if ('text' in content) return content.text;
  problems.add({ code: 'file-unreadable', field, message: `${path} ${content.error}` });
  return null;
}

function* findTls(value: unknown): Generator<{ field: string; tls: JsonRecord }> {
  const listeners = isRecord(value) ? value['listeners'] : undefined;
  for (const [index, listener] of Array.isArray(listeners) ? listeners.entries() : []) {
    const tls: unknown = isRecord(listener) ? listener['tls'] : undefined;
    if (isRecord(tls)) yield { field: `listeners[${index}].tls`, tls };
  }
}

function* findClientCas(value: unknown): Generator<{ field: string; caFile: string }> {
  for (const { field, tls } of findTls(value)) {
    const entry = tls['clientCertificates'];
    const caFile = isRecord(entry) ? entry['caFile'] : undefined;
    if (typeof caFile === 'string') yield { field: `${field}.clientCertificates.caFile`, caFile };
  }
}

function* findCertificates(value: unknown): Generator<{ field: string; certFile: string; keyFile: string }> {
  for (const { field, tls } of findTls(value)) {
    const certificates = tls['certificates'];
    for (const [place, entry] of Array.isArray(certificates) ? certificates.entries() : []) {
      if (!isRecord(entry)) continue;
      const { certFile, keyFile } = entry;
      if (typeof certFile !== 'string' || typeof keyFile !== 'string') continue;
      yield { field: `${field}.certificates[${place}]`, certFile, keyFile };
    }
  }
}
