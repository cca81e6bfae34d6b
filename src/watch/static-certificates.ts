/** Reads and checks the certificate files that a static configuration names. */
import { dirname, resolve } from 'node:path';
import type { KeyPair } from '../model/objects.ts';
import { parseKeyPair } from './key-pair.ts';
import { isRecord } from './narrow-object.ts';
import type { StaticProblems } from './static-problems.ts';
import { readTextFile } from './text-file.ts';

const MAX_FILE_BYTES = 262_144;

export interface StaticCertificates {
  /** By the field that names them, `listeners[0].tls.certificates[0]`. */
  readonly keyPairs: ReadonlyMap<string, KeyPair>;
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
  return { keyPairs, paths };
}

async function readPem(path: string, field: string, problems: StaticProblems): Promise<string | null> {
  const content = await readTextFile(path, MAX_FILE_BYTES);
  if ('text' in content) return content.text;
  problems.add({ code: 'file-unreadable', field, message: `${path} ${content.error}` });
  return null;
}

function* findCertificates(value: unknown): Generator<{ field: string; certFile: string; keyFile: string }> {
  const listeners = isRecord(value) ? value['listeners'] : undefined;
  for (const [index, listener] of Array.isArray(listeners) ? listeners.entries() : []) {
    const tls: unknown = isRecord(listener) ? listener['tls'] : undefined;
    const certificates = isRecord(tls) ? tls['certificates'] : undefined;
    for (const [place, entry] of Array.isArray(certificates) ? certificates.entries() : []) {
      if (!isRecord(entry)) continue;
      const { certFile, keyFile } = entry;
      if (typeof certFile !== 'string' || typeof keyFile !== 'string') continue;
      yield { field: `listeners[${index}].tls.certificates[${place}]`, certFile, keyFile };
    }
  }
}
