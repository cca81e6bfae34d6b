/** `plan` of canaries in the static configuration file: what it becomes, and where mistakes are found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseConfig } from '../../src/model/release.ts';
import { parseReleaseGates } from '../../src/model/release-gates.ts';
import { parseReleasePlan, toReleaseRevision } from '../../src/model/release-plan.ts';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';

function narrow(text: string): Promise<StaticNarrowed> {
  return narrowStaticConfig(text, { file: 'sluice.yaml', nowAt: Date.UTC(2026, 0, 1) });
}

const canaries = (...members: readonly string[]): string =>
  `upstreams: { a: { endpoints: [] }, b: { endpoints: [] } }\nroutes: [ { upstream: a, canaries: [ ${members.join(', ')} ] } ]`;
const canary = (plan: string, fields = ''): string => canaries(`{ upstream: b, plan: { ${plan} }${fields} }`);

async function read(plan: string): Promise<ReleaseConfig | undefined> {
  const { config, problems } = await narrow(canary(plan, ', header: { name: x }'));
  assert.deepEqual(problems, []);
  return config?.routes[0]?.canaries[0]?.release;
}

test('a plan becomes the same release as annotations make', async () => {
  const release = await read(
    'release: v42, steps: [ { percent: 5, hold: 10m }, { percent: 33.3, hold: 1.5h }, { percent: 100 } ], ' +
      'gates: { errors: +0.5%, p99: 2x, p95: 1.5x, requests: 500, failures: 50 }, command: promote 2, ' +
      'expiresAfter: 3d, window: "Mon-Fri 09:00-17:00 Europe/Berlin"',
  );
  const plan = parseReleasePlan('5%/10m, 33.3%/90m, 100%');
  const gates = parseReleaseGates('errors <= +0.5%, p95 <= 1.5x, p99 <= 2x, requests >= 500, failures <= 50');
  assert.ok('value' in plan && 'value' in gates);
  assert.deepEqual(release, {
    id: 'v42',
    revision: toReleaseRevision(plan.value, 'v42'),
    steps: plan.value,
    gates: gates.value,
    command: { kind: 'promote', step: 1 },
    expiresAfterMs: 3 * 86_400_000,
    window: { timeZone: 'Europe/Berlin', days: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_020 },
    state: null,
  });
});

test('without a name the release is called like its upstream, and has the default gates', async () => {
  const release = await read('steps: [ { percent: 100 } ]');
  assert.equal(release?.id, 'b');
  assert.equal(release.revision, toReleaseRevision([{ percent: 100, holdMs: 0 }], ''));
  assert.deepEqual({ value: release.gates }, parseReleaseGates('errors <= +1%, requests >= 100'));
});

test('gates that ask nothing are those of "none"', async () => {
  const release = await read(
    'steps: [ { percent: 100 } ], gates: { errors: any, p95: any, requests: 0, failures: any }',
  );
  assert.deepEqual({ value: release?.gates }, parseReleaseGates('none'));
});

test('an expiry without steps is a release that asks nothing else', async () => {
  const release = await read('expiresAfter: 72h, command: abort');
  assert.deepEqual(release?.steps, []);
  assert.deepEqual(release.command, { kind: 'abort' });
  assert.deepEqual({ value: release.gates }, parseReleaseGates('none'));
});

interface Mistake {
  readonly name: string;
  readonly text: string;
  /** Below the first canary. */
  readonly expected: readonly (readonly [field: string, message: RegExp])[];
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'percentages that do not grow',
    text: canary('steps: [ { percent: 5, hold: 1m }, { percent: 5 } ]'),
    expected: [['.plan.steps[1]', /^has 5 % after 5 %; expected percentages that grow$/]],
  },
  {
    name: 'a step without time before the last one',
    text: canary('steps: [ { percent: 5 }, { percent: 100 } ]'),
    expected: [
      ['.plan.steps[0]', /^has no time to stay, which only the last step may lack; expected a time such as 10m$/],
    ],
  },
  {
    name: 'values that are none',
    text: canary(
      'release: "v 1", steps: [ { percent: 0, hold: 1m }, { percent: 0.0001, hold: 0s }, { percent: "5%" } ], ' +
        'gates: { errors: 1%, p95: 0.5x, requests: any, failures: -1 }, command: stop, expiresAfter: 5, window: always',
    ),
    expected: [
      ['.plan.release', /^is "v 1"; expected a name of at most 128/],
      ['.plan.steps[0].percent', /^is 0; expected a percentage above 0 and up to 100, with at most three decimals$/],
      ['.plan.steps[1].percent', /^is 0.0001; expected a percentage/],
      ['.plan.steps[1].hold', /^is "0s"; expected a time from 1s to 365d/],
      ['.plan.steps[2].percent', /^is "5%"; expected a percentage/],
      ['.plan.gates.errors', /^is "1%"; expected \+N%, a number of percentage points/],
      ['.plan.gates.p95', /^is "0.5x"; expected Nx, a factor from 1 to 100/],
      ['.plan.gates.requests', /^is "any"; expected a whole number/],
      ['.plan.gates.failures', /^is -1; expected a whole number from 0 to 1000000000, or any$/],
      ['.plan.command', /^is "stop"; expected pause, abort, promote, or promote N/],
      ['.plan.expiresAfter', /^is 5; expected a time/],
      ['.plan.window', /^is "always"; expected DAYS HH:MM-HH:MM ZONE/],
    ],
  },
  {
    name: 'a misspelt key',
    text: canary('steps: [ { percent: 100, holds: 1m } ]'),
    expected: [['.plan.steps[0].holds', /^unknown key `holds`; did you mean `hold`\?$/]],
  },
  {
    name: 'a time zone that does not exist',
    text: canary('steps: [ { percent: 100 } ], window: "Mon 09:00-17:00 Europe/Atlantis"'),
    expected: [['.plan.window', /^is "Mon 09:00.*"; expected a name such as Europe\/Berlin or UTC$/]],
  },
  {
    name: 'no steps and too many',
    text: canaries(
      '{ upstream: b, plan: { steps: [] } }',
      `{ upstream: b, plan: { release: v2, steps: [ ${Array.from({ length: 33 }, (_, at) => `{ percent: ${at + 1}, hold: 1m }`).join(', ')} ] } }`,
    ),
    expected: [
      ['.plan.steps', /expected at least one step$/],
      ['canaries[1].plan.steps', /expected at most 32 steps$/],
    ],
  },
  {
    name: 'a plan of nothing',
    text: canary('release: v1', ', weight: 5'),
    expected: [['.plan', /^has neither steps nor expiresAfter; expected at least one of them$/]],
  },
  {
    name: 'what is about steps without steps',
    text: canary(
      'expiresAfter: 1h, gates: { requests: 5 }, window: "Mon 09:00-17:00 UTC", command: pause',
      ', weight: 5',
    ),
    expected: [
      ['.plan.gates', /^has no effect without `steps`$/],
      ['.plan.window', /^has no effect without `steps`$/],
      ['.plan.command', /^has no effect without `steps`$/],
    ],
  },
  {
    name: 'an expiry that nothing would ever reach',
    text: canary('expiresAfter: 1h'),
    expected: [
      [
        '',
        /^has no header, cookie, match or weight, no steps of a plan and no lane to honour, so nothing would ever reach it/,
      ],
    ],
  },
  {
    name: 'a step that the plan does not have',
    text: canary('steps: [ { percent: 100 } ], command: promote 2'),
    expected: [['.plan.command', /^asks for step 2; the plan has 1$/]],
  },
  {
    name: 'weights beside steps',
    text: canary('steps: [ { percent: 100 } ]', ', weight: 5, weightTotal: 1000'),
    expected: [
      ['.weight', /^stands beside the steps of `plan`, which say the share; expected one of the two$/],
      ['.weightTotal', /^stands beside the steps/],
    ],
  },
  {
    name: 'two plans of one release',
    text: canaries(
      '{ upstream: b, plan: { steps: [ { percent: 5, hold: 600s }, { percent: 100 } ] } }',
      '{ upstream: b, plan: { steps: [ { percent: 5, hold: 10m }, { percent: 100 } ] } }',
      '{ upstream: b, plan: { steps: [ { percent: 5, hold: 10m }, { percent: 99 } ] } }',
    ),
    expected: [
      [
        'canaries[2].plan',
        /^differs from routes\[0\].canaries\[0\].plan, which is the same release "b"; expected equal plans, or another name in `release`$/,
      ],
    ],
  },
];

for (const { name, text, expected } of MISTAKES) {
  test(`${name}: rejected with its place`, async () => {
    const { config, problems } = await narrow(text);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map(({ field }) => field.replace('routes[0].', '').replace('canaries[0]', '')),
      expected.map(([field]) => field),
    );
    for (const [at, [, message]] of expected.entries()) assert.match(problems[at]?.message ?? '', message);
    assert.ok(problems.every(({ location }) => location !== null));
  });
}

const planLine = (percent: number): string => `        plan: { release: v1, steps: [ { percent: ${percent} } ] }`;

test('the second of two different plans is told with line and column', async () => {
  const text = [
    'upstreams: { a: { endpoints: [] }, b: { endpoints: [] } }',
    'routes:',
    '  - upstream: a',
    '    canaries:',
    '      - upstream: b',
    planLine(50),
    '      - upstream: b',
    planLine(60),
  ].join('\n');
  const { problems } = await narrow(text);
  assert.deepEqual(
    problems.map(({ location }) => location),
    [{ file: 'sluice.yaml', line: 8, column: 15 }],
  );
});
