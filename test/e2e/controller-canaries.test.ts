/** Canaries against a real API server: the rules of the dialect, the ways release tools drive them, and what only Sluice has. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ConfigDump } from '../../src/admin/dump-config.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { canaryAnnotations, E2E_NAMESPACE, ingressManifest } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';

const HOST = 'shop.example';
const NEIGHBOUR = 'neighbour.example';
const OWN = 'sluice.dev/';

type Headers = Readonly<Record<string, string>>;

interface Row {
  readonly name: string;
  readonly rules: Readonly<Record<string, string>>;
  readonly asks: readonly (readonly [headers: Headers, pod: 'web' | 'next'])[];
}

const ROWS: readonly Row[] = [
  {
    name: 'the words of a header; underscores and case of its name do not matter',
    rules: { 'canary-by-header': 'X_Next' },
    asks: [
      [{ 'x-next': 'always' }, 'next'],
      [{ 'X-NEXT': 'never' }, 'web'],
      [{ 'x-next': 'Always' }, 'web'],
      [{}, 'web'],
    ],
  },
  {
    name: 'the value of a header, beside which words mean nothing',
    rules: { 'canary-by-header': 'x-next', 'canary-by-header-value': 'beta', 'canary-by-header-pattern': 'a' },
    asks: [
      [{ 'x-next': 'beta' }, 'next'],
      [{ 'x-next': 'always' }, 'web'],
      [{ 'x-next': 'abc' }, 'web'],
    ],
  },
  {
    name: 'an invalid value gives way to the words',
    rules: { 'canary-by-header': 'x-next', 'canary-by-header-value': 'a=b' },
    asks: [
      [{ 'x-next': 'always' }, 'next'],
      [{ 'x-next': 'a=b' }, 'web'],
    ],
  },
  {
    name: 'the pattern of a header, anywhere and with its case',
    rules: { 'canary-by-header': 'x-next', 'canary-by-header-pattern': 'be+ta' },
    asks: [
      [{ 'x-next': 'xbeetax' }, 'next'],
      [{ 'x-next': 'BETA' }, 'web'],
    ],
  },
  {
    name: 'the words of a cookie, behind those of the header and before the weight',
    rules: { 'canary-by-header': 'x-next', 'canary-by-cookie': 'Beta', 'canary-weight': '100' },
    asks: [
      [{ cookie: 'a=b; beta=never' }, 'web'],
      [{ cookie: 'beta=never', 'x-next': 'always' }, 'next'],
      [{ cookie: 'beta=other' }, 'next'],
      [{ 'x-next': 'never', cookie: 'beta=always' }, 'web'],
    ],
  },
  {
    name: 'a weight of its whole total',
    rules: { 'canary-weight': '200', 'canary-weight-total': '200' },
    asks: [[{}, 'next']],
  },
  { name: 'a negative weight', rules: { 'canary-weight': '-1' }, asks: [[{}, 'web']] },
  {
    name: 'a match of our own',
    rules: { [`${OWN}canary-match`]: 'header:X-Team = blue and not cookie:old' },
    asks: [
      [{ 'x-team': 'blue' }, 'next'],
      [{ 'x-team': 'blue', cookie: 'old=1' }, 'web'],
      [{}, 'web'],
    ],
  },
];

/** Own names as they are, the others with what makes a canary of the Ingress. */
function annotationsOf(rules: Row['rules']): Readonly<Record<string, string>> {
  const entries = Object.entries(rules);
  const own = entries.filter(([name]) => name.startsWith(OWN));
  return {
    ...canaryAnnotations(Object.fromEntries(entries.filter(([name]) => !name.startsWith(OWN)))),
    ...Object.fromEntries(own),
  };
}

function canariesOf({ routes }: ConfigDump, host: string): ConfigDump['routes'][number]['split']['canaries'] {
  return routes.find((route) => route.host === host && route.path.value === '/')?.split.canaries ?? [];
}

function isEmpty(service: string, expected: boolean): (config: ConfigDump) => boolean {
  const id = `${E2E_NAMESPACE}/${service}/80`;
  return ({ upstreams }) => upstreams.some((each) => each.id === id && (each.endpoints.length === 0) === expected);
}

describe('canaries against a real api server', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let controllers: readonly ControllerProcess[];
  let web: Pod;
  let next: Pod;
  const clients: HttpClient[] = [];

  function client(host: string, controller = controllers[0] as ControllerProcess): HttpClient {
    const made = new HttpClient({ port: controller.httpPort, host });
    clients.push(made);
    return made;
  }

  async function untilEverywhere(holds: (config: ConfigDump) => boolean): Promise<void> {
    await Promise.all(controllers.map((controller) => controller.untilRunning(holds)));
  }

  async function withCanary(rules: Row['rules'], use: (shop: HttpClient) => Promise<void>): Promise<void> {
    await cluster.createIngress('canary', { host: HOST, paths: { '/': 'next' }, annotations: annotationsOf(rules) });
    await untilEverywhere((config) => canariesOf(config, HOST).length === 1);
    await use(client(HOST));
    await cluster.deleteIngress('canary');
    await untilEverywhere((config) => canariesOf(config, HOST).length === 0);
  }

  before(async () => {
    cluster = await E2eCluster.start();
    web = await cluster.service('web');
    next = await cluster.service('next');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web', '/cart': 'web' } });
    await cluster.createIngress('neighbour', { host: NEIGHBOUR, paths: { '/': 'web' } });
    controllers = [await cluster.controller(['--workers', '1']), await cluster.controller(['--workers', '1'])];
    await untilEverywhere(({ routes }) => routes.length >= 3);
  });

  after(async () => {
    for (const each of clients) each.close();
    await cluster?.stop();
  });

  for (const { name, rules, asks } of ROWS) {
    test(name, async () => {
      await withCanary(rules, async (shop) => {
        for (const [headers, pod] of asks) {
          assert.equal((await shop.get('/', headers)).body, pod, JSON.stringify(headers));
        }
        for (const [headers] of asks) {
          assert.equal((await shop.get('/cart', headers)).body, 'web', 'another path of the same service');
          assert.equal((await client(NEIGHBOUR).get('/', headers)).body, 'web', 'another host of the same service');
        }
      });
    });
  }

  test('a canary without endpoints leaves all to the main service, and one does not stand in for it', async () => {
    await withCanary({ 'canary-by-header': 'x-next' }, async (shop) => {
      await cluster.scale('next', []);
      await untilEverywhere(isEmpty('next', true));
      assert.equal((await shop.get('/', { 'x-next': 'always' })).body, 'web');
      await cluster.scale('next', [next]);
      await cluster.scale('web', []);
      await untilEverywhere((config) => isEmpty('next', false)(config) && isEmpty('web', true)(config));
      assert.equal((await shop.get('/', { 'x-next': 'always' })).status, 503);
      await cluster.scale('web', [web]);
      await untilEverywhere(isEmpty('web', false));
    });
  });

  test('a copy of the whole ingress whose weight goes up and down, as Flagger makes it', async () => {
    const copy = { host: HOST, paths: { '/': 'next', '/cart': 'web' } };
    const weighing = (weight: string) => ({ ...copy, annotations: annotationsOf({ 'canary-weight': weight }) });
    await cluster.createIngress('shop-canary', weighing('0'));
    await untilEverywhere((config) => canariesOf(config, HOST).length === 1);
    const shop = client(HOST);
    for (const weight of [0, 50, 100, 0]) {
      await cluster.changeIngress('shop-canary', weighing(String(weight)));
      await untilEverywhere((config) => canariesOf(config, HOST)[0]?.weight === weight);
      const pods = new Set<string>();
      for (let count = 0; count < 60; count++) pods.add((await shop.get('/')).body);
      const expected = weight === 50 ? ['next', 'web'] : [weight === 0 ? 'web' : 'next'];
      assert.deepEqual([...pods].toSorted(), expected);
      assert.equal((await shop.get('/cart')).body, 'web');
    }
    await cluster.deleteIngress('shop-canary');
    await untilEverywhere((config) => canariesOf(config, HOST).length === 0);
  });

  test('header and weight together, and pods that both services share at the end, as Argo Rollouts has it', async () => {
    const rules = {
      'canary-by-header': 'x-next',
      'canary-by-header-value': 'yes',
      'canary-weight': '0',
      'canary-weight-total': '1000',
    };
    await withCanary(rules, async (shop) => {
      assert.equal((await shop.get('/', { 'x-next': 'yes' })).body, 'next');
      await cluster.scale('next', [web]);
      await untilEverywhere(({ upstreams }) =>
        upstreams.some(
          ({ id, endpoints }) => id === `${E2E_NAMESPACE}/next/80` && endpoints[0]?.address === web.address,
        ),
      );
      for (const headers of [{}, { 'x-next': 'yes' }]) assert.equal((await shop.get('/', headers)).body, 'web');
      await cluster.scale('next', [next]);
    });
  });

  test('two services in one ingress: what matches goes to one, all else to the other, and each stands in', async () => {
    const annotations = { 'nginx.ingress.kubernetes.io/service-match': 'next: header("x-team", /^blue$/)' };
    const manifest = ingressManifest('pair', { host: 'pair.example', paths: {}, annotations });
    const paths = ['web', 'next'].map((name) => {
      return { path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } };
    });
    const spec = { ingressClassName: 'sluice', rules: [{ host: 'pair.example', http: { paths } }] };
    await cluster.objects.create('ingresses', { ...manifest, spec });
    await untilEverywhere((config) => canariesOf(config, 'pair.example').length === 1);
    const pair = client('pair.example');
    assert.equal((await pair.get('/', { 'x-team': 'blue' })).body, 'next');
    assert.equal((await pair.get('/', { 'x-team': 'red' })).body, 'web');
    await cluster.scale('web', []);
    await untilEverywhere(isEmpty('web', true));
    assert.equal((await pair.get('/')).body, 'next');
    await cluster.scale('web', [web]);
    await cluster.deleteIngress('pair');
  });

  test('two replicas give every user the same version', async () => {
    const rules = { 'canary-weight': '50', [`${OWN}canary-hash-by`]: 'cookie:user' };
    await withCanary(rules, async () => {
      const [one, other] = controllers.map((controller) => client(HOST, controller)) as [HttpClient, HttpClient];
      const versions = new Set<string>();
      for (let at = 0; at < 60; at++) {
        const headers = { cookie: `user=user-${at}` };
        const { body } = await one.get('/', headers);
        assert.equal((await other.get('/', headers)).body, body);
        versions.add(body);
      }
      assert.deepEqual([...versions].toSorted(), ['next', 'web']);
    });
  });
});
