/**
 * Thousands of endpoints in one process: answers every check on every address of 127.0.0.0/8, for as little CPU as can be.
 * Usage: `endpoints.ts <port> http`, `endpoints.ts <port> https <certificate> <key>` or `endpoints.ts <port> grpc`.
 */
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n';
const KEPT = `${HEAD}\r\nok`;
const LAST = `${HEAD}Connection: close\r\n\r\nok`;
/** `SERVING`, framed. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);

const [port, kind, certFile = '', keyFile = ''] = process.argv.slice(2);

/** A request comes in one read. */
function answer(socket: net.Socket): void {
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('Connection: close')) socket.end(LAST);
    else socket.write(KEPT);
  });
}

function createServer(): net.Server {
  if (kind === 'grpc') return createGrpcServer();
  if (kind === 'http') return net.createServer({ noDelay: true }, answer);
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  return tls.createServer({ ...pair, ALPNProtocols: ['http/1.1'] }, answer);
}

function createGrpcServer(): net.Server {
  const server = http2.createServer();
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('error', () => stream.destroy());
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.end(SERVING);
    stream.resume();
  });
  server.on('sessionError', () => undefined);
  return server;
}

createServer().listen({ port: Number(port), host: '0.0.0.0', backlog: 4_096 });
