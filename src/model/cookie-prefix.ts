/** Names of cookies that promise something, which browsers hold them to (RFC 6265bis §4.1.3). */

const HOST_PREFIX = '__host-';

/**
 * Why browsers will never take a cookie; empty = they may. That such cookies must be `Secure` is no fault: those of clients
 * that speak TLS are, and no others could be taken.
 * @param path empty = that of the route, which is not looked at
 */
export function findCookieFault(name: string, domain: string, path: string): string {
  if (!name.toLowerCase().startsWith(HOST_PREFIX)) return '';
  const promise = 'browsers drop cookies whose name begins with `__Host-`';
  if (domain !== '') return `${promise} and that have a domain; leave out the domain, or choose another name`;
  if (path !== '' && path !== '/') return `${promise} and whose path is not /; expected /, or another name`;
  return '';
}
