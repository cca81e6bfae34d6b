/** What admission refuses, what it only mentions, and what it says of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngressIndex } from '../../src/admission/ingress-index.ts';
import { type Judgement, judgeIngress } from '../../src/admission/judge-ingress.ts';
import type { IngressObject } from '../../src/model/objects.ts';
import type { Problem } from '../../src/model/problem.ts';
import {
  canary,
  type IngressBuilder,
  ingress,
  type SnapshotParts,
  service,
  settings,
  snapshot,
  tlsSecret,
} from '../support/fixtures.ts';

function narrowed(object: IngressObject | IngressBuilder): { value: IngressObject; problems: readonly Problem[] } {
  return { value: 'build' in object ? object.build() : object, problems: [] };
}

/** Judges `after` in a cluster where it is already there as `before`; null = it is new. */
function judge(parts: SnapshotParts, after: IngressBuilder, before: IngressBuilder | null = null): Judgement {
  const ingresses = [...(parts.ingresses ?? []), ...(before === null ? [] : [before])];
  const objects = snapshot({ services: [service('a')], ...parts, ingresses });
  const flags = settings();
  const index = new IngressIndex(flags.annotationsPrefix);
  index.update(objects.ingresses);
  const change = { before: before === null ? null : narrowed(before), after: narrowed(after) };
  return judgeIngress({ snapshot: objects, index, settings: flags }, change);
}

const codes = (problems: readonly Problem[]): readonly string[] => problems.map(({ code }) => code);

test('an ingress that is served as written is not talked about', () => {
  const after = ingress('new').rule('x.example', '/', 'a:80');
  assert.deepEqual(judge({}, after), { ours: true, faults: [], doubts: [], consequences: [] });
});

test('a path that no request can have is a fault, with the words of the compiler', () => {
  const { faults } = judge({}, ingress('new').rule('x.example', '/..', 'a:80'));
  assert.equal(faults[0]?.field, 'spec.rules[0].http.paths[0].path');
  assert.match(faults[0].message, /^path "\/\.\." leads above the root/);
});

test('a path that an older ingress owns is a doubt, as that one may be on its way out', () => {
  const older = ingress('old').createdAt(1).rule('x.example', '/', 'a:80');
  const { faults, doubts, consequences } = judge(
    { ingresses: [older] },
    ingress('new').createdAt(2).rule('x.example', '/', 'a:80'),
  );
  assert.deepEqual([faults, codes(doubts), consequences], [[], ['path-conflict'], []]);
  assert.match(doubts[0]?.message ?? '', /already belongs to Ingress default\/old/);
});

test('a path that an ingress claims twice is a fault', () => {
  const twice = ingress('new').rule('x.example', '/', 'a:80').rule('X.example', '/', 'a:80');
  assert.deepEqual(codes(judge({}, twice).faults), ['path-conflict']);
});

test('a change that takes a path from a younger ingress says so', () => {
  const younger = ingress('young').createdAt(2).rule('x.example', '/', 'a:80');
  const before = ingress('old').createdAt(1).rule('x.example', '/other', 'a:80');
  const { doubts, consequences } = judge(
    { ingresses: [younger] },
    ingress('old').createdAt(1).rule('x.example', '/', 'a:80'),
    before,
  );
  assert.deepEqual(doubts, []);
  assert.equal(consequences[0]?.source.name, 'young');
  assert.match(consequences[0].message, /already belongs to Ingress default\/old/);
});

test('a change that takes the partner from a canary says so', () => {
  const before = ingress('main').rule('x.example', '/', 'a:80');
  const { consequences } = judge(
    { ingresses: [canary('next', 'x.example', '/', 'b:80')], services: [service('a'), service('b')] },
    ingress('main').rule('x.example', '/moved', 'a:80'),
    before,
  );
  assert.deepEqual(
    consequences.map(({ code, source }) => `${code} ${source.name}`),
    ['canary-invalid next'],
  );
});

test('services, secrets and classes that are not there yet are doubts', () => {
  const { faults, doubts } = judge({}, ingress('new').rule('x.example', '/', 'gone:80').tls('gone', 'x.example'));
  assert.deepEqual([faults, codes(doubts)], [[], ['reference-not-found', 'reference-not-found']]);
  const classless = judge({ classes: [] }, ingress('new').rule('x.example', '/..', 'a:80'));
  assert.deepEqual([classless.ours, classless.faults, codes(classless.doubts)], [false, [], ['class-not-found']]);
});

test('a setting that closes all routes is a fault', () => {
  const after = ingress('new').annotate({ 'server-snippet': 'return 200;' }).rule('x.example', '/', 'a:80');
  assert.deepEqual(codes(judge({}, after).faults), ['security-unsupported']);
});

test('a fault that was there before is a doubt, also when it moved; a new one is a fault', () => {
  const before = ingress('old').rule('x.example', '/', 'a:80').rule('y.example', '/..', 'a:80');
  const moved = judge({}, ingress('old').rule('y.example', '/..', 'a:80'), before);
  assert.deepEqual([moved.faults, codes(moved.doubts)], [[], ['path-invalid']]);
  const worse = judge({}, ingress('old').rule('y.example', '/..', 'a:80').rule('y.example', '/%zz', 'a:80'), before);
  assert.deepEqual([codes(worse.faults), codes(worse.doubts)], [['path-invalid'], ['path-invalid']]);
});

test('what was wrong under another class is a fault when it becomes ours', () => {
  const before = ingress('old').className('other').rule('x.example', '/..', 'a:80');
  assert.deepEqual(codes(judge({}, ingress('old').rule('x.example', '/..', 'a:80'), before).faults), ['path-invalid']);
});

test('an ingress of another class is none of our business', () => {
  const foreign = ingress('new').className('other').rule('x.example', '/..', 'a:80');
  assert.deepEqual(judge({}, foreign), { ours: false, faults: [], doubts: [], consequences: [] });
});

test('the certificate of a host is the business of the oldest ingress with tls, whoever owns the host', () => {
  const owner = ingress('first').createdAt(1).rule('x.example', '/1', 'a:80');
  const tlsOwner = ingress('second').createdAt(2).rule('x.example', '/2', 'a:80').tls('cert', 'x.example');
  const after = ingress('third').createdAt(3).rule('x.example', '/3', 'a:80').tls('cert', 'x.example');
  const secrets = [tlsSecret('cert', 'other.example')];
  assert.deepEqual(codes(judge({ secrets, ingresses: [owner] }, after).doubts), ['certificate-mismatch']);
  assert.deepEqual(judge({ secrets, ingresses: [owner, tlsOwner] }, after).doubts, []);
});

test('an ingress of another class decides nothing, however old it is', () => {
  const foreign = ingress('first')
    .className('other')
    .createdAt(1)
    .rule('x.example', '/1', 'a:80')
    .tls('cert', 'x.example');
  const after = ingress('third').createdAt(3).rule('x.example', '/3', 'a:80').tls('cert', 'x.example');
  const { doubts } = judge({ secrets: [tlsSecret('cert', 'other.example')], ingresses: [foreign] }, after);
  assert.deepEqual(codes(doubts), ['certificate-mismatch']);
});

test('a setting of an upstream belongs to the oldest ingress that asks for it and is served', () => {
  const asks = { 'sluice.dev/balancer': 'random' };
  const owner = ingress('owner').createdAt(1).rule('x.example', '/', 'b:80');
  const other = ingress('other').createdAt(2).annotate(asks).rule('x.example', '/', 'a:80');
  const after = ingress('new')
    .createdAt(3)
    .annotate({ 'sluice.dev/balancer': 'least-request' })
    .rule('y.example', '/', 'a:80');
  const services = [service('a'), service('b')];
  assert.deepEqual(codes(judge({ services, ingresses: [other] }, after).doubts), ['upstream-conflict']);
  // Who lost its path to an older one asks for nothing.
  assert.deepEqual(judge({ services, ingresses: [owner, other] }, after).doubts, []);
});

function release(annotations: Readonly<Record<string, string>>): IngressBuilder {
  return canary('next', 'x.example', '/', 'b:80').annotate(annotations);
}

test('a plan that would give no share is a fault, what would only hold it up is a doubt', () => {
  const parts = { ingresses: [ingress('main').rule('x.example', '/', 'a:80')], services: [service('a'), service('b')] };
  assert.deepEqual(judge(parts, release({ 'sluice.dev/canary-plan': '5%/10m, 100%' })).faults, []);
  const broken = judge(parts, release({ 'sluice.dev/canary-plan': '5%, 100%' }));
  assert.match(broken.faults[0]?.message ?? '', /so the canary gets no share: step 1 has no time to stay/);
  const waiting = judge(parts, release({ 'sluice.dev/canary-plan': '100%', 'sluice.dev/canary-window': 'Mondays' }));
  assert.deepEqual([waiting.faults, codes(waiting.doubts)], [[], ['annotation-invalid']]);
});
