/**
 * What a TLS connection knows of its client from the certificate it was asked for, and whether a request to a host may go
 * on with that. Asked for each request: a handshake says nothing about the hosts of later requests, and a resumed one has
 * not looked at names at all (`docs/adr/0011-shared-ticket-keys.md`).
 */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificateRules, ClientCertificates } from '../../live/client-certificates.ts';
import type { ClientCertificateRule } from '../../model/proxy-config.ts';
import { type LocalResponse, localResponse, refusal } from '../error-response.ts';

/** What upstreams are told; the same words as in the nginx dialect. */
const NONE = 'NONE';
const SUCCESS = 'SUCCESS';

export class ClientIdentity {
  /** `SUCCESS`, `NONE`, or `FAILED:` and a reason. */
  readonly verdict: string;
  /** By which authority the certificate was judged, by fingerprint; empty = the name asked for has no rule. */
  readonly #caFingerprint: string;
  /** The name that was asked for is not known, only that the listener has no other authority than this one. */
  readonly #unnamed: boolean;
  readonly #certificate: X509Certificate | null;

  /** @param rules those the handshake was made under */
  constructor(socket: TLSSocket, rules: ClientCertificateRules) {
    // TLS 1.2 does not tell the name of a session that is resumed, and without a sole authority none is.
    this.#unnamed = socket.isSessionReused() && !socket.servername && rules.soleCa !== null;
    const rule = rules.ruleFor(toServerName(socket.servername));
    this.#caFingerprint = (this.#unnamed ? rules.soleCa : rule?.ca)?.fingerprint ?? '';
    this.#certificate = this.#caFingerprint === '' ? null : (socket.getPeerX509Certificate() ?? null);
    this.verdict = this.#certificate === null ? NONE : judge(socket, this.#certificate);
  }

  /** Whether this connection is good for hosts of a rule; null = hosts without one. */
  belongsTo(rule: ClientCertificateRule | null): boolean {
    if (rule === null) return this.#unnamed || this.#caFingerprint === '';
    return rule.ca.fingerprint === this.#caFingerprint;
  }

  /** Lines for upstreams. */
  fieldsFor(rule: ClientCertificateRule): string {
    let fields = `ssl-client-verify: ${this.verdict}\r\n`;
    const certificate = this.#certificate;
    if (certificate === null) return fields;
    fields += `ssl-client-subject-dn: ${toDistinguishedName(certificate.subject)}\r\n`;
    fields += `ssl-client-issuer-dn: ${toDistinguishedName(certificate.issuer)}\r\n`;
    if (rule.forwardCertificate) fields += `ssl-client-cert: ${encodeURIComponent(certificate.toString())}\r\n`;
    return fields;
  }
}

/** What a request comes over. */
export interface IdentifiedOrigin {
  readonly listener: string;
  readonly routingHost: string;
  readonly identity: ClientIdentity | null;
}

/** @returns the answer a request gets instead of being routed; null: it may go on */
export function refuseClient(clientCertificates: ClientCertificates, origin: IdentifiedOrigin): LocalResponse | null {
  const { identity } = origin;
  const rules = clientCertificates.get(origin.listener);
  if (rules === undefined) return null;
  const rule = rules.ruleFor(origin.routingHost);
  // Without an identity the connection is older than the rules. A new one is asked what this one was not (RFC 9110 §15.5.20).
  if (identity === null) return rule === null ? null : localResponse(421);
  if (!identity.belongsTo(rule)) return localResponse(421);
  if (rule === null || identity.verdict === SUCCESS) return null;
  if (identity.verdict !== NONE) return refusal(400, 'The SSL certificate error');
  return rule.mode === 'require' ? refusal(400, 'No required SSL certificate was sent') : null;
}

/** Lines about the client for a request that may go on; none where its host has no rule. */
export function identityFields(clientCertificates: ClientCertificates | null, origin: IdentifiedOrigin): string {
  const { identity } = origin;
  const rule = identity === null ? null : clientCertificates?.get(origin.listener)?.ruleFor(origin.routingHost);
  return identity === null || !rule || !identity.belongsTo(rule) ? '' : identity.fieldsFor(rule);
}

/** SNI as hosts are compared. */
export function toServerName(name: string | false | null | undefined): string {
  if (!name) return '';
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/**
 * OpenSSL found what was sent good or not. A resumed session without a certificate counts as `authorized`, so this is to
 * be asked of certificates only; and it remembers a verdict that time may have made wrong.
 */
function judge(socket: TLSSocket, certificate: X509Certificate): string {
  if (!socket.authorized) {
    const reason = String(socket.authorizationError ?? 'unknown reason');
    return `FAILED:${reason.toLowerCase().replaceAll(/[^a-z0-9]+/g, ' ')}`;
  }
  return certificate.validToDate.getTime() < Date.now() ? 'FAILED:certificate has expired' : SUCCESS;
}

/** From one `type=value` a line, the root first, to RFC 2253; bytes outside ASCII are escaped as it allows. */
export function toDistinguishedName(lines: string | undefined): string {
  const parts = (lines ?? '').split('\n').filter((line) => line !== '');
  const name = parts.toReversed().join(',').replaceAll(' + ', '+');
  let escaped = '';
  for (const char of name) escaped += char >= ' ' && char <= '~' ? char : escapeBytes(char);
  return escaped;
}

function escapeBytes(char: string): string {
  let escaped = '';
  for (const byte of Buffer.from(char)) escaped += `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return escaped;
}
