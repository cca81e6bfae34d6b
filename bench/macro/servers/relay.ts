/**
 * The floor of the runtime: passes bytes on unread, one connection to the upstream for each client, over the sockets of
 * Sluice, written when it writes, and with nothing of HTTP. What Sluice costs above it is the price of being a proxy; what it costs above other
 * proxies is the price of the runtime.
 * Usage: `relay.ts <port> <upstream port> [<certificate> <key> <ciphers>]`.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { readInto, setConnectionOptions } from '../../../src/proxy/accepted-socket.ts';
import { SocketWriter } from '../../../src/proxy/socket-writer.ts';
import { TurnEnd, type TurnEndListener } from '../../../src/proxy/turn-end.ts';
import { WriteBuffers } from '../../../src/proxy/write-buffers.ts';

const READ_BYTES = 65_536;
const [port, upstreamPort, certFile = '', keyFile = '', ciphers = ''] = process.argv.slice(2);
const buffers = new WriteBuffers(READ_BYTES);
const turnEnd = new TurnEnd(64);
const clientBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
const upstreamBuffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** What one side has read, on its way to the other. */
class Passage implements TurnEndListener {
  readonly #writer: SocketWriter;
  readonly #source: net.Socket;
  #held: Buffer | null;
  #length: number;

  constructor(target: net.Socket, source: net.Socket) {
    this.#writer = new SocketWriter(target, buffers, { onDrain: () => void source.resume() });
    this.#source = source;
    this.#held = null;
    this.#length = 0;
  }

  pass(bytes: Buffer, length: number): void {
    if (this.#held === null) turnEnd.add(this);
    else this.#write();
    this.#held = buffers.take(length);
    this.#length = length;
    bytes.copy(this.#held, 0, 0, length);
  }

  onTurnEnd(): void {
    this.#write();
  }

  #write(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null && !this.#writer.writeBuffer(held, this.#length)) this.#source.pause();
  }
}

function relay(client: net.Socket): void {
  const upstream = net.connect({
    host: '127.0.0.1',
    port: Number(upstreamPort),
    noDelay: true,
    onread: {
      buffer: upstreamBuffer,
      callback: (length) => {
        toClient.pass(upstreamBuffer, length);
        return true;
      },
    },
  });
  const toClient = new Passage(client, upstream);
  const toUpstream = new Passage(upstream, client);
  readInto(client, clientBuffer, (bytes, length) => toUpstream.pass(bytes, length));
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    socket.on('error', () => other.destroy());
    socket.on('close', () => other.destroy());
  }
}

const server =
  certFile === ''
    ? net.createServer(relay)
    : tls.createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ciphers }, relay);
server.listen(Number(port), '127.0.0.1', () => setConnectionOptions(server));
