/** What a running program says of its mirroring, asked until it says what a test waits for. */
import type { MirrorDump } from '../../src/admin/dump-mirror.ts';
import type { SluiceProcess } from './sluice-process.ts';

const GIVE_UP_MS = 30_000;

export async function mirrorReport({ adminPort }: SluiceProcess): Promise<MirrorDump> {
  return (await (await fetch(`http://127.0.0.1:${adminPort}/debug/mirror`)).json()) as MirrorDump;
}

/** Counters of the route with this path, such as `answered` or `busy`; those of comparisons as `=equal`. */
export function countsOf(report: MirrorDump, path: string): Readonly<Record<string, number>> {
  const row = report.routes.find(({ route }) => route.endsWith(`|${path}`));
  const comparisons = Object.entries(row?.comparisons ?? {}).map(([name, count]) => [`=${name}`, count] as const);
  return { ...row?.results, ...row?.drops, ...Object.fromEntries(comparisons) };
}

/** The first report in which this holds. */
export async function untilMirror(sluice: SluiceProcess, holds: (report: MirrorDump) => boolean): Promise<MirrorDump> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const report = await mirrorReport(sluice);
    if (holds(report)) return report;
    if (performance.now() > deadlineMs) {
      throw new Error(`still not so after ${GIVE_UP_MS} ms: ${holds.toString()} ${JSON.stringify(report)}`);
    }
  }
}
