/**
 * The times in which a release takes steps, `Mon-Fri 09:00-17:00 Europe/Berlin`, and whether a moment is one of them. Time
 * zones are those of the runtime.
 */
import type { ReleaseWindow } from './release.ts';
import { type Parsed, quote } from './release-text.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MINUTES_PER_DAY = 24 * 60;
const MAX_LENGTH = 128;

const WINDOW = /^(\S+)\s+([^\s-]+)-([^\s-]+)\s+(\S+)$/;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

export const RELEASE_WINDOW_FORM = 'DAYS HH:MM-HH:MM ZONE, such as Mon-Fri 09:00-17:00 Europe/Berlin';

export function parseReleaseWindow(text: string): Parsed<ReleaseWindow> {
  const [, list = '', from = '', to = '', zone = ''] = text.length > MAX_LENGTH ? [] : (WINDOW.exec(text.trim()) ?? []);
  if (zone === '') return { problem: `expected ${RELEASE_WINDOW_FORM}` };
  const days = parseDays(list);
  if (days === null) {
    return { problem: `has the days ${quote(list)}; expected such as Mon-Fri or Mon,Wed of ${DAYS.join(', ')}` };
  }
  const fromMinute = parseMinute(from);
  const toMinute = parseMinute(to);
  if (fromMinute === null || toMinute === null) {
    return { problem: `has the time ${quote(fromMinute === null ? from : to)}; expected HH:MM, from 00:00 to 24:00` };
  }
  if (toMinute <= fromMinute) return { problem: `ends at ${to}, not after ${from}; expected both within one day` };
  const timeZone = findTimeZone(zone);
  return timeZone === null
    ? { problem: `has the time zone ${quote(zone)}; expected a name such as Europe/Berlin or UTC` }
    : { value: { timeZone, days, fromMinute, toMinute } };
}

/** What `parseReleaseWindow` reads. */
export function formatReleaseWindow({ timeZone, days, fromMinute, toMinute }: ReleaseWindow): string {
  const list = days.map((day) => DAYS[day]).join(',');
  return `${list} ${formatMinute(fromMinute)}-${formatMinute(toMinute)} ${timeZone}`;
}

/** @param nowAt milliseconds since 1970 */
export function isInWindow({ timeZone, days, fromMinute, toMinute }: ReleaseWindow, nowAt: number): boolean {
  const parts = new Map(
    clockOf(timeZone)
      .formatToParts(nowAt)
      .map(({ type, value }) => [type, value]),
  );
  const day = DAYS.findIndex((name) => name === parts.get('weekday'));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return days.includes(day) && minute >= fromMinute && minute < toMinute;
}

/** In order, each once. */
function parseDays(list: string): readonly number[] | null {
  const days = new Set<number>();
  for (const item of list.split(',')) {
    const [first = '', last = first, ...rest] = item.split('-');
    const from = DAYS.findIndex((name) => name === first);
    const to = DAYS.findIndex((name) => name === last);
    if (from === -1 || to === -1 || rest.length > 0) return null;
    // A range may go over the end of the week.
    for (let day = from; day !== to; day = (day + 1) % DAYS.length) days.add(day);
    days.add(to);
  }
  return [...days].toSorted((a, b) => a - b);
}

function parseMinute(text: string): number | null {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return minute <= MINUTES_PER_DAY ? minute : null;
}

function formatMinute(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Asking the runtime takes 0.1 ms, and thousands of objects may name the same few. As written, to what it is called. */
const ZONES = new Map<string, string>();
/** More than there are; any case is understood, so there are more spellings. */
const MAX_ZONES = 1_024;

/** As the runtime writes it; null = it knows no such zone. Offsets are refused: they know no summer. */
function findTimeZone(name: string): string | null {
  const known = ZONES.get(name);
  if (known !== undefined) return known;
  if (!ZONE_NAME.test(name)) return null;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions();
    if (ZONES.size < MAX_ZONES) ZONES.set(name, timeZone);
    return timeZone;
  } catch {
    return null;
  }
}

/** By names as the runtime writes them, of which there are a few hundred. */
const CLOCKS = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = CLOCKS.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  CLOCKS.set(timeZone, clock);
  return clock;
}
