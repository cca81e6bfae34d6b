/** States laid over snapshots: what wins, what stays the same object, and when the source has caught up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressObject } from '../../src/model/objects.ts';
import type { ReleaseState } from '../../src/model/release.ts';
import { formatReleaseState, parseReleaseState } from '../../src/model/release-state.ts';
import { StateOverlay } from '../../src/release/state-overlay.ts';
import * as fixtures from '../support/fixtures.ts';
import { releaseState } from '../support/release.ts';

const KEY = 'sluice.dev/canary-state';

function ingress(name: string, annotations: Readonly<Record<string, string>> = {}): IngressObject {
  const meta = { key: `shop/${name}`, namespace: 'shop', name, uid: '', resourceVersion: '' };
  return { ...meta, annotations, className: null, createdAt: 0, defaultBackend: null, rules: [], tls: [] };
}

function snapshot(...ingresses: readonly IngressObject[]): ObjectSnapshot {
  return fixtures.snapshot({ ingresses, classes: null });
}

interface Fixture {
  readonly overlay: StateOverlay;
  readonly forgotten: string[];
  now: number;
}

function fixture(absentLimitMs = 0): Fixture {
  const made: { overlay?: StateOverlay; forgotten: string[]; now: number } = { forgotten: [], now: 0 };
  made.overlay = new StateOverlay({
    absentLimitMs,
    nowAt: () => made.now,
    onForgotten: (id) => made.forgotten.push(id),
  });
  return made as Fixture;
}

function laidState(overlay: StateOverlay, on: ObjectSnapshot): ReleaseState | null {
  const text = overlay.lay(on).ingresses.get('shop/canary')?.annotations[KEY];
  const parsed = text === undefined ? null : parseReleaseState(text);
  return parsed !== null && 'value' in parsed ? parsed.value : null;
}

test('without anything decided a snapshot is handed on as it is', () => {
  const on = snapshot(ingress('canary'));
  assert.equal(fixture().overlay.lay(on), on);
});

test('a state is laid on its Ingress alone; all others, and the same one next time, stay the same objects', () => {
  const { overlay } = fixture();
  const web = ingress('web');
  const canary = ingress('canary', { a: 'b' });
  overlay.set('shop/canary', releaseState(), false);
  const on = snapshot(web, canary);
  const first = overlay.lay(on);
  assert.equal(first.ingresses.get('shop/web'), web);
  assert.deepEqual(first.ingresses.get('shop/canary')?.annotations, {
    a: 'b',
    [KEY]: formatReleaseState(releaseState()),
  });
  assert.deepEqual(canary.annotations, { a: 'b' });
  // Only endpoints differ: the map is shared, and so is what was made of it.
  assert.equal(overlay.lay({ ...on, endpointsOnly: true }).ingresses, first.ingresses);
  const again = overlay.lay(snapshot(web, canary));
  assert.equal(again.ingresses.get('shop/canary'), first.ingresses.get('shop/canary'));
});

const cases: readonly (readonly [
  name: string,
  decided: Partial<ReleaseState>,
  own: Partial<ReleaseState>,
  wins: boolean,
])[] = [
  ['a later state wins', { step: 1, changedAt: 20 }, { changedAt: 10 }, true],
  ['an earlier state gives way', { changedAt: 10 }, { step: 1, changedAt: 20 }, false],
  ['the same state gives way', { changedAt: 10 }, { changedAt: 10 }, false],
  ['a stop wins over a later step', { phase: 'aborted', changedAt: 10 }, { step: 1, changedAt: 20 }, true],
  ['a stop wins over a later end', { phase: 'aborted', changedAt: 10 }, { phase: 'completed', changedAt: 20 }, true],
  [
    'a stored stop wins over a later one',
    { phase: 'aborted', changedAt: 20 },
    { phase: 'aborted', changedAt: 10 },
    false,
  ],
  ['a stored stop wins over a later step', { step: 1, changedAt: 20 }, { phase: 'expired', changedAt: 10 }, false],
  [
    'a stop of an earlier release gives way',
    { phase: 'aborted', changedAt: 10 },
    { revision: 'b', changedAt: 20 },
    false,
  ],
];

for (const [name, decided, own, wins] of cases) {
  test(`${name}, and what gives way is forgotten`, () => {
    const { overlay, forgotten } = fixture();
    overlay.set('shop/canary', releaseState(decided), true);
    const on = snapshot(ingress('canary', { [KEY]: formatReleaseState(releaseState(own)) }));
    assert.deepEqual(laidState(overlay, on), releaseState(wins ? decided : own));
    assert.deepEqual(forgotten, wins ? [] : ['shop/canary']);
    if (!wins) assert.equal(overlay.lay(on), on);
  });
}

function holding(state: ReleaseState): ObjectSnapshot {
  return snapshot(ingress('canary', { [KEY]: formatReleaseState(state) }));
}

test('what a state was decided in the knowledge of does not win by its time, and any other one does', () => {
  const { overlay, forgotten } = fixture();
  const before = releaseState({ revision: 'old', changedAt: 9_000 });
  const source = holding(before);
  for (const step of [0, 1]) {
    const decided = releaseState({ step, changedAt: 10 + step });
    overlay.set('shop/canary', decided, true, step === 0 ? before : releaseState({ changedAt: 10 }));
    assert.deepEqual(laidState(overlay, source), decided);
    assert.deepEqual(
      laidState(overlay, snapshot(ingress('canary', { [KEY]: ` ${formatReleaseState(before)}` }))),
      decided,
    );
  }
  assert.deepEqual(forgotten, []);
  const other = releaseState({ revision: 'old', changedAt: 9_001 });
  assert.deepEqual(laidState(overlay, holding(other)), other);
  assert.deepEqual(forgotten, ['shop/canary']);
  const decided = releaseState({ changedAt: 10 });
  overlay.set('shop/canary', decided, true, decided);
  assert.deepEqual(laidState(overlay, holding(decided)), decided);
  assert.equal(overlay.get('shop/canary'), null);
});

test('one that cannot be read is left for its owner to see', () => {
  const { overlay } = fixture();
  overlay.set('shop/canary', releaseState(), true);
  const on = snapshot(ingress('canary', { [KEY]: '{' }));
  assert.equal(overlay.lay(on), on);
});

test('a change of state is another version, the same state is not', () => {
  const { overlay } = fixture();
  overlay.set('shop/canary', releaseState(), false);
  const { version } = overlay;
  overlay.set('shop/canary', releaseState(), true);
  assert.equal(overlay.version, version);
  overlay.set('shop/canary', releaseState({ step: 1 }), true);
  assert.notEqual(overlay.version, version);
  assert.equal(laidState(overlay, snapshot(ingress('canary')))?.step, 1);
});

test('what was gone for too long begins anew; what was gone for a moment does not', () => {
  const made = fixture(1_000);
  const { overlay, forgotten } = made;
  overlay.set('shop/canary', releaseState(), true);
  overlay.lay(snapshot());
  made.now = 900;
  assert.deepEqual(laidState(overlay, snapshot(ingress('canary'))), releaseState());
  made.now = 2_000;
  overlay.lay(snapshot());
  made.now = 3_000;
  assert.equal(laidState(overlay, snapshot(ingress('canary'))), null);
  assert.deepEqual(forgotten, ['shop/canary']);
});

test('without patience it is forgotten as soon as it is gone', () => {
  const { overlay, forgotten } = fixture();
  overlay.set('shop/canary', releaseState(), true);
  overlay.lay(snapshot());
  assert.deepEqual(forgotten, ['shop/canary']);
});
