/** Windows of releases: what their texts mean, which moments are inside, and where they are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseWindow } from '../../src/model/release.ts';
import { formatReleaseWindow, isInWindow, parseReleaseWindow } from '../../src/model/release-window.ts';
import { arbitraryWindow } from '../support/arbitrary-release.ts';

const NINE_TO_FIVE = { fromMinute: 9 * 60, toMinute: 17 * 60 };

const MEANINGS: readonly (readonly [text: string, window: ReleaseWindow])[] = [
  ['Mon-Fri 09:00-17:00 Europe/Berlin', { timeZone: 'Europe/Berlin', days: [1, 2, 3, 4, 5], ...NINE_TO_FIVE }],
  ['Mon,Wed 09:00-17:00 UTC', { timeZone: 'UTC', days: [1, 3], ...NINE_TO_FIVE }],
  ['Fri-Mon 09:00-17:00 UTC', { timeZone: 'UTC', days: [0, 1, 5, 6], ...NINE_TO_FIVE }],
  ['Wed,Mon-Tue,Mon 09:00-17:00 UTC', { timeZone: 'UTC', days: [1, 2, 3], ...NINE_TO_FIVE }],
  ['  Sun  00:00-24:00\tAmerica/New_York ', { timeZone: 'America/New_York', days: [0], fromMinute: 0, toMinute: 1440 }],
  ['Sun 23:59-24:00 europe/berlin', { timeZone: 'Europe/Berlin', days: [0], fromMinute: 1439, toMinute: 1440 }],
];

for (const [text, value] of MEANINGS) {
  test(`the window ${JSON.stringify(text)} is understood`, () => assert.deepEqual(parseReleaseWindow(text), { value }));
}

const REFUSALS: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /^expected DAYS HH:MM-HH:MM ZONE, such as Mon-Fri 09:00-17:00 Europe\/Berlin$/],
  ['09:00-17:00 UTC', /^expected DAYS/],
  ['Mon-Fri 09:00-17:00', /^expected DAYS/],
  ['Mon - Fri 09:00-17:00 UTC', /^expected DAYS/],
  ['mon-fri 09:00-17:00 UTC', /^has the days "mon-fri"; expected such as Mon-Fri or Mon,Wed of Sun, Mon, .*$/],
  ['Mon-Tue-Wed 09:00-17:00 UTC', /^has the days/],
  ['Mon, 09:00-17:00 UTC', /^has the days "Mon,"/],
  ['daily 09:00-17:00 UTC', /^has the days/],
  ['Mon 9:00-17:00 UTC', /^has the time "9:00"; expected HH:MM, from 00:00 to 24:00$/],
  ['Mon 09:00-24:01 UTC', /^has the time "24:01"/],
  ['Mon 09:60-17:00 UTC', /^has the time "09:60"/],
  ['Mon 17:00-09:00 UTC', /^ends at 09:00, not after 17:00; expected both within one day$/],
  ['Mon 09:00-09:00 UTC', /^ends at 09:00, not after 09:00/],
  ['Mon 09:00-17:00 Europe/Atlantis', /^has the time zone "Europe\/Atlantis"; expected a name such as/],
  ['Mon 09:00-17:00 +01:00', /^has the time zone "\+01:00"/],
  ['Mon 09:00-17:00 ../etc/passwd', /^has the time zone/],
  [`Mon 09:00-17:00 ${'x'.repeat(128)}`, /^expected DAYS/],
];

for (const [text, problem] of REFUSALS) {
  test(`the window ${JSON.stringify(text.slice(0, 40))} is refused`, () => {
    const parsed = parseReleaseWindow(text);
    assert.match('problem' in parsed ? parsed.problem : JSON.stringify(parsed), problem);
  });
}

test('all windows are read as they were written', () => {
  fc.assert(
    fc.property(arbitraryWindow(), (value) => {
      assert.deepEqual(parseReleaseWindow(formatReleaseWindow(value)), { value });
    }),
  );
});

const MOMENTS: readonly (readonly [window: string, moment: string, isInside: boolean])[] = [
  // A Friday.
  ['Mon-Fri 09:00-17:00 UTC', '2026-11-27T08:59:59.999Z', false],
  ['Mon-Fri 09:00-17:00 UTC', '2026-11-27T09:00:00Z', true],
  ['Mon-Fri 09:00-17:00 UTC', '2026-11-27T16:59:59.999Z', true],
  ['Mon-Fri 09:00-17:00 UTC', '2026-11-27T17:00:00Z', false],
  ['Mon-Fri 09:00-17:00 UTC', '2026-11-28T12:00:00Z', false],
  ['Sat 00:00-24:00 UTC', '2026-11-28T00:00:00Z', true],
  ['Sat 00:00-24:00 UTC', '2026-11-28T23:59:59.999Z', true],
  // In winter one hour before UTC, in summer two.
  ['Fri 09:00-10:00 Europe/Berlin', '2026-11-27T08:30:00Z', true],
  ['Fri 09:00-10:00 Europe/Berlin', '2026-06-26T07:30:00Z', true],
  ['Fri 09:00-10:00 Europe/Berlin', '2026-06-26T08:30:00Z', false],
  // Another day there than here.
  ['Sat 00:00-01:00 Europe/Berlin', '2026-11-27T23:30:00Z', true],
  ['Fri 18:00-19:00 America/New_York', '2026-11-27T23:30:00Z', true],
];

for (const [text, moment, isInside] of MOMENTS) {
  test(`${moment} is ${isInside ? '' : 'not '}inside "${text}"`, () => {
    const parsed = parseReleaseWindow(text);
    assert.ok('value' in parsed);
    assert.equal(isInWindow(parsed.value, Date.parse(moment)), isInside);
  });
}
