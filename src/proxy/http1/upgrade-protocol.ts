/** Which protocols of an `Upgrade` offer may be offered to a back end. */

/** RFC 9110 §7.8: a token, perhaps with a version that is one. */
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9a-z]+(\/[!#$%&'*+\-.^_`|~0-9a-z]+)?$/;

/** h2c and TLS would turn the connection into one whose requests we no longer see (RFC 9931); so might a malformed name. */
export function isUsableProtocol(lowerCase: string): boolean {
  return PROTOCOL.test(lowerCase) && lowerCase !== 'h2c' && !lowerCase.startsWith('tls/');
}
