/** How far a change reaches: what is compiled anew with it, and what comes and goes with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compiler } from '../../src/config/compiler.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressObject, ServiceObject } from '../../src/model/objects.ts';
import { routesOfHost } from '../../src/model/sorted-config.ts';
import { ingress, NGINX_PREFIX, service, settings, slice, snapshot, tlsSecret } from '../support/fixtures.ts';

const SHOP = ingress('shop').rule('shop.example', '/', 'app:80').build();
const BLOG = ingress('blog').rule('blog.example', '/', 'app:80').build();
const WIKI = ingress('wiki').rule('wiki.example', '/', 'wiki:80').build();
const APP = service('app');
const BASE = snapshot({ ingresses: [SHOP, BLOG, WIKI], services: [APP, service('wiki')] });

let revision = BASE.revision;

function edit(before: ObjectSnapshot, part: Partial<ObjectSnapshot>): ObjectSnapshot {
  return { ...before, ...part, revision: ++revision };
}

function put<T extends IngressObject | ServiceObject>(
  objects: ReadonlyMap<string, T>,
  object: T,
): ReadonlyMap<string, T> {
  return new Map([...objects, [object.key, object]]);
}

/** Hosts and upstreams that may differ after the second one. */
function reach(compiler: Compiler, before: ObjectSnapshot, after: ObjectSnapshot): readonly (readonly string[])[] {
  const { config } = compiler.compile(before);
  const { changes } = compiler.compile(after);
  assert.equal(changes?.base, config);
  return [[...changes.hosts.keys()].toSorted(), [...changes.upstreams.keys()].toSorted()];
}

test('a change of one ingress concerns its hosts, before and after, and its upstreams', () => {
  const moved = ingress('shop').rule('new.example', '/', 'app:80').build();
  const after = edit(BASE, { ingresses: put(BASE.ingresses, moved) });
  assert.deepEqual(reach(new Compiler(settings()), BASE, after), [['new.example', 'shop.example'], ['default/app/80']]);
});

test('whoever asks something of an upstream concerns all that use its service', () => {
  const asking = ingress('shop').rule('shop.example', '/', 'app:80').annotate({ 'load-balance': 'ewma' }).build();
  const after = edit(BASE, { ingresses: put(BASE.ingresses, asking) });
  const both = [['blog.example', 'shop.example'], ['default/app/80']];
  assert.deepEqual(reach(new Compiler(settings()), BASE, after), both);
  assert.deepEqual(reach(new Compiler(settings()), after, BASE), both, 'and so does who asks no longer');
});

test('addresses that move with other changes concern their upstreams and no host', () => {
  const endpointSlices = new Map([['default/wiki', [slice('default/wiki', [])]]]);
  const secrets = new Map([['default/unused', tlsSecret('default/unused', 'x.example')]]);
  const before = edit(BASE, { endpointSlices: new Map() });
  const after = edit(before, { endpointSlices, tlsSecrets: secrets });
  assert.deepEqual(reach(new Compiler(settings()), before, after), [[], []], 'nobody is ready');
});

test('addresses that move while one of several ingresses of a service goes reach the others', () => {
  const before = edit(BASE, { endpointSlices: new Map() });
  const rest = new Map([...BASE.ingresses].filter(([key]) => key !== SHOP.key));
  const endpointSlices = new Map([['default/app', [slice('default/app', ['10.0.0.1'])]]]);
  const after = edit(before, { ingresses: rest, endpointSlices });
  const compiler = new Compiler(settings());
  compiler.compile(before);
  const { upstreams } = compiler.compile(after).config;
  assert.deepEqual(
    upstreams.map(({ id, endpoints }) => `${id}: ${endpoints.map(({ address }) => address).join()}`),
    ['default/app/80: 10.0.0.1', 'default/wiki/80: '],
  );
});

test('what a canary says is compiled with the host it accompanies', () => {
  const annotations = { [`${NGINX_PREFIX}/canary`]: 'true', [`${NGINX_PREFIX}/canary-weight`]: '10' };
  const canary = ingress('canary').rule('wiki.example', '/', 'app:80').annotate(annotations).build();
  const before = edit(BASE, { ingresses: put(BASE.ingresses, canary) });
  const heavier = { ...canary, annotations: { ...annotations, [`${NGINX_PREFIX}/canary-weight`]: '20' } };
  const after = edit(before, { ingresses: put(before.ingresses, heavier) });
  const [hosts] = reach(new Compiler(settings()), before, after);
  assert.deepEqual(hosts, ['wiki.example']);
});

test('the default backend serves any host until an ingress does, and again afterwards', () => {
  const flags = settings({ defaultBackendService: 'default/fallback' });
  const compiler = new Compiler(flags);
  const before = edit(BASE, { services: put(BASE.services, service('fallback')) });
  const any = ingress('any').rule('', '/', 'app:80').build();
  const after = edit(before, { ingresses: put(before.ingresses, any) });
  const anyHost = (objects: ObjectSnapshot): readonly string[] =>
    routesOfHost(compiler.compile(objects).config.routes, '').map(({ split }) => split.members[0]?.upstream ?? '');
  assert.deepEqual(anyHost(before), ['default/fallback/80']);
  assert.deepEqual(anyHost(after), ['default/app/80']);
  assert.deepEqual(anyHost(edit(before, {})), ['default/fallback/80']);
});

test('where somebody asks something of the default backend, everything is compiled', () => {
  const compiler = new Compiler(settings({ defaultBackendService: 'default/app' }));
  const asking = ingress('shop').rule('shop.example', '/x', 'app:80').annotate({ 'load-balance': 'ewma' }).build();
  const before = edit(BASE, { ingresses: put(BASE.ingresses, asking) });
  compiler.compile(before);
  assert.equal(compiler.compile(edit(before, { ingresses: BASE.ingresses })).changes, null);
  assert.notEqual(compiler.compile(edit(before, { ingresses: put(BASE.ingresses, WIKI) })).changes, null);
});

test('a snapshot that repeats the last one leaves every list as it is', () => {
  const compiler = new Compiler(settings());
  const { config } = compiler.compile(BASE);
  const { config: again } = compiler.compile(edit(BASE, {}));
  assert.equal(again.routes, config.routes);
  assert.equal(again.upstreams, config.upstreams);
  assert.equal(again.certificates, config.certificates);
  assert.equal(again.problems, config.problems);
});

test('after it was told to forget, everything is compiled', () => {
  const compiler = new Compiler(settings());
  compiler.compile(BASE);
  compiler.forget();
  assert.throws(() => compiler.compileEndpoints(BASE));
  assert.equal(compiler.compile(edit(BASE, {})).changes, null);
});
