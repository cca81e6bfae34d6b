/** Which releases a configuration holds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findReleases } from '../../src/release/find-releases.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { release } from '../support/release.ts';

test('a release is found once, with all its routes, and with whether its canary can answer', () => {
  const config = release();
  const members = [{ upstream: 'web', weight: 1, filters: [] }];
  const canaries = [canaryConfig('next', { release: config }), canaryConfig('other')];
  const routes = Array.from({ length: 7 }, (_, at) =>
    routeConfig(`${at}`, 'web', { host: `h${at}.example`, split: { members, canaries } }),
  );
  const web = upstreamConfig('web', '10.0.0.1:80');
  const upstreams = [upstreamConfig('next'), web];
  const found = findReleases({ routes: [routeConfig('plain', 'web'), ...routes], upstreams });
  assert.deepEqual([...found.keys()], ['shop/canary']);
  const one = found.get('shop/canary');
  assert.equal(one?.config, config);
  assert.equal(one?.routeCount, 7);
  assert.deepEqual(one?.routes, ['h0.example /', 'h1.example /', 'h2.example /', 'h3.example /', 'h4.example /']);
  assert.equal(one?.hasEndpoints, false);
  const served = findReleases({ routes, upstreams: [upstreamConfig('next', '10.0.0.2:80'), web] });
  assert.equal(served.get('shop/canary')?.hasEndpoints, true);
});
