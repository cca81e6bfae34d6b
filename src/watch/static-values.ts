/** Values of the static configuration file that need more than a pattern to check: hosts and regular expressions. */
import { isIP } from 'node:net';
import { RE2JS } from 're2js';
import { isDnsName } from './dns-name.ts';

/** Lower case; null when `text` is neither a DNS name (perhaps with a first label `*`) nor an IPv4 address. */
export function toStaticHost(text: string): string | null {
  const host = text.toLowerCase();
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (!isDnsName(name)) return null;
  return host !== name && isIP(name) !== 0 ? null : host;
}

/** What would be right instead of `pattern`; null when it compiles. RE2 runs in linear time, so there are no back-references. */
export function findPatternFault(pattern: string): string | null {
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    return `a regular expression in RE2 syntax (${reason.slice(0, 200)})`;
  }
}
