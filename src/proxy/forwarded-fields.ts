/** The fields Sluice adds to every request, from what it knows itself and never from what the client claims. */

/** What a connection must know of the listener it came from. */
export interface ListenerFacts {
  readonly name: string;
  readonly encrypted: boolean;
  /** The port clients think they talk to. */
  readonly port: number;
}

/** What is the same for every request of one connection and one `Host`. */
export interface ForwardedFacts {
  readonly clientIp: string;
  readonly encrypted: boolean;
  readonly port: number;
}

/** `X-Real-IP` and `X-Forwarded-*` as lines; `host` is the client's `Host` including its port. */
export function forwardedFields(facts: ForwardedFacts, host: string): string {
  const scheme = facts.encrypted ? 'https' : 'http';
  return (
    `X-Real-IP: ${facts.clientIp}\r\nX-Forwarded-For: ${facts.clientIp}\r\nX-Forwarded-Host: ${host}\r\n` +
    `X-Forwarded-Port: ${facts.port}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Scheme: ${scheme}\r\n` +
    `X-Scheme: ${scheme}\r\n`
  );
}

/** The peer of a socket; an IPv4 peer of a dual-stack socket as plain IPv4. `0.0.0.0` when it is gone already. */
export function toClientIp(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** A copy of its own: a slice would keep the whole head it was cut from alive as long as the connection. */
export function detach(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('latin1');
}
