/** The arithmetic of the benches, with made-up rounds: nothing is measured here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile } from '../../bench/macro/arithmetic.ts';
import { compare } from '../../bench/macro/goals.ts';
import { formatComparisons, formatLeg, formatTable, type Round, summarise } from '../../bench/macro/report.ts';

function round(target: string, cpuSeconds: number | null, requests: number, p99Ms = 1): Round {
  const load = { requests, requestsPerSecond: requests / 2, p50Ms: 0.5, p99Ms, p999Ms: 2, errors: 0 };
  return { target, cpuSeconds, seconds: 2, ...load };
}

test('the median is the value in the middle, or halfway between the two that are', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 2, 4, 100]), 7);
  assert.equal(median([]), Number.NaN);
});

test('a percentile is a value that occurs, and the share of those not above it is large enough', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 50), 50);
  assert.equal(percentile(hundred, 99), 99);
  assert.equal(percentile(hundred, 100), 100);
  assert.equal(percentile([7], 1), 7);
  assert.equal(percentile([], 50), Number.NaN);
});

test('a leg about CPU has the microseconds of a request, the least of them as the best, and the share of the core', () => {
  const rounds = [round('sluice', 0.4, 10_000), round('nginx', 1, 1), round('sluice', 0.2, 10_000)];
  const [row] = summarise('cpu', ['sluice'], [...rounds, round('sluice', 0.3, 10_000)]);
  assert.equal(row?.figure?.toFixed(3), '30.000');
  assert.equal(row?.best?.toFixed(3), '20.000');
  assert.equal(row?.busy?.toFixed(3), '0.150');
});

test('a leg about bytes has the millions of bytes of a CPU second, and the most of them as the best', () => {
  const rounds = [round('sluice', 1, 1_000), round('sluice', 2, 1_000), round('sluice', 4, 1_000)];
  const [row] = summarise('bytes', ['sluice'], rounds);
  assert.equal(row?.figure?.toFixed(3), '524.288');
  assert.equal(row?.best?.toFixed(3), '1048.576');
});

test('the upstream alone has no figure of CPU, and is compared with nobody', () => {
  const rows = summarise('cpu', ['direct', 'sluice'], [round('direct', null, 100), round('sluice', 1, 100)]);
  assert.equal(rows[0]?.figure, null);
  assert.equal(rows[0]?.cpuPerRequestUs, null);
  assert.deepEqual(compare('h1', 'cpu', rows), []);
});

test('a goal of CPU is a ratio that must not be exceeded', () => {
  const rounds = [round('sluice', 0.2, 10_000), round('nginx', 0.25, 10_000), round('haproxy', 0.16, 10_000)];
  const comparisons = compare('h1', 'cpu', summarise('cpu', ['sluice', 'nginx', 'haproxy'], rounds));
  assert.deepEqual(
    comparisons.map(({ peer, value, goal, met }) => [peer, value.toFixed(2), goal, met]),
    [
      ['nginx', '0.80', '<= 1.00', true],
      ['haproxy', '1.25', '<= 1.00', false],
    ],
  );
});

test('a goal of bytes is a ratio that must be reached', () => {
  const rounds = [round('sluice', 1, 750), round('nginx', 1, 1_000)];
  const [comparison] = compare('up-1m', 'bytes', summarise('bytes', ['sluice', 'nginx'], rounds));
  assert.deepEqual([comparison?.value, comparison?.goal, comparison?.met], [0.75, '>= 1.00', false]);
});

test('a goal of latency is a distance in milliseconds', () => {
  const rounds = [round('sluice', 1, 1, 3.25), round('nginx', 1, 1, 3)];
  const [comparison] = compare('latency', 'latency', summarise('latency', ['sluice', 'nginx'], rounds));
  assert.deepEqual([comparison?.value, comparison?.goal, comparison?.met], [0.25, '<= +0.50 ms', true]);
});

test('the ratio of the best rounds stands beside that of the medians', () => {
  const sluice = [round('sluice', 1, 100), round('sluice', 2, 100), round('sluice', 3, 100)];
  const rows = summarise('cpu', ['sluice', 'nginx'], [...sluice, round('nginx', 1, 100)]);
  const [comparison] = compare('h1', 'cpu', rows);
  assert.deepEqual([comparison?.value, comparison?.bestValue], [2, 1]);
});

test('a peer without a goal is compared, and neither met nor missed', () => {
  const rows = summarise('cpu', ['sluice', 'haproxy'], [round('sluice', 1, 100), round('haproxy', 2, 100)]);
  const [comparison] = compare('h2-tls', 'cpu', rows);
  assert.deepEqual([comparison?.value, comparison?.goal, comparison?.met], [0.5, '', null]);
});

test('every line of a table has a cell under every head', () => {
  for (const measure of ['cpu', 'bytes', 'latency'] as const) {
    const names = ['direct', 'sluice', 'nginx'];
    const rows = summarise(measure, names, [round('direct', null, 10), round('sluice', 1, 10), round('nginx', 1, 10)]);
    const cells = [formatLeg(measure, rows), formatComparisons(compare('h1', measure, rows))].map((table) =>
      table.split('\n').map((line) => line.replaceAll(' %', '%').split(/ {2,}/).length),
    );
    assert.equal(new Set(cells[0]).size, 1, `leg about ${measure}`);
  }
});

test('a table aligns text to the left and numbers to the right', () => {
  const lines = [
    ['name', 'value'],
    ['x', '1'],
  ];
  assert.equal(formatTable(lines, 1), 'name  value\nx         1');
});
