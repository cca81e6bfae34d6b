/** What counts as a healthy answer over HTTP/1.1, and what is said of others. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Backend, CHECK, createRig, portOf, upstream } from './prober-rig.ts';

interface AnswerCase {
  readonly name: string;
  readonly raw: string;
  /** Empty = healthy. */
  readonly reason: string;
}

const BIG = 'x'.repeat(200_000);
const answers: readonly AnswerCase[] = [
  { name: 'status 204 is a success', raw: 'HTTP/1.1 204 No Content\r\n\r\n', reason: '' },
  {
    name: 'status 302 is a success and not followed',
    raw: 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
    reason: '',
  },
  { name: 'status 399 is a success', raw: 'HTTP/1.1 399 Odd\r\ncontent-length: 0\r\n\r\n', reason: '' },
  { name: 'status 404 is a failure', raw: 'HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n', reason: 'status 404' },
  {
    name: 'the status counts, not an interim response before it',
    raw: 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n',
    reason: 'status 503',
  },
  {
    name: 'a body larger than anybody needs is cut off and the status counts',
    raw: `HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n${BIG}`,
    reason: '',
  },
  {
    name: 'a body that ends too early is a failure',
    raw: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort',
    reason: 'connection closed before the end of the response',
  },
  { name: 'a closed connection is a failure', raw: '', reason: 'connection closed before the end of the response' },
  {
    name: 'something that is not HTTP is a failure',
    raw: 'SSH-2.0-OpenSSH_9.9\r\n',
    reason: 'not an acceptable HTTP response',
  },
  {
    name: 'headers without end are a failure',
    raw: `HTTP/1.1 200 OK\r\nx: ${BIG}`,
    reason: 'not an acceptable HTTP response',
  },
];

for (const c of answers) {
  test(c.name, async (t: TestContext) => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(c.raw));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const port = portOf(server);
    const rig = createRig(t);
    rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [{ address: '127.0.0.1', port, weight: 1 }])]);
    await rig.probe();
    assert.equal(rig.prober.snapshot()[0]?.reason ?? '', c.reason);
  });
}

interface AddressCase {
  readonly name: string;
  readonly address: string;
  readonly listenOn: string;
}

const addresses: readonly AddressCase[] = [
  { name: 'a host name is looked up', address: 'localhost', listenOn: 'localhost' },
  { name: 'an IPv6 address is written in brackets where it must be', address: '::1', listenOn: '::1' },
];

for (const c of addresses) {
  test(c.name, async (t: TestContext) => {
    const backend = new Backend();
    backend.server.listen(0, c.listenOn);
    const [error] = await Promise.race([once(backend.server, 'listening'), once(backend.server, 'error')]);
    if (error instanceof Error) return t.skip(`this machine cannot listen on ${c.listenOn}`);
    t.after(() => backend.stop());
    const port = portOf(backend.server);
    const rig = createRig(t);
    rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [{ address: c.address, port, weight: 1 }])]);
    await rig.probe();
    assert.deepEqual(rig.prober.snapshot(), []);
    assert.equal(backend.requests[0]?.headers.host, c.address.includes(':') ? `[::1]:${port}` : `localhost:${port}`);
  });
}

test('a check that cannot be sent is a failure that says so', async (t: TestContext) => {
  const rig = createRig(t);
  const endpoint = { address: '127.0.0.1', port: 70_000, weight: 1 };
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [endpoint])]);
  await rig.probe();
  assert.equal(rig.prober.snapshot()[0]?.reason, 'probe impossible ERR_SOCKET_BAD_PORT');
});
