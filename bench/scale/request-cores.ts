/**
 * Keeps cores for what a request passes: client, workers and back ends. Control plane, API server and who writes there have the
 * others, as have the helpers of V8. What a storm does to requests then is what workers do for it, as on a machine that has cores
 * enough for all.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const WORKER = 'sluice-worker';

export interface BenchProcesses {
  readonly controller: number;
  readonly pods: number;
  readonly apiServer: number;
}

export class RequestCores {
  readonly #requests: string;
  readonly #others: string;

  /** @throws where there is only one */
  constructor() {
    const cores = allowedCores();
    if (cores.length < 2) throw new Error('requests can only have cores of their own where there are two');
    const half = cores.length >> 1;
    this.#others = cores.slice(0, half).join(',');
    this.#requests = cores.slice(half).join(',');
  }

  /** @throws where `taskset` may not do that, or is not installed */
  divide({ controller, pods, apiServer }: BenchProcesses): void {
    for (const pid of [controller, apiServer, process.pid]) this.#put(['--all-tasks'], this.#others, pid);
    this.#put(['--all-tasks'], this.#requests, pods);
    this.addThreads(controller, WORKER);
  }

  /** @param name how the names of the threads begin */
  addThreads(pid: number, name: string): void {
    const tasks = `/proc/${pid}/task`;
    const threads = readdirSync(tasks).filter((id) => readFileSync(`${tasks}/${id}/comm`, 'latin1').startsWith(name));
    if (threads.length === 0) throw new Error(`process ${pid} has no thread named ${name}…`);
    for (const thread of threads) this.#put([], this.#requests, Number(thread));
  }

  #put(flags: readonly string[], cores: string, id: number): void {
    execFileSync('taskset', [...flags, '--cpu-list', '--pid', cores, `${id}`]);
  }
}

/** Of this process, which need not be the first ones. */
function allowedCores(): readonly number[] {
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
