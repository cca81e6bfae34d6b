/**
 * Puts the annotations about backends together: the Secret they name, what is checked with it, and what makes it unusable.
 * What cannot be honoured closes the routes, because serving them would trust backends that were not to be trusted.
 */
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { TlsSecretObject } from '../model/objects.ts';
import type { ProblemCode } from '../model/problem.ts';
import { UNVERIFIED_TLS, type UpstreamTlsConfig } from '../model/proxy-config.ts';
import type { BackendSettings } from './annotations/ingress-settings.ts';
import { type BackendTransport, DEFAULT_BACKEND_TRANSPORT, isEncrypted } from './backend-transport.ts';

export interface BackendFault {
  readonly code: ProblemCode;
  /** True: the routes must not be served. */
  readonly closes: boolean;
  /** Of the annotation, without prefix. */
  readonly key: string;
  readonly message: string;
}

export interface ResolvedTransport {
  readonly transport: BackendTransport;
  readonly faults: readonly BackendFault[];
}

/** @param namespace of the Ingress: a Secret of another would let it speak with somebody else's certificate */
export function resolveTransport(
  snapshot: ObjectSnapshot,
  namespace: string,
  settings: BackendSettings,
): ResolvedTransport {
  const { protocol, sendProxyProtocol, sslSecret } = settings;
  if (protocol === null && sendProxyProtocol === 'off' && sslSecret === '') return withoutSecret(settings);
  const plain = { protocol, tls: UNVERIFIED_TLS, tlsKey: '', sendProxyProtocol };
  if (sslSecret === '') return { ...withoutSecret(settings), transport: plain };
  const found = findSecret(snapshot, namespace, settings);
  if ('fault' in found) return { transport: plain, faults: [found.fault] };
  const tls = toTls(settings, found.secret);
  return { transport: { ...plain, tls, tlsKey: toKey(settings) }, faults: findDoubts(settings) };
}

function withoutSecret({ sslVerify }: BackendSettings): ResolvedTransport {
  const message = 'has no effect without proxy-ssl-secret, so backends are not verified';
  const faults = sslVerify ? [doubt('annotation-invalid', 'proxy-ssl-verify', message)] : [];
  return { transport: DEFAULT_BACKEND_TRANSPORT, faults };
}

type Found = { readonly secret: TlsSecretObject } | { readonly fault: BackendFault };

function findSecret(snapshot: ObjectSnapshot, namespace: string, { sslSecret, sslVerify }: BackendSettings): Found {
  if (!sslSecret.startsWith(`${namespace}/`)) {
    return refused('reference-not-found', `secret ${sslSecret} is of another namespace than the ingress`);
  }
  const secret = snapshot.tlsSecrets.get(sslSecret);
  if (secret === undefined) {
    return refused('reference-not-found', `secret ${sslSecret} does not exist, or holds no certificate`);
  }
  if (secret.hasKeyPair && secret.certificate === null) {
    return refused('certificate-invalid', `secret ${sslSecret} cannot be used: ${secret.invalidReason}`);
  }
  if (secret.caPem === null && (sslVerify || !secret.hasKeyPair)) {
    return refused('certificate-invalid', `secret ${sslSecret} cannot be used: ${secret.authoritiesFault}`);
  }
  return { secret };
}

function refused(code: ProblemCode, message: string): Found {
  const consequence = `${message}; every route of this ingress answers 503`;
  return { fault: { code, closes: true, key: 'proxy-ssl-secret', message: consequence } };
}

function toTls(settings: BackendSettings, secret: TlsSecretObject): UpstreamTlsConfig {
  return {
    serverName: settings.sslName,
    sendServerName: settings.sslServerName,
    verify: settings.sslVerify,
    verifyDepth: settings.sslVerifyDepth,
    caPem: secret.caPem,
    clientCertificate: secret.certificate,
    minVersion: settings.sslMinVersion,
    maxVersion: settings.sslMaxVersion,
    ciphers: settings.sslCiphers,
  };
}

/** Everything that changes the connection, in words: what a Secret holds may change under its name. */
function toKey(settings: BackendSettings): string {
  const { sslSecret, sslVerify, sslVerifyDepth, sslName, sslServerName, sslMinVersion, sslMaxVersion } = settings;
  const parts = [`secret=${sslSecret}`];
  if (sslVerify) parts.push(`verify=${sslVerifyDepth}`);
  if (sslName !== '') parts.push(`name=${sslName}`);
  if (sslServerName) parts.push('sni');
  if (sslMinVersion !== 'TLSv1.2' || sslMaxVersion !== 'TLSv1.2') parts.push(`tls=${sslMinVersion}-${sslMaxVersion}`);
  if (settings.sslCiphers !== '') parts.push(`ciphers=${settings.sslCiphers}`);
  return parts.join(',');
}

function findDoubts({ protocol, sslVerify, sslName }: BackendSettings): readonly BackendFault[] {
  const doubts: BackendFault[] = [];
  if (protocol !== null && !isEncrypted(protocol)) {
    const message = `has no effect with backend-protocol ${protocol.toUpperCase()}; TLS is spoken with HTTPS and GRPCS`;
    doubts.push(doubt('annotation-invalid', 'proxy-ssl-secret', message));
  } else if (sslVerify && sslName === '') {
    const message = 'compares certificates with the addresses of endpoints, as there is no proxy-ssl-name';
    doubts.push(doubt('annotation-invalid', 'proxy-ssl-verify', message));
  }
  return doubts;
}

function doubt(code: ProblemCode, key: string, message: string): BackendFault {
  return { code, closes: false, key, message };
}
