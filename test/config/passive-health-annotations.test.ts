/** `sluice.dev/outlier-*`, `slow-start*` and `panic-threshold`: what they come to, in whatever order they are written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAnnotations, readServiceAnnotations } from '../../src/config/annotations/read-annotations.ts';
import { DEFAULT_OUTLIER_DETECTION } from '../../src/model/outlier-detection.ts';
import type { UpstreamPolicy } from '../../src/model/upstream-policy.ts';
import { NGINX_PREFIX } from '../support/fixtures.ts';

interface Case {
  readonly name: string;
  /** Without prefix. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly upstream: Partial<UpstreamPolicy>;
  /** Keys without prefix that are reported. */
  readonly faults?: readonly string[];
}

const cases: readonly Case[] = [
  { name: 'nothing asks for nothing', annotations: {}, upstream: {} },
  {
    name: 'one word switches everything on',
    annotations: { 'outlier-detection': 'on' },
    upstream: { outlierDetection: DEFAULT_OUTLIER_DETECTION },
  },
  { name: 'off means off', annotations: { 'outlier-detection': 'off' }, upstream: { outlierDetection: null } },
  {
    name: 'a limit switches on as well, the others keep their defaults',
    annotations: { 'outlier-server-errors': '10' },
    upstream: { outlierDetection: { ...DEFAULT_OUTLIER_DETECTION, serverErrors: 10 } },
  },
  {
    name: 'all limits together',
    annotations: {
      'outlier-connect-failures': '0',
      'outlier-gateway-failures': '2',
      'outlier-server-errors': '7',
      'outlier-success-rate-gap': '15',
      'outlier-success-rate-requests': '200',
      'outlier-interval': '1m',
      'outlier-base-ejection-time': '500ms',
      'outlier-max-ejection-time': '1h',
      'outlier-max-ejected-percent': '20',
    },
    upstream: {
      outlierDetection: {
        connectFailures: 0,
        gatewayFailures: 2,
        serverErrors: 7,
        successRateGap: 15,
        successRateRequests: 200,
        intervalMs: 60_000,
        baseEjectionMs: 500,
        maxEjectionMs: 3_600_000,
        maxEjectedPercent: 20,
      },
    },
  },
  {
    name: 'limits beside off are reported',
    annotations: { 'outlier-detection': 'off', 'outlier-interval': '5s' },
    upstream: { outlierDetection: null },
    faults: ['outlier-interval'],
  },
  {
    name: 'a limit that cannot be read switches nothing on',
    annotations: { 'outlier-interval': 'soon' },
    upstream: {},
    faults: ['outlier-interval'],
  },
  {
    name: 'slow start begins with a tenth',
    annotations: { 'slow-start': '30s' },
    upstream: { slowStart: { windowMs: 30_000, minPercent: 10 } },
  },
  {
    name: 'or with what is asked for',
    annotations: { 'slow-start': '1m', 'slow-start-min-percent': '25' },
    upstream: { slowStart: { windowMs: 60_000, minPercent: 25 } },
  },
  {
    name: 'a share without a window is reported',
    annotations: { 'slow-start-min-percent': '25' },
    upstream: {},
    faults: ['slow-start-min-percent'],
  },
  { name: 'a panic threshold', annotations: { 'panic-threshold': '40' }, upstream: { panicThreshold: 40 } },
  {
    name: 'values out of range are reported',
    annotations: { 'panic-threshold': '101', 'slow-start': '30', 'outlier-max-ejected-percent': '-1' },
    upstream: {},
    faults: ['outlier-max-ejected-percent', 'panic-threshold', 'slow-start'],
  },
];

for (const { name, annotations, upstream, faults = [] } of cases) {
  test(name, () => {
    const written = Object.entries(annotations).map(([key, text]) => [`sluice.dev/${key}`, text]);
    const onIngress = readAnnotations(Object.fromEntries(written), NGINX_PREFIX);
    assert.deepEqual(onIngress.settings.upstream, upstream);
    assert.deepEqual(
      onIngress.faults.map(({ key }) => key.replace('sluice.dev/', '')),
      faults,
    );
    const onService = readServiceAnnotations(Object.fromEntries(written.toReversed()));
    assert.deepEqual(onService, { settings: upstream, faults: onIngress.faults });
  });
}
