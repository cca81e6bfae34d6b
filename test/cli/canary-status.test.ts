/** `sluice canary status`: what it asks, what it prints, and how it ends. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { dumpReleases } from '../../src/admin/dump-releases.ts';
import { runProgram } from '../../src/cli/program.ts';
import type { ReleaseStatus, SideStatus } from '../../src/model/release-status.ts';
import { release, releaseState } from '../support/release.ts';

const SIDE: SideStatus = {
  requests: 12_345,
  failures: 12,
  errorRate: 0.000972,
  p50Ms: 4.25,
  p95Ms: 31.4,
  p99Ms: 1_250,
  totalRequests: 20_000,
  totalFailures: 20,
};

function status(overrides: Partial<ReleaseStatus> = {}): ReleaseStatus {
  return {
    config: release(),
    source: { kind: 'Ingress', namespace: 'shop', name: 'canary' },
    routes: ['shop.example /'],
    routeCount: 3,
    state: releaseState({ step: 1 }),
    stored: true,
    percent: 25,
    heldMs: 250_000,
    waitsFor: 'time, requests',
    gates: [{ gate: 'errors', verdict: 'inside', evidence: 0.129, text: 'errors: 0.1 % of 412 requests' }],
    sides: { stable: SIDE, canary: { ...SIDE, requests: 0, failures: 0, errorRate: null, p50Ms: null } },
    replicas: { counted: 2, silent: 1 },
    ...overrides,
  };
}

/** Answers each question with the next of `reports`, and the last one for ever. */
async function serve(t: TestContext, ...reports: readonly (readonly ReleaseStatus[])[]): Promise<string> {
  const rest = [...reports];
  const server = createServer((request, response) => {
    const releases = (rest.length > 1 ? rest.shift() : rest[0]) ?? [];
    const known = request.url === '/debug/releases';
    response.writeHead(known ? 200 : 404);
    response.end(JSON.stringify(dumpReleases({ decides: true, releases })));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function run(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const exitCode = await runProgram(
    ['canary', 'status', ...args],
    {},
    {
      stdout: { write: (text) => void (written.stdout += text) },
      stderr: { write: (text) => void (written.stderr += text) },
    },
  );
  return { exitCode, ...written };
}

test('a release under way is printed with what it waits for and with both sides', async (t: TestContext) => {
  const { exitCode, stdout, stderr } = await run('--admin', await serve(t, [status()]));
  assert.equal(stderr, '');
  assert.equal(exitCode, 0);
  assert.equal(
    stdout,
    [
      'shop/canary: running, step 2 of 4, 25 % for 4m 10s of at least 10m',
      '  on shop.example / and 2 more',
      '  waits for time, requests',
      '              requests    errors       p50       p95       p99',
      '  canary             0         -         -   31.4 ms    1.25 s',
      '  stable        12,345  0.0972 %   4.25 ms   31.4 ms    1.25 s',
      '  inside   errors: 0.1 % of 412 requests (12 % of a proof)',
      '  with the figures of 2 other replicas',
      '  without those of 1 replicas, which are silent',
      '',
    ].join('\n'),
  );
});

test('a canary that was aborted says why, and exits 1', async (t: TestContext) => {
  const state = releaseState({ phase: 'aborted', reason: 'errors: 10 %\u001b[31m' });
  const { exitCode, stdout } = await run('--admin', await serve(t, [status({ state, percent: 0, stored: false })]));
  assert.equal(exitCode, 1);
  assert.match(stdout, /^shop\/canary: aborted, step 1 of 4, 0 %, since 2026-01-14T12:00:00.000Z\n/);
  assert.match(stdout, /because of errors: 10 %\\x1b/);
  assert.match(stdout, /not stored yet/);
  assert.doesNotMatch(stdout, /requests {4}errors/);
});

test('one that has not begun, none at all, and an aborted one of another revision', async (t: TestContext) => {
  const fresh = status({ state: null, percent: 0, waitsFor: 'window' });
  assert.match(
    (await run('--admin', await serve(t, [fresh]))).stdout,
    /not begun, 0 % of 4 steps\n[^]*waits for window/,
  );
  assert.equal((await run('--admin', await serve(t, []))).stdout, 'no release is configured\n');
  const former = status({ state: releaseState({ revision: 'old', phase: 'aborted' }), percent: 0 });
  assert.equal((await run('--admin', await serve(t, [former]))).exitCode, 0);
});

test('json is the page itself', async (t: TestContext) => {
  const { stdout } = await run('--admin', await serve(t, [status()]), '--output', 'json');
  assert.deepEqual(
    JSON.parse(stdout),
    JSON.parse(JSON.stringify(dumpReleases({ decides: true, releases: [status()] }))),
  );
});

test('--watch prints each new stage once and ends when nothing is under way', async (t: TestContext) => {
  const done = status({ state: releaseState({ phase: 'completed', step: 3 }), percent: 100 });
  const admin = await serve(t, [status()], [status({ heldMs: 251_000 })], [done]);
  const { exitCode, stdout } = await run('--admin', admin, '--watch');
  assert.equal(exitCode, 0);
  assert.equal(stdout.match(/^shop\/canary: running/gm)?.length, 1);
  assert.equal(stdout.match(/^shop\/canary: completed, step 4 of 4, 100 %/gm)?.length, 1);
});

test('whoever does not answer, and who is no sluice, is an error with exit code 2', async (t: TestContext) => {
  const away = await run('--admin', 'http://127.0.0.1:1');
  assert.equal(away.exitCode, 2);
  assert.match(away.stderr, /^error: cannot read http:\/\/127\.0\.0\.1:1\/debug\/releases/);
  const server = createServer((_, response) => response.end('{"a":1}'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => server.close());
  const stranger = await run('--admin', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.match(stranger.stderr, /did not answer with releases; is it an admin port of sluice\?/);
});

test('canary alone shows its commands and exits 2', async () => {
  const written: string[] = [];
  const io = { write: (text: string) => void written.push(text) };
  assert.equal(await runProgram(['canary'], {}, { stdout: io, stderr: io }), 2);
  assert.match(written.join(''), /status/);
});
