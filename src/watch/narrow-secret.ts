/**
 * Narrows an untyped `v1` Secret that holds a certificate; all others are ignored. A broken key pair is not a Problem here:
 * `config/` reports it on the Ingress that wants it, and a Secret nobody refers to bothers nobody.
 */
import type { TlsSecretObject } from '../model/objects.ts';
import { parseKeyPair } from './key-pair.ts';
import { IGNORED, isOpened, isRecord, type JsonRecord, type NarrowResult, openObject } from './narrow-object.ts';

const TLS_TYPE = 'kubernetes.io/tls';
const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';

export function narrowSecret(raw: unknown): NarrowResult<TlsSecretObject> {
  const opened = openObject(raw, { kind: 'Secret', apiVersion: 'v1', namespaced: true });
  // A Secret that cannot even be opened names nothing an Ingress could refer to, and is most likely none of ours.
  if (!isOpened(opened)) return isTlsSecret(raw) ? opened : IGNORED;
  if (!isTlsSecret(raw)) return IGNORED;
  const certificate = readEntry(opened.raw, CERTIFICATE);
  const key = readEntry(opened.raw, KEY);
  if (certificate === null || key === null) {
    const invalidReason = `has no ${certificate === null ? CERTIFICATE : KEY}`;
    return opened.sink.result({ ...opened.meta, certificate: null, invalidReason });
  }
  const parsed = parseKeyPair(certificate, key);
  return opened.sink.result({
    ...opened.meta,
    certificate: 'keyPair' in parsed ? parsed.keyPair : null,
    invalidReason: 'keyPair' in parsed ? '' : parsed.error,
  });
}

function isTlsSecret(raw: unknown): raw is JsonRecord {
  if (!isRecord(raw)) return false;
  return raw['type'] === TLS_TYPE || (readEntry(raw, CERTIFICATE) !== null && readEntry(raw, KEY) !== null);
}

/** `stringData` wins over `data`, as in the API server. Faulty base64 ends as text without a PEM block. */
function readEntry(raw: JsonRecord, entry: string): string | null {
  const text = isRecord(raw['stringData']) ? raw['stringData'][entry] : undefined;
  if (typeof text === 'string') return text;
  const encoded = isRecord(raw['data']) ? raw['data'][entry] : undefined;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('latin1') : null;
}
