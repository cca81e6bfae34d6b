/** Which reviews are ours to judge, and the answers to them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  admissionReview,
  REVIEW_TIME,
  type ReviewParts,
  responseOf,
  webhookWith,
} from '../support/admission-review.ts';
import { ingress, service, snapshot } from '../support/fixtures.ts';
import { rawIngress, rawService } from '../support/kubernetes-objects.ts';

const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';
const AUTH = 'nginx.ingress.kubernetes.io/server-snippet';

const good = rawIngress('web', 'x.example', 'cart');
const objects = snapshot({ services: [service('shop/cart')] });

function withPath(path: string, part: object = {}): unknown {
  const backend = { service: { name: 'cart', port: { number: 80 } } };
  const http = { paths: [{ path, pathType: 'Prefix', backend }] };
  return { ...good, spec: { ingressClassName: 'sluice', rules: [{ host: 'x.example', http }] }, ...part };
}

function respond(parts: ReviewParts): ReturnType<typeof responseOf> {
  return responseOf(webhookWith(objects), admissionReview(parts));
}

const ALLOWED = { uid: UID, allowed: true };

test('an ingress without faults is allowed without a word', () => {
  assert.deepEqual(respond({ object: good }), ALLOWED);
});

test('an ingress with a fault is refused, with the field and what would be right', () => {
  const { allowed, status } = respond({ object: withPath('/..') });
  assert.equal(allowed, false);
  assert.equal(status?.code, 400);
  assert.match(status.message, /^spec\.rules\[0\]\.http\.paths\[0\]\.path: .*write a plain absolute path/);
  assert.equal(status.details.causes[0]?.field, 'spec.rules[0].http.paths[0].path');
});

test('what narrowing refuses is refused as well', () => {
  const { allowed, status } = respond({ object: withPath('relative') });
  assert.equal(allowed, false);
  assert.match(status?.message ?? '', /does not start with/);
});

test('a doubt becomes a warning', () => {
  const annotations = { 'nginx.ingress.kubernetes.io/proxy-raed-timeout': '5' };
  const { allowed, warnings } = respond({ object: { ...good, metadata: { ...good.metadata, annotations } } });
  assert.equal(allowed, true);
  assert.equal(warnings?.length, 1);
  assert.match(warnings[0] ?? '', /^sluice: metadata\.annotations\[.*did you mean .*proxy-read-timeout$/);
});

test('warnings are few, short and printable', () => {
  const paths = Array.from({ length: 30 }, (_, i) => ({
    path: `/${i}${'x'.repeat(300)}`,
    pathType: 'Prefix',
    backend: { service: { name: 'gone', port: { number: 80 } } },
  }));
  const annotations = { [`nginx.ingress.kubernetes.io/\u001b[31m\n${'\u{1F6A2}'.repeat(100)}`]: 'x' };
  const object = {
    metadata: { ...good.metadata, annotations },
    spec: { ingressClassName: 'sluice', rules: [{ host: 'x.example', http: { paths } }] },
  };
  const { warnings = [] } = respond({ object });
  assert.equal(warnings.length, 8);
  assert.match(warnings.at(-1) ?? '', /^sluice: and \d+ more$/);
  for (const warning of warnings) {
    assert.ok(warning.length <= 256 && warning.isWellFormed(), warning);
    assert.doesNotMatch(warning, /\p{Cc}/u);
  }
});

const faulty = withPath('/..');

const silent: readonly { readonly name: string; readonly parts: ReviewParts }[] = [
  { name: 'a deletion', parts: { operation: 'DELETE', object: null, oldObject: faulty } },
  { name: 'a subresource', parts: { operation: 'UPDATE', subResource: 'status', object: faulty, oldObject: good } },
  { name: 'a connection', parts: { operation: 'CONNECT', object: faulty } },
  { name: 'a kind that is not ours', parts: { kind: 'Pod', object: faulty } },
  {
    name: 'an ingress that is being deleted',
    parts: {
      operation: 'UPDATE',
      object: withPath('/..', { metadata: { ...good.metadata, deletionTimestamp: '2026-01-02T03:04:05Z' } }),
      oldObject: good,
    },
  },
  {
    name: 'a change of labels alone',
    parts: {
      operation: 'UPDATE',
      object: withPath('/..', { metadata: { ...good.metadata, labels: { a: 'b' }, resourceVersion: '9' } }),
      oldObject: faulty,
    },
  },
];

for (const { name, parts } of silent) {
  test(`${name} is allowed without a word`, () => {
    const webhook = webhookWith(objects);
    assert.deepEqual(responseOf(webhook, admissionReview(parts)), ALLOWED);
    assert.equal(webhook.totals.results.ignored, 1);
  });
}

test('a dry run is judged like any other request', () => {
  const review = admissionReview({ object: faulty }) as { request: { dryRun: boolean } };
  review.request.dryRun = true;
  assert.equal(responseOf(webhookWith(objects), review).allowed, false);
});

test('an ingress of a namespace that is not watched is none of our business', () => {
  const webhook = webhookWith(objects, ['elsewhere']);
  assert.deepEqual(responseOf(webhook, admissionReview({ object: faulty })), ALLOWED);
});

test('a new ingress without a time of creation counts as the youngest', () => {
  const owner = ingress('shop/old')
    .createdAt(REVIEW_TIME - 1_000)
    .rule('x.example', '/', 'cart:80');
  const webhook = webhookWith(snapshot({ ingresses: [owner], services: [service('shop/cart')] }));
  const { allowed, warnings } = responseOf(webhook, admissionReview({ object: good }));
  assert.equal(allowed, true);
  assert.match(warnings?.[0] ?? '', /already belongs to Ingress shop\/old/);
});

test('a name that the API server is still to make is no fault', () => {
  const review = admissionReview({ object: { ...good, metadata: { generateName: 'web-' } } });
  assert.deepEqual(responseOf(webhookWith(objects), review), ALLOWED);
});

function annotated(annotations: Record<string, string>): unknown {
  const raw = rawService('cart');
  return { ...raw, metadata: { ...raw.metadata, annotations } };
}

test('annotations of our own on a service are read, and those of others are not', () => {
  const { allowed, warnings } = respond({ kind: 'Service', object: annotated({ 'sluice.dev/balancre': 'x' }) });
  assert.equal(allowed, true);
  assert.match(warnings?.[0] ?? '', /balancre/);
  assert.deepEqual(respond({ kind: 'Service', object: annotated({ [AUTH]: 'x' }) }), ALLOWED);
});

test('results are counted', () => {
  const webhook = webhookWith(objects);
  for (const object of [good, faulty, withPath('/', { metadata: { ...good.metadata, annotations: { [AUTH]: '' } } })]) {
    responseOf(webhook, admissionReview({ object }));
  }
  assert.deepEqual(webhook.totals.results, { allowed: 2, warned: 0, denied: 1, ignored: 0, failed: 0 });
});

test('whatever JSON comes, the answer is a review or says what would have been one', () => {
  const json = fc.jsonValue({ maxDepth: 5 });
  const texts = fc.constantFrom('CREATE', 'UPDATE', 'DELETE', '', 'status');
  const request = fc.record(
    {
      uid: fc.oneof(fc.constant('1'), json),
      kind: fc.oneof(
        fc.constant({ group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' }),
        fc.constant({ group: '', version: 'v1', kind: 'Service' }),
        json,
      ),
      operation: fc.oneof(texts, json),
      subResource: fc.oneof(fc.constant(''), json),
      namespace: fc.oneof(fc.constant('shop'), json),
      name: json,
      object: fc.oneof(mangled(good), mangled(rawService('cart')), json),
      oldObject: fc.oneof(mangled(good), json),
    },
    { requiredKeys: [] },
  );
  const reviews = fc.oneof(
    json,
    // One part of a whole review is anything: most of these are judged.
    mangled(admissionReview({ object: good })),
    fc.record({
      apiVersion: fc.constant('admission.k8s.io/v1'),
      kind: fc.constant('AdmissionReview'),
      request: fc.oneof(request, json),
    }),
  );
  const webhook = webhookWith(objects);
  fc.assert(
    fc.property(reviews, (review) => {
      const answer = webhook.review(JSON.parse(JSON.stringify(review)));
      if ('error' in answer) assert.match(answer.error, /^expected /);
      else assert.equal(typeof answer.response.allowed, 'boolean');
    }),
    { numRuns: 2_000 },
  );
  assert.ok(webhook.totals.results.denied > 0);
});

/** `object` with one of its parts replaced by anything. */
function mangled(object: unknown): fc.Arbitrary<unknown> {
  const places = [...findPlaces(object, [])];
  return fc.tuple(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 })).map(([place, value]) => {
    const copy: unknown = structuredClone(object);
    let holder = copy as Record<string, unknown>;
    for (const key of place.slice(0, -1)) holder = holder[key] as Record<string, unknown>;
    holder[place.at(-1) ?? ''] = value;
    return copy;
  });
}

function* findPlaces(value: unknown, place: readonly string[]): Generator<readonly string[]> {
  if (place.length > 0) yield place;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) yield* findPlaces(child, [...place, key]);
}
