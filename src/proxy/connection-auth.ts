/** Authentication schemes that speak for a connection instead of a request (RFC 4559), against the idea of HTTP. */

/** Whether back ends may take these credentials for everything that follows on the same connection. */
export function isConnectionAuth(credentials: string): boolean {
  const first = credentials.charCodeAt(0);
  if (first !== 78 && first !== 110) return false;
  const scheme = credentials.slice(0, 9).toLowerCase();
  return scheme === 'negotiate' || scheme.startsWith('ntlm');
}
