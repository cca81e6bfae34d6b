/** Spellings of names that sources accept: DNS names, hosts of routes, object and port names. Pure text rules, no look-ups. */

const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const MAX_LABEL_LENGTH = 63;
const MAX_NAME_LENGTH = 253;
const MAX_PORT = 65_535;

/** RFC 1123 label, lower case. */
export function isDnsLabel(text: string): boolean {
  return text.length <= MAX_LABEL_LENGTH && LABEL.test(text);
}

/** RFC 1123 subdomain, lower case, at most 253 characters: DNS names and most Kubernetes object names. */
export function isDnsName(text: string): boolean {
  if (text.length === 0 || text.length > MAX_NAME_LENGTH) return false;
  return text.split('.').every(isDnsLabel);
}

/** Object names are DNS names whose labels may be longer than 63 characters. */
export function isObjectName(text: string): boolean {
  if (text.length === 0 || text.length > MAX_NAME_LENGTH) return false;
  return text.split('.').every((label) => LABEL.test(label));
}

/** What is wrong with `host` as the host of a route, and what would be right; null when it is fine. */
export function findHostFault(host: string): string | null {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (isDnsName(name)) {
    return isDottedQuad(name) ? 'is an IP address; hosts are DNS names' : null;
  }
  if (host === '*') return 'stands alone; leave the host out to match any';
  if (name.includes('*')) return 'has a `*` that is not the whole first label; write `*.example.com`';
  if (isDnsName(name.toLowerCase())) return `has capital letters; write \`${host.toLowerCase()}\``;
  if (name.includes(':')) return 'has a port or is an IPv6 address; hosts are DNS names';
  return 'is not a DNS name such as `shop.example.com` or `*.example.com`';
}

/** IPv4 addresses would pass as DNS names. */
function isDottedQuad(name: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name);
}

/** 1 to 65535. */
export function isPortNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_PORT;
}
