/**
 * Which hosts of a listener ask for a client certificate, and of whom it must be. Leaves the handshake and the verdict on
 * a connection to `proxy/tls/`.
 */
import type { ClientCa, ClientCertificateRule, ListenerConfig } from '../model/proxy-config.ts';
import { HostIndex } from '../router/host-index.ts';

/** By listener name; those without rules are not in it. Null where no listener has any, so that requests pay nothing. */
export type ClientCertificates = ReadonlyMap<string, ClientCertificateRules>;

export class ClientCertificateRules {
  /**
   * The one authority all rules of the listener agree on; null where there are several. Only then a session may be resumed:
   * it remembers that its certificate was found good, and not by whom.
   */
  readonly soleCa: ClientCa | null;
  /** The same for the same rules. */
  readonly key: string;
  readonly #byHost: HostIndex<ClientCertificateRule>;

  /** @param rules at least one */
  constructor(rules: readonly ClientCertificateRule[]) {
    const hosts = new Map<string, ClientCertificateRule>();
    for (const rule of rules) {
      for (const host of rule.hosts) if (!hosts.has(host)) hosts.set(host, rule);
    }
    const [first] = rules;
    const sole = first !== undefined && rules.every(({ ca }) => ca.fingerprint === first.ca.fingerprint);
    this.soleCa = sole ? first.ca : null;
    this.key = JSON.stringify(
      rules.map((rule) => [rule.hosts, rule.mode, rule.ca.fingerprint, rule.forwardCertificate]),
    );
    this.#byHost = new HostIndex(hosts);
  }

  /** @param host as hosts are compared; empty = none was named. Null: clients of this host are not asked. */
  ruleFor(host: string): ClientCertificateRule | null {
    return this.#byHost.find(host);
  }
}

export function buildClientCertificates(listeners: readonly ListenerConfig[]): ClientCertificates | null {
  const asking = listeners.filter(({ clientCertificates }) => clientCertificates.length > 0);
  if (asking.length === 0) return null;
  return new Map(asking.map(({ name, clientCertificates }) => [name, new ClientCertificateRules(clientCertificates)]));
}
