/**
 * The floor of the runtime: passes bytes on unread, one connection to the upstream for each client, over the sockets of
 * Sluice and with nothing of HTTP. What Sluice costs above it is the price of being a proxy; what it costs above other
 * proxies is the price of the runtime.
 * Usage: `relay.ts <port> <upstream port> [<certificate> <key> <ciphers>]`.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { readInto, setConnectionOptions } from '../../../src/proxy/accepted-socket.ts';
import { SocketWriter } from '../../../src/proxy/socket-writer.ts';
import { WriteBuffers } from '../../../src/proxy/write-buffers.ts';

const READ_BYTES = 65_536;
const [port, upstreamPort, certFile = '', keyFile = '', ciphers = ''] = process.argv.slice(2);
const buffers = new WriteBuffers(READ_BYTES);
const clientBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
const upstreamBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

function relay(client: net.Socket): void {
  const upstream = net.connect({
    host: '127.0.0.1',
    port: Number(upstreamPort),
    noDelay: true,
    onread: {
      buffer: upstreamBuffer,
      callback: (length) => {
        if (!pass(upstreamBuffer, length, toClient)) upstream.pause();
        return true;
      },
    },
  });
  const toClient = new SocketWriter(client, buffers, { onDrain: () => void upstream.resume() });
  const toUpstream = new SocketWriter(upstream, buffers, { onDrain: () => void client.resume() });
  readInto(client, clientBuffer, (bytes, length) => {
    if (!pass(bytes, length, toUpstream)) client.pause();
  });
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => other.destroy());
    socket.on('close', () => other.destroy());
  }
}

/** False: no more until the writer has drained. */
function pass(bytes: Buffer, length: number, writer: SocketWriter): boolean {
  const copy = buffers.take(length);
  bytes.copy(copy, 0, 0, length);
  return writer.writeBuffer(copy, length);
}

const server =
  certFile === ''
    ? net.createServer(relay)
    : tls.createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ciphers }, relay);
server.listen(Number(port), '127.0.0.1', () => setConnectionOptions(server));
