/** The reasons of failed connections, in words that are fit for logs. */
import { getSystemErrorName } from 'node:util';
import { isLocalShortage } from '../model/local-shortage.ts';

const SHORTAGE = 'local shortage ';

export const CLOSED_EARLY = 'connection closed before the end of the response';

/** Made of codes only: what an endpoint sends must not reach logs and metrics. */
export function describeProbeError(error: unknown): string {
  const code = readText(error, 'code');
  if (isLocalShortage(code)) return SHORTAGE + code;
  if (code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) return `tls ${code}`;
  if (code.startsWith('ERR_HTTP2_')) return `not an HTTP/2 response ${code}`;
  if (code.startsWith('ERR_')) return `probe impossible ${code}`;
  return `${readText(error, 'syscall') || 'connect'} ${code || 'failed'}`;
}

/** @param errno of a system call, negative */
export function describeWriteError(errno: number): string {
  const code = getSystemErrorName(errno);
  return isLocalShortage(code) ? SHORTAGE + code : `write ${code}`;
}

/** The probe never left this machine: its result says nothing about the endpoint. */
export function isInconclusive(reason: string): boolean {
  return reason !== '' && reason.startsWith(SHORTAGE);
}

function readText(error: unknown, key: 'code' | 'syscall'): string {
  const value = error instanceof Error ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' ? value : '';
}
