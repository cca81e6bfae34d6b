/** CPU time of a process, all of its threads and all of its children, from /proc (Linux). */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessStat {
  readonly parent: number;
  readonly ticks: number;
}

let ticksPerSecond = 0;

/** Seconds in user and kernel mode since the processes started. The kernel counts in steps of 10 ms, as a rule. */
export function cpuSeconds(pid: number): number {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const all = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : null;
    if (stat !== null) all.set(Number(name), stat);
  }
  let ticks = 0;
  for (const [each, stat] of all) if (descendsFrom(each, pid, all)) ticks += stat.ticks;
  return ticks / ticksPerSecond;
}

/** Null when the process is gone. */
function readStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may hold anything; what follows starts with the third (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

function descendsFrom(pid: number, ancestor: number, all: ReadonlyMap<number, ProcessStat>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = all.get(at)?.parent) {
    if (at === ancestor) return true;
  }
  return false;
}
