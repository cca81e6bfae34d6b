/** The API server crashes under traffic: nobody who only wants to be served notices. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { SteadyTraffic } from '../support/e2e-traffic.ts';

const HOST = 'shop.example';

describe('an outage of the api server', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let controller: ControllerProcess;

  before(async () => {
    cluster = await E2eCluster.start();
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' } });
    controller = await cluster.controller(['--workers', '2']);
  });

  after(async () => {
    await cluster?.stop();
  });

  test('costs no request and no readiness, and what is changed afterwards arrives', async (t) => {
    const client = { port: controller.httpPort, host: HOST, path: '/' };
    const traffic = new SteadyTraffic([client, client, client, { ...client, keepAlive: false }]);
    t.after(() => traffic.stop());
    await traffic.more(100);
    let back = false;
    const readiness = eventually(
      async () => {
        assert.equal((await controller.admin('/readyz')).status, 200);
        // One probe after some requests: readiness must not be what keeps the machine busy.
        await traffic.more(10);
      },
      () => back,
    );
    await cluster.env.killApiServer();
    await controller.log('kubernetes api cannot be used, keeping what is known');
    await traffic.more(100);
    cluster.env.restartApiServer();
    await cluster.env.ready();
    await cluster.service('next');
    await cluster.changeIngress('shop', { host: HOST, paths: { '/': 'web', '/next': 'next' } });
    const startedMs = performance.now();
    await controller.untilRunning(({ upstreams }) =>
      upstreams.some(({ id, endpoints }) => id === 'shop/next/80' && endpoints.length === 1),
    );
    t.diagnostic(
      `the first change after the outage was in force after ${(performance.now() - startedMs).toFixed(0)} ms`,
    );
    back = true;
    await readiness;
    const { requests, failures, examples, reconnects } = await traffic.stop();
    t.diagnostic(`${requests} requests, ${failures} failures, ${reconnects} connections closed`);
    assert.deepEqual({ failures, examples, reconnects }, { failures: 0, examples: [], reconnects: 0 });
  });
});
