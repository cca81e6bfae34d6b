/** The two ends of a client's connection, as a PROXY protocol header for an upstream names them. */
import type { Socket } from 'node:net';
import { toClientIp } from '../forwarded-fields.ts';
import type { ProxyAddresses } from './addresses.ts';

/** Null when the connection is gone already. */
export function addressesOf(socket: Socket): ProxyAddresses | null {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  if (localAddress === undefined || localPort === undefined) return null;
  return {
    sourceAddress: toClientIp(remoteAddress),
    sourcePort: remotePort,
    destinationAddress: toClientIp(localAddress),
    destinationPort: localPort,
  };
}
