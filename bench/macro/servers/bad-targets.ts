/**
 * Mirror targets as nobody wants them, on every address of 127.0.0.0/8. They share a core with the load, so none does more than
 * it must. Usage: `bad-targets.ts <kind> <port> …` with kinds `hung`, `reset`, `crawl` and `flood`.
 */
import { createServer, type Socket } from 'node:net';

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const BYTE = '1\r\nx\r\n';
const BYTE_MS = 1_000;
/** More than Sluice reads of an answer before it cuts the connection. */
const FIRST_FLOOD = `${HEAD}${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(5)}`;
/** To those that go on reading. */
const FLOOD = `10000\r\n${'x'.repeat(65_536)}\r\n`;
const FLOOD_MS = 100;

const crawling = new Set<Socket>();
const flooded = new Set<Socket>();

/** What each does with a connection. None looks at the request: a copy is alone on its connection. */
const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  hung: (socket) => socket.resume(),
  reset: (socket) => socket.once('data', () => socket.resetAndDestroy()),
  crawl: (socket) => answer(socket, crawling, HEAD),
  flood: (socket) => answer(socket, flooded, FIRST_FLOOD),
};

function answer(socket: Socket, group: Set<Socket>, first: string): void {
  socket.once('data', () => {
    socket.write(first, 'latin1');
    group.add(socket);
  });
  socket.on('close', () => group.delete(socket));
  socket.resume();
}

setInterval(() => {
  for (const socket of crawling) socket.write(BYTE, 'latin1');
}, BYTE_MS);

// As much as is read, and no more: what the kernel holds already is not added to.
setInterval(() => {
  for (const socket of flooded) if (!socket.writableNeedDrain) socket.write(FLOOD, 'latin1');
}, FLOOD_MS);

for (let at = 2; at < process.argv.length; at += 2) {
  const onConnection = KINDS[process.argv[at] ?? ''];
  if (onConnection === undefined) throw new Error(`no such kind: ${process.argv[at]}`);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  server.listen({ port: Number(process.argv[at + 1]), host: '0.0.0.0', backlog: 4_096 });
}
