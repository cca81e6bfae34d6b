/** The reasons of failed connections, in words that are fit for logs. */

export const CLOSED_EARLY = 'connection closed before the end of the response';

/** Made of codes only: what an endpoint sends must not reach logs and metrics. */
export function describeProbeError(error: unknown): string {
  const code = readText(error, 'code');
  if (code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) return `tls ${code}`;
  if (code.startsWith('ERR_HTTP2_')) return `not an HTTP/2 response ${code}`;
  if (code.startsWith('ERR_')) return `probe impossible ${code}`;
  return `${readText(error, 'syscall') || 'connect'} ${code || 'failed'}`;
}

function readText(error: unknown, key: 'code' | 'syscall'): string {
  const value = error instanceof Error ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' ? value : '';
}
