/**
 * Thousands of endpoints in one process: answers every request on every address of 127.0.0.0/8, for as little CPU as can be.
 * Usage: `endpoints.ts <port>`.
 */
import { createServer } from 'node:net';

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', () => socket.end(RESPONSE));
}).listen({ port: Number(process.argv[2]), host: '0.0.0.0', backlog: 4_096 });
