/**
 * Opens connections and sends a request head on each that never ends, a byte every so often (slowloris). Tells its parent
 * how many are open: once all have been tried, and whenever it gets a message. Usage: `slow-heads.ts <port> <connections>
 * <seconds a byte>`.
 */
import { connect, type Socket } from 'node:net';

const OPENING_AT_ONCE = 64;
/** The connections take turns, so that the bytes are spread over the time between two of one connection. */
const TICK_MS = 100;
const START = 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ';

const [port = 0, count = 0, secondsPerByte = 1] = process.argv.slice(2).map(Number);
const groups: Set<Socket>[] = Array.from({ length: (secondsPerByte * 1_000) / TICK_MS }, () => new Set());

function report(): void {
  process.send?.(groups.reduce((sum, { size }) => sum + size, 0));
}

function openOne(index: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const group = groups[index % groups.length];
  const socket = connect(port, '127.0.0.1', () => {
    group?.add(socket);
    socket.write(START);
    resolve();
  });
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());
  socket.on('close', () => {
    group?.delete(socket);
    resolve();
  });
  // No answer is expected, but the end of the connection is only seen by reading.
  socket.resume();
  return promise;
}

let next = 0;
async function openSome(): Promise<void> {
  while (next < count) await openOne(next++);
}

let turn = 0;
setInterval(() => {
  for (const socket of groups[turn++ % groups.length] ?? []) socket.write('a');
}, TICK_MS);

process.on('message', report);
process.on('disconnect', () => process.exit());
await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
report();
