/** Releases are followed from one configuration to the next as if each were looked at as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ConfigChanges } from '../../src/model/config-changes.ts';
import type { ProxyConfig, RouteConfig } from '../../src/model/proxy-config.ts';
import { routesOfHost } from '../../src/model/sorted-config.ts';
import { findReleases } from '../../src/release/find-releases.ts';
import { ANYWHERE, ReleaseFinder } from '../../src/release/release-finder.ts';
import { canaryConfig, proxyConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { release } from '../support/release.ts';

const HOSTS = ['a.example', 'b.example', 'c.example'];
const RELEASES = ['shop/one', 'shop/two'];

/** What a host serves: the release of its canary, or none. */
type Hosts = readonly (string | null)[];

interface State {
  readonly hosts: Hosts;
  /** Whether the upstream of each release has endpoints. */
  readonly served: readonly boolean[];
}

function toRoutes(host: string, id: string | null, version: number): readonly RouteConfig[] {
  const members = [{ upstream: 'web', weight: 1, filters: [] }];
  const canaries = id === null ? [] : [canaryConfig(`next-${id}`, { release: release({ id }) })];
  return [routeConfig(`${host} ${version}`, 'web', { host, split: { members, canaries } })];
}

/** Configurations as the compiler makes them: what did not change is the same object. */
class Configs {
  #hosts: Hosts = [];
  #version = 0;
  #byHost: readonly (readonly RouteConfig[])[] = [];
  #last: ProxyConfig = proxyConfig({ generation: 1, routes: [], upstreams: [] });

  next({ hosts, served }: State): { readonly config: ProxyConfig; readonly base: ProxyConfig; touched: Set<string> } {
    this.#version++;
    const base = this.#last;
    const touched = new Set(HOSTS.filter((_, at) => this.#hosts[at] !== hosts[at]));
    this.#byHost = HOSTS.map((host, at) =>
      touched.has(host) ? toRoutes(host, hosts[at] ?? null, this.#version) : (this.#byHost[at] ?? []),
    );
    this.#hosts = hosts;
    const upstreams = RELEASES.map((id, at) => upstreamConfig(`next-${id}`, ...(served[at] ? ['10.0.0.1:80'] : [])));
    const routes = touched.size === 0 ? base.routes : this.#byHost.flat();
    this.#last = proxyConfig({ generation: 1, routes, upstreams });
    return { config: this.#last, base, touched };
  }
}

const state: fc.Arbitrary<State> = fc.record({
  hosts: fc.tuple(...HOSTS.map(() => fc.constantFrom(null, ...RELEASES))),
  served: fc.tuple(...RELEASES.map(() => fc.boolean())),
});

function differencesAt(hosts: Iterable<string>, before: ProxyConfig, after: ProxyConfig): ConfigChanges['hosts'] {
  return new Map(
    Array.from(hosts, (host) => [
      host,
      { before: routesOfHost(before.routes, host), after: routesOfHost(after.routes, host) },
    ]),
  );
}

test('where it is known what differs, the same is found as in a look at everything', () => {
  fc.assert(
    fc.property(fc.array(state, { maxLength: 12 }), (states) => {
      const configs = new Configs();
      const finder = new ReleaseFinder();
      let served: readonly boolean[] = [];
      for (const each of states) {
        const { config, base, touched } = configs.next(each);
        const moved = RELEASES.filter((_, at) => each.served[at] !== served[at]).map((id) => `next-${id}`);
        served = each.served;
        const changes = touched.size === 0 ? null : { base, hosts: differencesAt(touched, base, config) };
        assert.deepEqual(finder.update(config, { upstreams: new Set(moved), changes }), findReleases(config));
      }
    }),
  );
});

test('what concerns no release leaves the map it was', () => {
  const finder = new ReleaseFinder();
  const upstreams = [upstreamConfig('next-shop/one', '10.0.0.1:80'), upstreamConfig('web')];
  const plain = toRoutes('b.example', null, 1);
  const base = proxyConfig({ generation: 1, routes: [...toRoutes('a.example', 'shop/one', 1), ...plain], upstreams });
  const found = finder.update(base, ANYWHERE);
  assert.deepEqual([...found.keys()], ['shop/one']);
  const moved = {
    ...base,
    upstreams: [upstreamConfig('next-shop/one', '10.0.0.1:80'), upstreamConfig('web', '10.0.0.2:80')],
  };
  assert.equal(finder.update(moved, { upstreams: new Set(['web']), changes: null }), found);
  const other = { ...moved, routes: [...base.routes.slice(0, 1), ...toRoutes('b.example', null, 2)] };
  const changes = { base: moved, hosts: differencesAt(['b.example'], moved, other) };
  assert.equal(finder.update(other, { upstreams: new Set(), changes }), found);
  assert.notEqual(finder.update(other, { upstreams: new Set(['next-shop/one']), changes: null }), found);
});

test('routes that changed in an unknown place are all looked at', () => {
  const finder = new ReleaseFinder();
  const routes = toRoutes('a.example', 'shop/one', 1);
  const config = proxyConfig({ generation: 1, routes, upstreams: [] });
  finder.update(config, ANYWHERE);
  const without = { ...config, routes: toRoutes('a.example', null, 2) };
  const changes = { base: proxyConfig({ generation: 1, routes: [], upstreams: [] }), hosts: new Map() };
  assert.equal(finder.update(without, { upstreams: new Set(), changes }).size, 0);
});
