/** Who is newly served is found alike by looking at all routes and by looking at those that changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Compiler } from '../../src/config/compiler.ts';
import { ServedIngresses } from '../../src/watch/served-ingresses.ts';
import { arbitraryTownEdits } from '../support/arbitrary-edits.ts';
import { ingress, service, settings, snapshot } from '../support/fixtures.ts';

test('what is known of changes saves work and changes nothing, also where some configurations were not seen', () => {
  fc.assert(
    fc.property(arbitraryTownEdits, fc.nat(8191), (snapshots, seen) => {
      const compiler = new Compiler(settings({ takeEveryIngress: true }));
      const [all, changed] = [new ServedIngresses(), new ServedIngresses()];
      for (const [at, objects] of snapshots.entries()) {
        const { config, changes } = compiler.compile(objects);
        if ((seen >> at) % 2 === 0) continue;
        const expected = all.update(config.routes, null);
        assert.deepEqual(changed.update(config.routes, changes), expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('who has a host and no path that can be served is not served, until that is mended', () => {
  const served = new ServedIngresses();
  const compiler = new Compiler(settings());
  const services = [service('app')];
  const update = (path: string, revision: number): readonly string[] => {
    const ingresses = [ingress('shop').rule('shop.example', path, 'app:80').build()];
    const { config, changes } = compiler.compile({ ...snapshot({ ingresses, services }), revision });
    assert.ok(config.routes.length > 0);
    return served.update(config.routes, changes);
  };
  assert.deepEqual(update('cart', 1), []);
  assert.deepEqual(update('/cart', 2), ['default/shop']);
  assert.deepEqual(update('/cart/', 3), []);
});
