/** Reads `address:port` of a static endpoint: an IP address or a host name that the resolver will know. */
import { isIP, SocketAddress } from 'node:net';
import { isPortNumber } from './dns-name.ts';

export const ENDPOINT_ADDRESS_FORM =
  '`address:port`, such as `10.0.0.7:8080`, `[2001:db8::7]:8080` or `shop.internal:8080`';

/** Names of containers and services may hold underscores, which DNS names in the narrow sense may not. */
const HOST_NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const MAX_HOST_NAME = 253;
const ADDRESS_AND_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

/** Canonical: lower case, IPv6 compressed and without brackets. Null when `text` is no address with a port. */
export function parseEndpointAddress(text: string): { readonly address: string; readonly port: number } | null {
  const [, bracketed, bare, digits] = ADDRESS_AND_PORT.exec(text) ?? [];
  const port = Number(digits);
  if (!isPortNumber(port)) return null;
  const address = bracketed === undefined ? toHost(bare ?? '') : toIpv6(bracketed);
  return address === null ? null : { address, port };
}

function toIpv6(text: string): string | null {
  if (isIP(text) !== 6 || text.includes('%')) return null;
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}

function toHost(text: string): string | null {
  const host = text.toLowerCase();
  if (isIP(host) === 4) return host;
  // Digits and dots that are no IPv4 address were meant to be one.
  if (host.length > MAX_HOST_NAME || /^[\d.]+$/.test(host)) return null;
  return HOST_NAME.test(host) ? host : null;
}
