/**
 * Narrows an untyped `v1` Secret that holds certificates; all others are ignored. A broken key pair is not a Problem here:
 * `config/` reports it on the Ingress that wants it, and a Secret nobody refers to bothers nobody.
 */
import type { TlsSecretObject } from '../model/objects.ts';
import { parseAuthorities, parseKeyPair } from './key-pair.ts';
import { IGNORED, isOpened, isRecord, type JsonRecord, type NarrowResult, openObject } from './narrow-object.ts';

const TLS_TYPE = 'kubernetes.io/tls';
/** Holds a `ca.crt` too, that of the cluster. */
const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const CERTIFICATE = 'tls.crt';
const KEY = 'tls.key';
const AUTHORITIES = 'ca.crt';

export function narrowSecret(raw: unknown): NarrowResult<TlsSecretObject> {
  const opened = openObject(raw, { kind: 'Secret', apiVersion: 'v1', namespaced: true });
  // A Secret that cannot even be opened names nothing an Ingress could refer to, and is most likely none of ours.
  if (!isOpened(opened)) return isTlsSecret(raw) ? opened : IGNORED;
  if (!isTlsSecret(raw)) return IGNORED;
  return opened.sink.result({ ...opened.meta, ...narrowKeyPair(opened.raw), ...narrowAuthorities(opened.raw) });
}

function narrowKeyPair(raw: JsonRecord): Pick<TlsSecretObject, 'certificate' | 'invalidReason' | 'hasKeyPair'> {
  const certificate = readEntry(raw, CERTIFICATE);
  const key = readEntry(raw, KEY);
  const hasKeyPair = certificate !== null || key !== null;
  if (certificate === null || key === null) {
    return { certificate: null, invalidReason: `has no ${certificate === null ? CERTIFICATE : KEY}`, hasKeyPair };
  }
  const parsed = parseKeyPair(certificate, key);
  return 'keyPair' in parsed
    ? { certificate: parsed.keyPair, invalidReason: '', hasKeyPair }
    : { certificate: null, invalidReason: parsed.error, hasKeyPair };
}

function narrowAuthorities(raw: JsonRecord): Pick<TlsSecretObject, 'caPem' | 'authoritiesFault'> {
  const pem = readEntry(raw, AUTHORITIES);
  if (pem === null) return { caPem: null, authoritiesFault: `has no ${AUTHORITIES}` };
  const parsed = parseAuthorities(pem);
  return 'caPem' in parsed
    ? { caPem: parsed.caPem, authoritiesFault: '' }
    : { caPem: null, authoritiesFault: `${AUTHORITIES} ${parsed.error}` };
}

function isTlsSecret(raw: unknown): raw is JsonRecord {
  if (!isRecord(raw) || raw['type'] === TOKEN_TYPE) return false;
  if (raw['type'] === TLS_TYPE || readEntry(raw, AUTHORITIES) !== null) return true;
  return readEntry(raw, CERTIFICATE) !== null && readEntry(raw, KEY) !== null;
}

/** `stringData` wins over `data`, as in the API server. Faulty base64 ends as text without a PEM block. */
function readEntry(raw: JsonRecord, entry: string): string | null {
  const text = isRecord(raw['stringData']) ? raw['stringData'][entry] : undefined;
  if (typeof text === 'string') return text;
  const encoded = isRecord(raw['data']) ? raw['data'][entry] : undefined;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('latin1') : null;
}
