/** Which counts a release has: one set for all its routes, as long as one of them is left, whatever comes into force. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { diffConfigs } from '../../src/control/config-differ.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { applyPatch } from '../../src/live/apply-patch.ts';
import type { SplitTarget } from '../../src/live/live-split.ts';
import { LiveState } from '../../src/live/live-state.ts';
import type { CanaryConfig } from '../../src/model/canary.ts';
import { readPatch, writePatch } from '../../src/model/config-patch.ts';
import type { ProxyConfig, RouteConfig } from '../../src/model/proxy-config.ts';
import { takeAll } from '../../src/model/steps.ts';
import { canaryConfig, proxyConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { release } from '../support/release.ts';
import { requestFacts } from '../support/request-facts.ts';

const UPSTREAMS = ['main', 'next', 'other'].map((id) => upstreamConfig(id, '10.0.0.1:80'));
const LAST_DRAW = 0x7fff_ffff;

function released(host: string, ...releases: readonly (readonly [string, string])[]): RouteConfig {
  const canaries = releases.map(([upstream, id]): CanaryConfig => {
    return canaryConfig(upstream, { weight: 10, release: release({ id }) });
  });
  return routeConfig(host, 'main', {
    host,
    split: { members: [{ upstream: 'main', weight: 1, filters: [] }], canaries },
  });
}

type Apply = (live: LiveState, base: ProxyConfig | null, next: ProxyConfig) => void;

const WAYS: readonly (readonly [string, Apply])[] = [
  ['whole configurations', (live, _base, next) => applyConfig(live, next)],
  [
    'patches',
    (live, base, next) => {
      const patch = base === null ? null : diffConfigs(base, next);
      if (patch === null) applyConfig(live, next);
      else assert.ok(takeAll(applyPatch(live, readPatch(writePatch(patch)))));
    },
  ],
];

class Rig {
  readonly live: LiveState;
  readonly #apply: Apply;
  #running: ProxyConfig | null;

  constructor(apply: Apply) {
    const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
    this.live = new LiveState(new UpstreamRegistry(() => transport, 1));
    this.#apply = apply;
    this.#running = null;
  }

  use(...routes: readonly RouteConfig[]): void {
    const generation = (this.#running?.generation ?? 0) + 1;
    const next = proxyConfig({ generation, upstreams: UPSTREAMS, routes });
    this.#apply(this.live, this.#running, next);
    this.#running = next;
  }

  side(host: string, draw: number): SplitTarget {
    const route = this.live.current.formerTable?.match(host, '/', 1, requestFacts());
    assert.ok(route);
    return route.split.choose(requestFacts(), '192.0.2.1', draw);
  }

  count(host: string, draw: number): void {
    for (const side of this.side(host, draw).counts ?? []) side.countFailure();
  }

  /** `id stable/canary`. */
  get totals(): readonly string[] {
    return this.live.releases
      .toFigures()
      .map(({ id, stable, canary }) => `${id} ${stable.requests}/${canary.requests}`)
      .toSorted();
  }
}

for (const [way, apply] of WAYS) {
  test(`by ${way}: routes of a release count together, and go on counting after changes`, () => {
    const rig = new Rig(apply);
    rig.use(released('a', ['next', 'r']), released('b', ['next', 'r']));
    for (const draw of [0, LAST_DRAW]) for (const host of ['a', 'b']) rig.count(host, draw);
    assert.deepEqual(rig.totals, ['r 2/2']);
    rig.use(released('a', ['next', 'r'], ['other', 's']), released('b', ['next', 'r']));
    rig.count('a', 0);
    assert.deepEqual(rig.totals, ['r 2/3', 's 0/0']);
    rig.use(released('b', ['next', 'r']));
    rig.count('b', LAST_DRAW);
    assert.deepEqual(rig.totals, ['r 3/3']);
  });

  test(`by ${way}: a release is forgotten with its last route`, () => {
    const rig = new Rig(apply);
    rig.use(released('a', ['next', 'r']), released('b', ['next', 'r']));
    rig.count('a', 0);
    rig.use(released('b', ['next', 'r']));
    assert.deepEqual(rig.totals, ['r 0/1']);
    rig.use(released('b'));
    assert.deepEqual(rig.totals, []);
    assert.equal(rig.side('b', 0).counts, null);
    rig.use(released('b', ['next', 'r']));
    assert.deepEqual(rig.totals, ['r 0/0']);
  });

  test(`by ${way}: the main upstream is stable for every release of the route, once`, () => {
    const rig = new Rig(apply);
    rig.use(released('a', ['next', 'r'], ['other', 's'], ['other', 'r']));
    rig.count('a', LAST_DRAW);
    assert.deepEqual(rig.totals, ['r 1/0', 's 1/0']);
  });

  test(`by ${way}: routes that cannot be built leave the counts as they are`, () => {
    const rig = new Rig(apply);
    rig.use(released('a', ['next', 'r']));
    rig.count('a', 0);
    assert.throws(() => rig.use(released('a', ['next', 's']), routeConfig('b', 'nowhere', { host: 'b' })));
    assert.deepEqual(rig.totals, ['r 0/1']);
  });
}
