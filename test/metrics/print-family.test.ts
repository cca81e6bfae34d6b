/** The text of a family is what prom-client makes of it, in pieces of a bounded size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type Metric, Registry } from 'prom-client';
import { counter, gauge, histogram, type MetricFamily, type Sample } from '../../src/metrics/metric-family.ts';
import { printFamily } from '../../src/metrics/print-family.ts';

function textOf(family: MetricFamily): string {
  return [...printFamily(family)].join('');
}

function textOfPromClient(family: MetricFamily): Promise<string> {
  const values = [...family.samples];
  const registry = new Registry();
  const metric: unknown = { ...family, get: async () => ({ ...family, values }) };
  registry.registerMetric(metric as Metric);
  return registry.metrics();
}

const text = fc.string({
  unit: fc.constantFrom('a', 'Z', '"', '\\', '\n', ' ', '{', '}', ',', '=', 'ä'),
  maxLength: 6,
});
const labels = fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(text, fc.integer()));
const sharedLabels = fc.dictionary(fc.constantFrom('c', 'd'), text);
const value = fc.double({ noNaN: true });
const sample: fc.Arbitrary<Sample> = fc.oneof(fc.record({ labels, value }), fc.record({ labels, sharedLabels, value }));
const row = fc.record({
  labels: sharedLabels,
  boundsSeconds: fc.constant([0.1, 1]),
  counts: fc.array(fc.nat(), { minLength: 3, maxLength: 3 }),
  sum: value,
});
const family = fc.oneof(
  fc.array(sample, { minLength: 1 }).map((samples) => counter('a_total', 'Says "so".\nAnd \\so.', samples)),
  fc.array(row, { minLength: 1 }).map((rows) => histogram('a_seconds', 'How long.', rows)),
);

test('a family reads as prom-client writes it', async () => {
  await fc.assert(fc.asyncProperty(family, async (each) => assert.equal(textOf(each), await textOfPromClient(each))));
});

test('samples that share labels may come in any order', () => {
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const samples = [a, b, a, undefined, b].map((shared) => ({
    labels: {},
    ...(shared === undefined ? {} : { sharedLabels: shared }),
    value: 1,
  }));
  const lines = textOf(gauge('x', 'X.', samples))
    .split('\n')
    .slice(2, -1);
  assert.deepEqual(lines, ['x{name="a"} 1', 'x{name="b"} 1', 'x{name="a"} 1', 'x 1', 'x{name="b"} 1']);
});

test('what is no number is written as the format wants it', () => {
  assert.match(textOf(gauge('x', 'X.', [{ labels: {}, value: Number.NaN }])), /^x NaN$/m);
});

test('without samples there is nothing', () => {
  assert.equal(textOf(gauge('x', 'X.', [])), '');
});

test('a large family comes in pieces, each made when it is asked for', () => {
  let made = 0;
  const samples = Array.from({ length: 100_000 }, (_, at) => ({ labels: { at }, value: at }));
  const counted = samples.values().map((each) => {
    made++;
    return each;
  });
  const pieces = printFamily(gauge('x', 'X.', counted));
  const first = pieces.next().value ?? '';
  assert.ok(made < 1_000 && first.length < 100_000, `${made} samples in ${first.length} bytes`);
  const all = first + [...pieces].join('');
  assert.equal(all.split('\n').length, 100_000 + 3);
});
