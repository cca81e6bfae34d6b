/** The admin port: what each path answers, to whom, and in which state of the process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { AdminServer, type AdminServerOptions } from '../../src/admin/admin-server.ts';
import { NULL_LOGGER } from '../../src/log/logger.ts';

async function listen(t: TestContext, options: Partial<AdminServerOptions> = {}): Promise<string> {
  const server = new AdminServer({
    bind: '127.0.0.1',
    port: 0,
    reusePort: false,
    logger: NULL_LOGGER,
    readiness: () => ({ ready: true, detail: { generation: 3 } }),
    metrics: () => Promise.resolve('a 1\n'),
    dump: () => Promise.resolve({ routes: [] }),
    mirror: () => Promise.resolve({ samples: [] }),
    releases: () => ({ releases: [] }),
    ...options,
  });
  const port = await server.listen();
  t.after(() => server.close());
  return `http://${options.bind === '::1' ? '[::1]' : '127.0.0.1'}:${port}`;
}

test('healthz answers ok', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/healthz`);
  assert.equal(response.statusCode, 200);
  assert.equal(await response.body.text(), 'ok\n');
});

test('readyz answers 200 with detail when ready', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/readyz`);
  assert.equal(response.statusCode, 200);
  assert.deepEqual(await response.body.json(), { ready: true, generation: 3 });
});

test('readyz answers 503 with detail when not ready, and asks each time', async (t: TestContext) => {
  let ready = false;
  const base = await listen(t, { readiness: () => ({ ready, detail: { waitingFor: 'workers' } }) });
  const before = await request(`${base}/readyz`);
  assert.equal(before.statusCode, 503);
  assert.deepEqual(await before.body.json(), { ready: false, waitingFor: 'workers' });
  ready = true;
  const after = await request(`${base}/readyz`);
  assert.equal(after.statusCode, 200);
  await after.body.dump();
});

test('metrics are served in the text format of Prometheus, whatever the query', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/metrics?x=1`);
  assert.equal(response.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(await response.body.text(), 'a 1\n');
});

test('debug/config is JSON', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/debug/config`);
  assert.equal(response.headers['content-type'], 'application/json; charset=utf-8');
  assert.deepEqual(await response.body.json(), { routes: [] });
});

test('HEAD has the headers of GET and no body', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/healthz`, { method: 'HEAD' });
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-length'], '3');
  assert.equal(await response.body.text(), '');
});

for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'] as const) {
  test(`${method} is refused with 405 and the methods that are allowed`, async (t: TestContext) => {
    const body = method === 'OPTIONS' ? null : 'body';
    const response = await request(`${await listen(t)}/metrics`, { method, body });
    assert.equal(response.statusCode, 405);
    assert.equal(response.headers['allow'], 'GET, HEAD');
    await response.body.dump();
  });
}

test('any other path is 404 and lists those that exist', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/nope`);
  assert.equal(response.statusCode, 404);
  assert.match(await response.body.text(), /\/healthz, \/readyz, \/metrics, \/debug\/config/);
});

test('a page that fails answers 500 without the reason, which goes to the log', async (t: TestContext) => {
  const logged: unknown[] = [];
  const logger = {
    ...NULL_LOGGER,
    error: (message: string, fields?: object): void => void logged.push(message, fields),
  };
  const error = new Error('secret detail');
  const base = await listen(t, { logger, metrics: () => Promise.reject(error) });
  const response = await request(`${base}/metrics`);
  assert.equal(response.statusCode, 500);
  assert.doesNotMatch(await response.body.text(), /secret/);
  assert.deepEqual(logged, ['admin request failed', { error }]);
  const next = await request(`${base}/healthz`);
  assert.equal(next.statusCode, 200);
  await next.body.dump();
});

test('a request head over the limit is refused', async (t: TestContext) => {
  const response = await request(`${await listen(t)}/healthz`, { headers: { big: 'x'.repeat(20_000) } });
  assert.equal(response.statusCode, 431);
  await response.body.dump();
});

test('it binds to IPv6 addresses', async (t: TestContext) => {
  const response = await request(`${await listen(t, { bind: '::1' })}/healthz`);
  assert.equal(await response.body.text(), 'ok\n');
});

test('an address that is in use rejects listen', async (t: TestContext) => {
  const port = Number(new URL(await listen(t)).port);
  await assert.rejects(listen(t, { port }), { code: 'EADDRINUSE' });
});

test('close ends idle connections', async () => {
  const server = new AdminServer({
    bind: '127.0.0.1',
    port: 0,
    reusePort: false,
    logger: NULL_LOGGER,
    readiness: () => ({ ready: true, detail: {} }),
    metrics: () => Promise.resolve(''),
    dump: () => Promise.resolve({}),
    mirror: () => Promise.resolve({}),
    releases: () => ({}),
  });
  const socket = connect(await server.listen(), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  const ended = once(socket, 'end');
  await server.close();
  await ended;
  assert.equal(socket.readableEnded, true);
});
