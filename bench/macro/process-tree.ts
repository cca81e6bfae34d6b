/** CPU time and memory of a process and all of its children, from /proc (Linux). */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessStat {
  readonly parent: number;
  readonly ticks: number;
  /** Resident set. */
  readonly pages: number;
}

const systemValues = new Map<string, number>();

/** Seconds in user and kernel mode of all threads since the processes started. The kernel counts in steps of 10 ms, as a rule. */
export function cpuSeconds(pid: number): number {
  const ticks = statsOfTree(pid).reduce((sum, stat) => sum + stat.ticks, 0);
  return ticks / systemValue('CLK_TCK');
}

/** Pages that processes share count in each of them. */
export function residentBytes(pid: number): number {
  const pages = statsOfTree(pid).reduce((sum, stat) => sum + stat.pages, 0);
  return pages * systemValue('PAGESIZE');
}

function systemValue(name: string): number {
  const known = systemValues.get(name);
  if (known !== undefined) return known;
  const value = Number(execFileSync('getconf', [name], { encoding: 'utf8' }));
  systemValues.set(name, value);
  return value;
}

function statsOfTree(root: number): readonly ProcessStat[] {
  const all = new Map<number, ProcessStat>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : null;
    if (stat !== null) all.set(Number(name), stat);
  }
  return [...all].filter(([pid]) => descendsFrom(pid, root, all)).map(([, stat]) => stat);
}

/** Null when the process is gone. */
function readStat(pid: number): ProcessStat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null;
  }
}

function parseStat(text: string): ProcessStat {
  // The second field is the name in parentheses and may hold anything; what follows starts with the third (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    parent: Number(fields[1]),
    ticks: Number(fields[11]) + Number(fields[12]),
    pages: Number(fields[21]),
  };
}

function descendsFrom(pid: number, ancestor: number, all: ReadonlyMap<number, ProcessStat>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = all.get(at)?.parent) {
    if (at === ancestor) return true;
  }
  return false;
}

/** Seconds in user and kernel mode of the thread that a process began with. */
export function mainThreadSeconds(pid: number): number {
  const stat = parseStat(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8'));
  return stat.ticks / systemValue('CLK_TCK');
}
