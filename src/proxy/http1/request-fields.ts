/**
 * The request fields that do not simply pass, and what each means to the heads of all protocols.
 * Hot: guarded by `bench/micro/head.bench.ts`.
 */
import { DROP, type FieldTable, PASS } from './field-table.ts';

// What a field means, beyond `PASS` and `DROP`.
export const HOST = 2;
export const CONTENT_LENGTH = 3;
export const TRANSFER_ENCODING = 4;
export const CONNECTION = 5;
export const UPGRADE = 6;
export const EXPECT = 7;
export const FORWARDED_FOR = 8;
export const FORWARDED_HOST = 9;
export const REQUEST_ID = 10;
export const AUTHORIZATION = 11;
export const MAX_FORWARDS = 12;

interface KnownField {
  readonly name: string;
  readonly kind: number;
}

/**
 * Fields that do not simply pass, whatever the protocol. Dropped are those of one connection (RFC 9110 §7.6.1), those we
 * set ourselves, and `Proxy` (CVE-2016-5385).
 */
export const KNOWN_FIELDS: readonly (readonly [name: string, kind: number])[] = [
  ['te', DROP],
  ['host', HOST],
  ['proxy', DROP],
  ['expect', EXPECT],
  ['upgrade', UPGRADE],
  ['trailer', DROP],
  ['x-scheme', DROP],
  ['x-real-ip', DROP],
  ['forwarded', DROP],
  ['connection', CONNECTION],
  ['keep-alive', DROP],
  ['max-forwards', MAX_FORWARDS],
  ['x-request-id', REQUEST_ID],
  ['authorization', AUTHORIZATION],
  ['content-length', CONTENT_LENGTH],
  ['ssl-client-cert', DROP],
  ['ssl-client-verify', DROP],
  ['ssl-client-issuer-dn', DROP],
  ['ssl-client-subject-dn', DROP],
  ['http2-settings', DROP],
  ['x-forwarded-for', FORWARDED_FOR],
  ['x-forwarded-host', FORWARDED_HOST],
  ['x-forwarded-port', DROP],
  ['proxy-connection', DROP],
  ['transfer-encoding', TRANSFER_ENCODING],
  ['x-forwarded-proto', DROP],
  ['x-forwarded-scheme', DROP],
  ['x-original-forwarded-for', DROP],
  ['x-original-forwarded-host', DROP],
];

const KNOWN: readonly (readonly KnownField[])[] = byLength(KNOWN_FIELDS);

/** Naming one of these in `Connection` asks us to hide something security relevant from the back end: refused. */
const MUST_NOT_BE_NOMINATED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'authorization',
  'cookie',
  'forwarded',
  'x-request-id',
  'x-real-ip',
]);

/** @returns `PASS`, `DROP`, or what the field means */
export function classify(fields: FieldTable, index: number): number {
  if (fields.kinds[index] !== PASS) return DROP;
  const candidates = KNOWN[fields.nameLength(index)];
  if (candidates === undefined) return PASS;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as KnownField;
    if (fields.nameEquals(index, candidate.name)) return candidate.kind;
  }
  return PASS;
}

/** @param option a word of `Connection`, in lower case */
export function mayNotBeNominated(option: string): boolean {
  return MUST_NOT_BE_NOMINATED.has(option) || option.startsWith('x-forwarded-');
}

function byLength(fields: readonly (readonly [string, number])[]): readonly (readonly KnownField[])[] {
  const longest = Math.max(...fields.map(([name]) => name.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    fields.filter(([name]) => name.length === length).map(([name, kind]) => ({ name, kind })),
  );
}
