/**
 * Two passes: which certificate each host is served with, and the certificates this takes. A host whose own certificate is missing or wrong is served with the
 * default one; only what the chosen Secrets hold leaves the snapshot.
 */
import { type ObjectKey, type ObjectRef, toObjectKey } from '../../model/object-ref.ts';
import type { IngressTls, KeyPair, TlsSecretObject } from '../../model/objects.ts';
import type { CertificateConfig } from '../../model/proxy-config.ts';
import { certificateCovers } from '../certificate-covers.ts';
import { type AcceptedIngress, type Draft, warn } from '../draft.ts';

export function chooseSecrets(draft: Draft): void {
  const decided = new Set<string>();
  for (const ingress of draft.ingresses) {
    const { object } = ingress;
    if (object.tls.length === 0) continue;
    object.tls.forEach((entry) => reportSecret(draft, ingress, entry));
    // Decided once, by the oldest Ingress of the host that speaks of TLS. The catch-all always has the default certificate.
    for (const host of new Set(object.rules.map((rule) => rule.host.toLowerCase()))) {
      if (host === '' || decided.has(host)) continue;
      decided.add(host);
      addTo(draft.secretHosts, chooseSecret(draft, ingress, host), host);
    }
  }
}

export function addCertificates(draft: Draft): void {
  for (const [secretKey, hosts] of draft.secretHosts) {
    const secret = secretKey === null ? undefined : draft.snapshot.tlsSecrets.get(secretKey);
    if (secret?.certificate) {
      draft.certificates.push(toCertificate(secret.key, secret.certificate, secretRef(secret), hosts.toSorted()));
    }
  }
  addDefault(draft, (draft.secretHosts.get(null) ?? []).toSorted());
}

function addTo(secretHosts: Draft['secretHosts'], secretKey: ObjectKey | null, host: string): void {
  const hosts = secretHosts.get(secretKey);
  if (hosts === undefined) secretHosts.set(secretKey, [host]);
  else hosts.push(host);
}

/** Once per entry, whatever hosts it is meant for. */
function reportSecret(draft: Draft, ingress: AcceptedIngress, entry: IngressTls): void {
  if (entry.secretName === '') return;
  const key = toObjectKey(ingress.object.namespace, entry.secretName);
  const secret = draft.snapshot.tlsSecrets.get(key);
  if (secret?.certificate) return;
  const field = `spec.tls[${entry.place}].secretName`;
  const consequence = 'the default certificate is used';
  if (secret === undefined) {
    const message = `secret ${key} does not exist or holds no certificate; ${consequence}`;
    warn(draft, 'reference-not-found', ingress.ref, field, message);
  } else {
    warn(draft, 'certificate-invalid', ingress.ref, field, `secret ${key} ${secret.invalidReason}; ${consequence}`);
  }
}

/** Null: the default certificate. */
function chooseSecret(draft: Draft, ingress: AcceptedIngress, host: string): ObjectKey | null {
  const { tls, namespace } = ingress.object;
  const named = tls.find((entry) => entry.hosts.some((name) => name.toLowerCase() === host));
  if (named === undefined) return findCovering(draft, ingress, host);
  if (named.secretName === '') return null;
  const key = toObjectKey(namespace, named.secretName);
  const certificate = draft.snapshot.tlsSecrets.get(key)?.certificate;
  if (!certificate) return null;
  if (certificateCovers(certificate.dnsNames, host)) return key;
  const names = certificate.dnsNames.slice(0, 5).join(', ');
  const message = `the certificate of secret ${key} is for ${names || 'no name'}, not for ${host}; the default certificate is used`;
  warn(draft, 'certificate-mismatch', ingress.ref, `spec.tls[${named.place}].secretName`, message);
  return null;
}

/** No entry names the host: the first Secret whose certificate is good for it. */
function findCovering(draft: Draft, ingress: AcceptedIngress, host: string): ObjectKey | null {
  for (const entry of ingress.object.tls) {
    const key = toObjectKey(ingress.object.namespace, entry.secretName);
    const certificate = draft.snapshot.tlsSecrets.get(key)?.certificate;
    if (certificate && certificateCovers(certificate.dnsNames, host)) return key;
  }
  return null;
}

/** Hosts that have to make do with the default certificate are listed, so that no wildcard certificate takes them. */
function addDefault(draft: Draft, hosts: readonly string[]): void {
  const secret = findDefaultSecret(draft);
  if (secret?.certificate) {
    const index = draft.certificates.findIndex((certificate) => certificate.id === secret.key);
    const known = index === -1 ? [] : draft.certificates.splice(index, 1).flatMap((certificate) => certificate.hosts);
    const all = [...known, ...hosts].toSorted();
    draft.certificates.push({
      ...toCertificate(secret.key, secret.certificate, secretRef(secret), all),
      isDefault: true,
    });
    return;
  }
  const { fallbackCertificate } = draft.settings;
  if (fallbackCertificate === null || draft.certificates.some((certificate) => certificate.isDefault)) return;
  const source: ObjectRef = { kind: 'Settings', namespace: '', name: 'fallback' };
  draft.certificates.push({ ...toCertificate('fallback', fallbackCertificate, source, hosts), isDefault: true });
}

function findDefaultSecret(draft: Draft): TlsSecretObject | null {
  const key = draft.settings.defaultTlsSecret;
  if (key === '' || draft.snapshot.staticConfig !== null) return null;
  const secret = draft.snapshot.tlsSecrets.get(key);
  if (secret?.certificate) return secret;
  const [namespace = '', name = ''] = key.split('/');
  const source: ObjectRef = { kind: 'Secret', namespace, name };
  const consequence = 'a self-made default certificate is used';
  if (secret === undefined) {
    warn(draft, 'reference-not-found', source, '', `default certificate secret ${key} does not exist; ${consequence}`);
  } else {
    const message = `default certificate secret ${key} ${secret.invalidReason}; ${consequence}`;
    warn(draft, 'certificate-invalid', source, '', message);
  }
  return null;
}

function secretRef(secret: TlsSecretObject): ObjectRef {
  return { kind: 'Secret', namespace: secret.namespace, name: secret.name };
}

export function toCertificate(
  id: string,
  pair: KeyPair,
  source: ObjectRef,
  hosts: readonly string[],
): CertificateConfig {
  const { certPem, keyPem, fingerprint, dnsNames, notAfter } = pair;
  return { id, hosts, isDefault: false, certPem, keyPem, fingerprint, dnsNames, notAfter, source };
}
