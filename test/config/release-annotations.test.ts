/** The annotations of a release: what they come to together, and that nothing unreadable lets a release go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAnnotations } from '../../src/config/annotations/read-annotations.ts';
import type { ProblemSeverity } from '../../src/model/problem.ts';
import type { ReleaseConfig, ReleaseState } from '../../src/model/release.ts';
import { DEFAULT_RELEASE_GATES, NO_RELEASE_GATES } from '../../src/model/release-gates.ts';
import { toReleaseRevision } from '../../src/model/release-plan.ts';
import { formatReleaseState, unreadableState } from '../../src/model/release-state.ts';
import { NGINX_PREFIX } from '../support/fixtures.ts';

const STEPS = [
  { percent: 5, holdMs: 600_000 },
  { percent: 100, holdMs: 0 },
];
const PLAN = { 'canary-plan': '5%/10m, 100%' };
const REVISION = toReleaseRevision(STEPS, '');

const RELEASE: Omit<ReleaseConfig, 'id'> = {
  revision: REVISION,
  steps: STEPS,
  gates: DEFAULT_RELEASE_GATES,
  command: null,
  expiresAfterMs: null,
  window: null,
  state: null,
};
/** Without steps nothing is asked of it but that it ends. */
const EXPIRY: Omit<ReleaseConfig, 'id'> = {
  ...RELEASE,
  revision: toReleaseRevision([], ''),
  steps: [],
  gates: NO_RELEASE_GATES,
  expiresAfterMs: 72 * 3_600_000,
};

const STATE: ReleaseState = {
  revision: REVISION,
  phase: 'running',
  step: 0,
  beganAt: 1,
  changedAt: 1,
  elapsedMs: 0,
  earlierFailures: 0,
  reason: '',
};

interface Case {
  readonly name: string;
  /** Without prefix; a name that begins with `nginx:` is of the dialect. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly release: Omit<ReleaseConfig, 'id'> | null;
  readonly weight?: number;
  /** Of its faults. */
  readonly severity?: ProblemSeverity;
  /** Without prefix, with the message. */
  readonly faults?: Readonly<Record<string, RegExp>>;
}

const WITHOUT_PLAN = /^has no effect without sluice.dev\/canary-plan$/;
const WITHOUT_ANY = /^has no effect without sluice.dev\/canary-plan or sluice.dev\/canary-expires-after$/;

const cases: readonly Case[] = [
  {
    name: 'a canary without a plan is no release',
    annotations: { 'nginx:canary-weight': '5' },
    release: null,
    weight: 5,
  },
  { name: 'a plan makes a release', annotations: PLAN, release: RELEASE },
  {
    name: 'all of them together',
    annotations: {
      ...PLAN,
      'canary-release': 'v42',
      'canary-gates': 'none',
      'canary-command': 'promote',
      'canary-expires-after': '72h',
      'canary-window': 'Mon 09:00-17:00 UTC',
      'canary-state': formatReleaseState(STATE),
    },
    release: {
      ...RELEASE,
      revision: toReleaseRevision(STEPS, 'v42'),
      gates: NO_RELEASE_GATES,
      command: { kind: 'promote', step: 1 },
      expiresAfterMs: 72 * 3_600_000,
      window: { timeZone: 'UTC', days: [1], fromMinute: 540, toMinute: 1_020 },
      state: STATE,
    },
  },
  {
    name: 'weights do not count beside a plan',
    annotations: { ...PLAN, 'nginx:canary-weight': '50', 'nginx:canary-weight-total': '1000' },
    release: RELEASE,
    weight: 50,
    faults: {
      'canary-weight': /^has no effect beside sluice.dev\/canary-plan, whose steps say the share$/,
      'canary-weight-total': /^has no effect beside/,
    },
  },
  {
    name: 'a plan that cannot be read gives no share, whatever the weight says',
    annotations: { 'canary-plan': '5%, 100%', 'canary-gates': 'none', 'nginx:canary-weight': '50' },
    release: null,
    weight: 0,
    severity: 'rejected',
    faults: { 'canary-plan': /is not valid, so the canary gets no share: step 1 has no time to stay/ },
  },
  {
    name: 'a name that cannot be read gives no share: it decides whether this is another release',
    annotations: { ...PLAN, 'canary-release': 'v 42' },
    release: null,
    weight: 0,
    severity: 'rejected',
    faults: { 'canary-release': /is not valid, so the canary gets no share: expected a name/ },
  },
  {
    name: 'gates that cannot be read stop the release where it is',
    annotations: { ...PLAN, 'canary-gates': 'errors <= 1%' },
    release: { ...RELEASE, command: { kind: 'pause' } },
    faults: { 'canary-gates': /is not valid, so no step is taken: gate 1 has "1%"/ },
  },
  {
    name: 'a window that cannot be read stops the release where it is',
    annotations: { ...PLAN, 'canary-window': 'always' },
    release: { ...RELEASE, command: { kind: 'pause' } },
    faults: { 'canary-window': /is not valid, so no step is taken: expected DAYS/ },
  },
  {
    name: 'a command that cannot be read stops the release where it is',
    annotations: { ...PLAN, 'canary-command': 'abrot' },
    release: { ...RELEASE, command: { kind: 'pause' } },
    faults: { 'canary-command': /is not valid, so no step is taken: is "abrot"; expected pause, abort/ },
  },
  {
    name: 'an expiry that cannot be read stops the release where it is',
    annotations: { ...PLAN, 'canary-expires-after': 'soon' },
    release: { ...RELEASE, command: { kind: 'pause' } },
    faults: { 'canary-expires-after': /is not valid, so no step is taken: expected a time/ },
  },
  {
    name: 'a command that can be read counts beside a window that cannot',
    annotations: { ...PLAN, 'canary-window': 'always', 'canary-command': 'abort' },
    release: { ...RELEASE, command: { kind: 'abort' } },
    faults: { 'canary-window': /is not valid/ },
  },
  {
    name: 'a step that the plan does not have cannot be asked for',
    annotations: { ...PLAN, 'canary-command': 'promote 3' },
    release: { ...RELEASE, command: { kind: 'pause' } },
    faults: { 'canary-command': /^asks for step 3; the plan has 2, so no step is taken$/ },
  },
  {
    name: 'a state that cannot be read gives no share and is not written over',
    annotations: { ...PLAN, 'canary-state': '{"phase":"running"}' },
    release: { ...RELEASE, state: unreadableState(REVISION) },
    faults: { 'canary-state': /is not valid, so the canary gets no share until it is removed: expected a revision$/ },
  },
  {
    name: 'an expiry alone is a release without steps, and the weight counts',
    annotations: { 'canary-expires-after': '3d', 'canary-release': 'v1', 'nginx:canary-weight': '7' },
    release: { ...EXPIRY, revision: toReleaseRevision([], 'v1') },
    weight: 7,
  },
  {
    name: 'what is about steps has no effect without a plan',
    annotations: {
      'canary-expires-after': '3d',
      'canary-gates': 'errors <= +2%',
      'canary-window': 'Mon 09:00-17:00 UTC',
      'canary-command': 'pause',
    },
    release: EXPIRY,
    faults: {
      'canary-gates': WITHOUT_PLAN,
      'canary-window': WITHOUT_PLAN,
      'canary-command': WITHOUT_PLAN,
    },
  },
  {
    name: 'an abort counts without a plan, too',
    annotations: { 'canary-expires-after': '3d', 'canary-command': 'abort' },
    release: { ...EXPIRY, command: { kind: 'abort' } },
  },
  {
    name: 'without plan and expiry nothing has an effect, and a state that is left over is nobody’s mistake',
    annotations: {
      'canary-gates': 'none',
      'canary-window': 'Mon 09:00-17:00 UTC',
      'canary-command': 'abort',
      'canary-release': 'v1',
      'canary-state': formatReleaseState(STATE),
      'nginx:canary-weight': '5',
    },
    release: null,
    weight: 5,
    faults: {
      'canary-gates': WITHOUT_PLAN,
      'canary-window': WITHOUT_PLAN,
      'canary-command': WITHOUT_ANY,
      'canary-release': WITHOUT_ANY,
    },
  },
];

function toKey(name: string): string {
  return name.startsWith('nginx:') ? `${NGINX_PREFIX}/${name.slice(6)}` : `sluice.dev/${name}`;
}

for (const { name, annotations, release, weight = 0, severity: wanted = 'warning', faults: expected = {} } of cases) {
  test(name, () => {
    const written = Object.entries({ 'nginx:canary': 'true', ...annotations }).map(([key, text]) => [toKey(key), text]);
    const { settings, faults } = readAnnotations(Object.fromEntries(written), NGINX_PREFIX);
    assert.deepEqual(settings.canary.release, release);
    assert.equal(settings.canary.weight, weight);
    for (const { key, message, severity } of faults) {
      assert.equal(severity, wanted);
      assert.match(message, expected[key.replace(/^.*\//, '')] ?? /^no such fault$/, key);
    }
    const reported = new Set(faults.map(({ key }) => key.replace(/^.*\//, '')));
    assert.deepEqual([...reported].toSorted(), Object.keys(expected).toSorted());
  });
}

test('on an ordinary ingress a plan is reported, but not the state that was left behind', () => {
  const annotations = { 'sluice.dev/canary-plan': '100%', 'sluice.dev/canary-state': formatReleaseState(STATE) };
  const { faults } = readAnnotations(annotations, NGINX_PREFIX);
  assert.deepEqual(
    faults.map(({ key }) => key),
    ['sluice.dev/canary-plan'],
  );
});
