/** How many CPUs this process may really use: the scheduler's answer, cut by the CPU quota of its control group. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export interface CpuFacts {
  /** What the operating system would schedule us on (affinity included). */
  readonly parallelism: number;
  /** The content of a file, or null when it cannot be read. */
  readonly readFile: (path: string) => string | null;
}

/**
 * At least 1. A fraction is cut off: two busy threads on a quota of 1.5 CPUs get throttled together, and a throttled
 * proxy shows as latency, while the half CPU is not lost (control plane, garbage collection).
 */
export function availableCpus(facts: CpuFacts = machineFacts()): number {
  const quota = Math.min(cgroup2Quota(facts), cgroup1Quota(facts));
  return Math.max(1, Math.floor(Math.min(facts.parallelism, quota)));
}

function machineFacts(): CpuFacts {
  return { parallelism: availableParallelism(), readFile: readFileOrNull };
}

function readFileOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** `cpu.max` holds `<quota> <period>` in microseconds, or `max <period>`. */
function cgroup2Quota(facts: CpuFacts): number {
  let least = Infinity;
  for (const group of ancestors(ownGroup(facts, ''))) {
    const [quota, period] = (facts.readFile(`/sys/fs/cgroup${group}/cpu.max`) ?? '').trim().split(' ');
    least = Math.min(least, toCpus(quota, period));
  }
  return least;
}

function cgroup1Quota(facts: CpuFacts): number {
  let least = Infinity;
  for (const group of ancestors(ownGroup(facts, 'cpu'))) {
    const folder = `/sys/fs/cgroup/cpu${group}`;
    const quota = facts.readFile(`${folder}/cpu.cfs_quota_us`)?.trim();
    const period = facts.readFile(`${folder}/cpu.cfs_period_us`)?.trim();
    least = Math.min(least, toCpus(quota, period));
  }
  return least;
}

/** Infinity for "no limit": absent files, `max` (v2) and `-1` (v1). */
function toCpus(quota: string | undefined, period: string | undefined): number {
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Infinity;
}

/** The path of our group; lines of `/proc/self/cgroup` read `<id>:<controllers>:<path>`, with no controllers in version 2. */
function ownGroup(facts: CpuFacts, controller: string): string {
  for (const line of (facts.readFile('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '-', path = ''] = line.split(':');
    if (controllers.split(',').includes(controller)) return path;
  }
  return '';
}

/** `/a/b` → ``, `/a`, `/a/b`: any of them may hold the limit, and inside a container only the first one exists. */
function ancestors(group: string): string[] {
  const paths = [''];
  for (const part of group.split('/')) {
    if (part !== '') paths.push(`${paths.at(-1)}/${part}`);
  }
  return paths;
}
