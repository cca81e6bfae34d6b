/** The text of an HTTP/1.1 health check, written once for all that follow. */
import type { HealthCheckConfig } from '../model/health-check.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import type { ProbeAddress } from './probing.ts';

export const USER_AGENT = 'sluice-health';

export interface Http1Request {
  readonly text: string;
  /** Instead, where no other one will follow on its connection. */
  readonly lastText: string;
}

/** Every part was checked against its grammar when the configuration was read. */
export function toHttp1Request(check: HealthCheckConfig, { address, port }: ProbeAddress): Http1Request {
  const host = check.host === '' ? toEndpointId(address, port) : check.host;
  let text = `${check.method} ${check.path} HTTP/1.1\r\nHost: ${host}\r\n`;
  let isNamed = false;
  for (const { name, value } of check.headers) {
    text += `${name}: ${value}\r\n`;
    if (name === 'user-agent') isNamed = true;
  }
  if (!isNamed) text += `User-Agent: ${USER_AGENT}\r\n`;
  // Some servers wait for a body of unknown length otherwise (RFC 9110 §8.6).
  if (check.method === 'POST') text += 'Content-Length: 0\r\n';
  return { text: `${text}\r\n`, lastText: `${text}Connection: close\r\n\r\n` };
}
