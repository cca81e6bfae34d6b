/**
 * The field names an encoder knows: their static index, and how a field of this name may be written.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */
import { STATIC_ENTRIES, STATIC_NAMES } from './static-table.ts';

/** Nothing is put into the peer's table: the value is different each time. */
export const PLAIN = 0;
/**
 * Literal that is never indexed, at no hop (RFC 7541 §6.2.3, §7.1.3): secrets. Fields that are not known here are written
 * like this too: the sender may have asked for it, and a field that came with this mark must keep it.
 */
export const NEVER_INDEXED = 1;
/** From here on: indexed when the same value comes again. Each name has a number of its own from `INDEXED` up. */
export const INDEXED = 2;

const SECRET_NAMES: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie'];

const INDEXED_NAMES: readonly string[] = `
:authority accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-origin allow
cache-control content-encoding content-language content-type date expires server strict-transport-security
user-agent vary via`
  .trim()
  .split(/\s+/);

/** Not in the static table, but as common as what is. */
const MORE_INDEXED_NAMES: readonly string[] = `
access-control-allow-credentials access-control-allow-headers access-control-allow-methods
access-control-expose-headers alt-svc content-security-policy grpc-accept-encoding grpc-encoding grpc-status
permissions-policy priority referrer-policy sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest
sec-fetch-mode sec-fetch-site te upgrade-insecure-requests x-content-type-options x-forwarded-for
x-forwarded-host x-forwarded-port x-forwarded-proto x-forwarded-scheme x-frame-options x-powered-by x-real-ip
x-scheme x-xss-protection`
  .trim()
  .split(/\s+/);

/** Names by number: static ones have the first index of their name, the others follow. */
export const KNOWN_NAMES: readonly string[] = [...STATIC_NAMES, ...MORE_INDEXED_NAMES];

/** By number of the name: `PLAIN`, `NEVER_INDEXED`, or `INDEXED` and above. */
export const HANDLING: Uint8Array = new Uint8Array(KNOWN_NAMES.length);

export const INDEXED_COUNT: number = INDEXED_NAMES.length + MORE_INDEXED_NAMES.length;

const SLOTS = 256;

/** Number of each name, by `slotOf`; 0 where there is none. A test holds that no two names meet. */
const NUMBERS: Uint8Array = new Uint8Array(SLOTS);

for (let number = KNOWN_NAMES.length - 1; number > 0; number--) NUMBERS[slotOf(KNOWN_NAMES[number] as string)] = number;
HANDLING[0] = NEVER_INDEXED;
for (const name of SECRET_NAMES) HANDLING[findName(name)] = NEVER_INDEXED;
for (const [at, name] of [...INDEXED_NAMES, ...MORE_INDEXED_NAMES].entries()) HANDLING[findName(name)] = INDEXED + at;

/**
 * @param name lower case, not empty
 * @returns the number of the name, 0 if it is not known
 */
export function findName(name: string): number {
  const number = NUMBERS[slotOf(name)] as number;
  return number !== 0 && KNOWN_NAMES[number] === name ? number : 0;
}

/** Index of the name in the static table, 0 if it is not there. */
export function staticIndexOf(number: number): number {
  return number <= STATIC_ENTRIES ? number : 0;
}

/**
 * Length and three characters tell the known names apart; the factors were found by trying. A `Map` would first hash all
 * of a name that was just cut out of a head.
 */
function slotOf(name: string): number {
  const { length } = name;
  const late = name.charCodeAt(length - 2) * 37 + name.charCodeAt(length - 1) * 35;
  return (length * 7 + late + name.charCodeAt(length >> 1)) & (SLOTS - 1);
}
