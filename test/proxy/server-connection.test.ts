/** What a connection of HTTP/1.1 does about a client that is found not to read when the turn ends. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Roster } from '../../src/model/roster.ts';
import { ServerConnection } from '../../src/proxy/http1/server-connection.ts';
import type { WorkerContext } from '../../src/proxy/worker-context.ts';
import { SessionPlane, type StubConnection } from '../support/session-harness.ts';

const KEEP_ALIVE_MS = 5_000;
const WRITE_MS = 20_000;
const NO_ROUTE = 'GET / HTTP/1.1\r\nHost: b.example\r\n\r\n';
const ROUTED = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

/** Takes what it is given, and says each time that it is full. */
class FullSocket extends EventEmitter {
  readonly writes: string[] = [];
  readonly _handle = null;
  readonly writableLength = 0;
  destroyed = false;

  write(text: string): boolean {
    this.writes.push(text);
    return false;
  }

  destroy(): void {
    this.destroyed = true;
  }

  pause(): void {}

  resume(): void {}
}

interface Rig {
  readonly worker: WorkerContext;
  readonly plane: SessionPlane;
  readonly socket: FullSocket;
  readonly connection: ServerConnection;
  readonly read: (text: string) => Promise<void>;
}

function startRig(): Rig {
  const plane = new SessionPlane({ keepAliveTimeoutMs: KEEP_ALIVE_MS, writeTimeoutMs: WRITE_MS });
  const { worker } = plane;
  const socket = new FullSocket();
  const known = { secure: false, header: null, identity: null, trusted: null };
  const facts = { name: 'web', encrypted: false, port: 80, ...known };
  const connection = new ServerConnection(worker, socket as unknown as Socket, facts, new Roster());
  const read = async (text: string): Promise<void> => {
    connection.onRead(Buffer.from(text), text.length);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { worker, plane, socket, connection, read };
}

test('behind a whole response the time for the next request counts, also after the client has read', async (t) => {
  const { worker, socket, connection, read } = startRig();
  t.after(() => worker.clock.close());
  await read(NO_ROUTE);
  assert.equal(socket.writes.length, 1);
  socket.emit('drain');
  const { nowMs } = worker.clock;
  connection.onTick(nowMs + KEEP_ALIVE_MS - 1_000);
  assert.equal(socket.destroyed, false);
  connection.onTick(nowMs + KEEP_ALIVE_MS + 1_000);
  assert.equal(socket.destroyed, true);
});

test('in the middle of a response the client has its time to read, and after it has read no time runs', async (t) => {
  const { worker, plane, socket, connection, read } = startRig();
  t.after(() => worker.clock.close());
  const finished: boolean[] = [];
  plane.onDispatch = ({ exchange }) => {
    exchange.onResponseHead(worker.responseHead);
    exchange.downstream.flushResponse();
    finished.push(exchange.finished);
  };
  await read(ROUTED);
  assert.deepEqual(finished, [false]);
  assert.equal(socket.writes.length, 1);
  const { nowMs } = worker.clock;
  connection.onTick(nowMs + WRITE_MS - 1_000);
  assert.equal(socket.destroyed, false);
  socket.emit('drain');
  connection.onTick(nowMs + WRITE_MS + 1_000);
  assert.equal(socket.destroyed, false);
});

test('in the middle of a response a client that does not read in time is cut', async (t) => {
  const { worker, plane, socket, connection, read } = startRig();
  t.after(() => worker.clock.close());
  plane.onDispatch = ({ exchange }) => {
    exchange.onResponseHead(worker.responseHead);
    exchange.downstream.flushResponse();
  };
  await read(ROUTED);
  connection.onTick(worker.clock.nowMs + WRITE_MS + 1_000);
  assert.equal(socket.destroyed, true);
});

test('a client that reads the end of a response does not set the next one going', async (t) => {
  const { worker, plane, socket, read } = startRig();
  t.after(() => worker.clock.close());
  const opened: StubConnection[] = [];
  plane.onDispatch = (connection) => void opened.push(connection);
  await read(NO_ROUTE + ROUTED);
  assert.equal(socket.writes.length, 1);
  socket.emit('drain');
  assert.deepEqual(
    opened.map(({ resumed }) => resumed),
    [0],
  );
});
