/**
 * Tells early that a port is taken. Workers share ports by SO_REUSEPORT, and so would another Sluice on the same machine:
 * it would silently get half of the connections.
 */
import net from 'node:net';
import type { ListenerConfig } from '../model/proxy-config.ts';

/** @returns why the first unusable one is unusable; empty when all can be bound */
export async function checkPorts(
  listeners: readonly Pick<ListenerConfig, 'name' | 'address' | 'port'>[],
): Promise<string> {
  for (const { name, address, port } of listeners) {
    const reason = port === 0 ? '' : await tryPort(address, port);
    if (reason !== '') return `listener ${name} cannot bind ${address}:${port}: ${reason}`;
  }
  return '';
}

function tryPort(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = net.createServer();
  server.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE') resolve('the port is already in use');
    else if (error.code === 'EACCES') resolve('no permission (ports below 1024 need CAP_NET_BIND_SERVICE)');
    else resolve(error.message);
  });
  server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('')));
  return promise;
}
