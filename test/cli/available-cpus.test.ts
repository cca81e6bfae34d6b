/** How many CPUs a process may use, by its limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availableCpus } from '../../src/cli/available-cpus.ts';

interface Case {
  readonly name: string;
  readonly parallelism: number;
  readonly files: Readonly<Record<string, string>>;
  readonly cpus: number;
}

const V2 = '0::/\n';
const V1 = '4:memory:/\n3:cpu,cpuacct:/\n';

const cases: readonly Case[] = [
  { name: 'no control group files leave the answer of the operating system', parallelism: 8, files: {}, cpus: 8 },
  {
    name: 'version 2: a quota of two CPUs',
    parallelism: 8,
    files: { '/proc/self/cgroup': V2, '/sys/fs/cgroup/cpu.max': '200000 100000\n' },
    cpus: 2,
  },
  {
    name: 'version 2: max is no limit',
    parallelism: 4,
    files: { '/proc/self/cgroup': V2, '/sys/fs/cgroup/cpu.max': 'max 100000\n' },
    cpus: 4,
  },
  {
    name: 'a fraction of a CPU is cut off',
    parallelism: 8,
    files: { '/proc/self/cgroup': V2, '/sys/fs/cgroup/cpu.max': '250000 100000\n' },
    cpus: 2,
  },
  {
    name: 'less than one CPU is one',
    parallelism: 8,
    files: { '/proc/self/cgroup': V2, '/sys/fs/cgroup/cpu.max': '10000 100000\n' },
    cpus: 1,
  },
  {
    name: 'version 2: the least limit among the group and its ancestors counts',
    parallelism: 16,
    files: {
      '/proc/self/cgroup': '0::/pods/one\n',
      '/sys/fs/cgroup/pods/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/pods/one/cpu.max': '400000 100000\n',
    },
    cpus: 3,
  },
  {
    name: 'version 1: quota and period stand in two files',
    parallelism: 8,
    files: {
      '/proc/self/cgroup': V1,
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    cpus: 3,
  },
  {
    name: 'version 1: -1 is no limit',
    parallelism: 8,
    files: {
      '/proc/self/cgroup': V1,
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    cpus: 8,
  },
  {
    name: 'version 1: a container that sees the path of the host but only its own mount',
    parallelism: 8,
    files: {
      '/proc/self/cgroup': '3:cpu,cpuacct:/docker/abc\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    cpus: 1,
  },
  {
    name: 'a quota above what the machine has changes nothing',
    parallelism: 2,
    files: { '/proc/self/cgroup': V2, '/sys/fs/cgroup/cpu.max': '1600000 100000\n' },
    cpus: 2,
  },
  {
    name: 'files with nonsense are no limit',
    parallelism: 2,
    files: { '/proc/self/cgroup': 'x', '/sys/fs/cgroup/cpu.max': 'lots\n' },
    cpus: 2,
  },
];

for (const c of cases) {
  test(c.name, () => {
    const readFile = (path: string): string | null => c.files[path] ?? null;
    assert.equal(availableCpus({ parallelism: c.parallelism, readFile }), c.cpus);
  });
}

test('on this machine there is at least one CPU', () => {
  assert.ok(availableCpus() >= 1);
});
