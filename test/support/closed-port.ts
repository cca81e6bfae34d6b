/**
 * A port of 127.0.0.1 where nobody listens, and nobody who asks for any port will: it is the near end of a connection that
 * lasts as long as this process.
 */
import { once } from 'node:events';
import net from 'node:net';

export async function closedPort(): Promise<number> {
  const server = net.createServer((socket) => socket.unref());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const holder = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  await Promise.all([once(holder, 'connect'), accepted]);
  server.unref();
  holder.unref();
  return holder.localPort as number;
}
