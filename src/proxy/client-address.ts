/**
 * Who the client is when proxies in front of us say so in `X-Forwarded-For` or `Forwarded`. Both lists are read from the
 * right, where the nearest proxy wrote, and only as far as the writers are trusted (RFC 7239 §8.1): what a client put there
 * itself stands further left and is never reached. Hot where forwarded headers are trusted.
 *
 * An element is an IP literal, with an optional port that is ignored: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`,
 * `[2001:db8::1]`, `[2001:db8::1]:4711`. Everything else (`unknown`, `_hidden`, names, zones, octal octets) ends the walk:
 * then the client is the last proxy that was believed.
 */
import { parseIpv4, parseIpv6, toCanonicalIpv6 } from '../model/ip-address.ts';
import type { IpNetworks } from '../model/ip-networks.ts';
import { trimBlanks } from './http1/field-list.ts';

/** Elements looked at, empty ones included; longer chains of trusted proxies do not exist. */
export const MAX_ELEMENTS = 64;

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;

/** RFC 7239 §6: `:` and 1 to 5 digits, or an obfuscated port. */
const PORT = /^:(?:\d{1,5}|_[\w.-]+)$/;
/**
 * One `name=value` of an element and the `;` behind it, or nothing at its end. More than RFC 7239 §4 in one point: a value
 * that lacks its quotes may hold any visible character, because many proxies write `for=192.0.2.1:4711` like that.
 */
const PAIR = /[\t ]*(?:([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;\\]+)))?[\t ]*(;|$)/y;

/** How a list is cut into elements and what an element says; neither sees more than it needs. */
interface ListSyntax {
  /** Where the element that ends at `end` begins. */
  readonly elementStart: (list: string, end: number) => number;
  /** The canonical address an element names; empty when it names none. */
  readonly toAddress: (element: string) => string;
}

const X_FORWARDED_FOR: ListSyntax = {
  elementStart: (list, end) => list.lastIndexOf(',', end - 1) + 1,
  toAddress: toNodeAddress,
};

const SAYS_NOTHING = { proto: '', host: '' };

const FORWARDED: ListSyntax = { elementStart: forwardedElementStart, toAddress: forwardedForAddress };

/**
 * @param peer who sent the request: the socket's peer, or the source of its PROXY header
 * @param forwardedFor the values of all `X-Forwarded-For` lines, joined with commas; may be empty
 * @returns `peer` as it is, or a canonical IP literal
 */
export function resolveClientAddress(peer: string, forwardedFor: string, trusted: IpNetworks): string {
  return walk(peer, forwardedFor, trusted, X_FORWARDED_FOR);
}

/** The same by the `for` parameters of `Forwarded` (RFC 7239). An element without one ends the walk. */
export function resolveForwardedAddress(peer: string, forwarded: string, trusted: IpNetworks): string {
  return walk(peer, forwarded, trusted, FORWARDED);
}

/** What the peer itself wrote: the `proto` and `host` of the last element of `Forwarded`; empty = it did not say. */
export function nearestForwarded(forwarded: string): { readonly proto: string; readonly host: string } {
  if (forwarded === '') return SAYS_NOTHING;
  const element = trimBlanks(forwarded.slice(forwardedElementStart(forwarded, forwarded.length)));
  return { proto: readParameter(element, 'proto'), host: readParameter(element, 'host') };
}

function walk(peer: string, list: string, trusted: IpNetworks, syntax: ListSyntax): string {
  let address = peer;
  let end = list.length;
  for (let count = 0; end > 0 && count < MAX_ELEMENTS && trusted.contains(address); ) {
    const start = syntax.elementStart(list, end);
    const element = trimBlanks(list.slice(start, end));
    end = start - 1;
    count++;
    // RFC 9110 §5.6.1.2: empty elements do not count as elements.
    if (element === '') continue;
    const next = syntax.toAddress(element);
    if (next === '') return address;
    address = next;
  }
  return address;
}

function toNodeAddress(node: string): string {
  if (node.startsWith('[')) {
    const close = node.indexOf(']');
    if (close === -1 || !isPortOrNothing(node, close + 1)) return '';
    return ipv6Address(node.slice(1, close));
  }
  const colon = node.indexOf(':');
  if (colon !== -1 && colon !== node.lastIndexOf(':')) return ipv6Address(node);
  const address = colon === -1 ? node : node.slice(0, colon);
  if (parseIpv4(address) === -1) return '';
  return colon === -1 || isPortOrNothing(node, colon) ? address : '';
}

function ipv6Address(text: string): string {
  const groups = parseIpv6(text);
  return groups === null ? '' : toCanonicalIpv6(groups);
}

function isPortOrNothing(node: string, at: number): boolean {
  return at === node.length || PORT.test(node.slice(at));
}

/**
 * Read from the right like the walk itself: an open quote that a client sent cannot swallow the element a trusted proxy
 * appended, which is whole in itself and whose own opening quote is met first.
 */
function forwardedElementStart(list: string, end: number): number {
  let quoted = false;
  for (let at = end - 1; at >= 0; at--) {
    const code = list.charCodeAt(at);
    // Inside a quoted string every quote is escaped; the one that opens it stands behind `=`.
    if (code === QUOTE && !(quoted && list.charCodeAt(at - 1) === BACKSLASH)) quoted = !quoted;
    else if (code === COMMA && !quoted) return at + 1;
  }
  return 0;
}

function forwardedForAddress(element: string): string {
  return toNodeAddress(readParameter(element, 'for'));
}

/** Empty when an element lacks it, is malformed, or has it twice: each at most once (RFC 7239 §4), and two answers are none. */
function readParameter(element: string, lowerCaseName: string): string {
  let value = '';
  PAIR.lastIndex = 0;
  for (;;) {
    const pair = PAIR.exec(element);
    if (pair === null) return '';
    if (pair[1]?.toLowerCase() === lowerCaseName) {
      if (value !== '') return '';
      value = pair[3] ?? (pair[2] ?? '').replaceAll(/\\(.)/g, '$1');
      if (value === '') return '';
    }
    if (pair[4] === '') return value;
  }
}
