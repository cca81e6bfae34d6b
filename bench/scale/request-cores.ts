/**
 * Keeps cores for what a request passes: client, workers and back ends. Control plane, API server and who writes there have the
 * others. What a storm does to requests then is what workers do for it, as on a machine that has cores enough for all.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

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
    const cores = availableParallelism();
    if (cores < 2) throw new Error('requests can only have cores of their own where there are two');
    const half = cores >> 1;
    this.#others = half === 1 ? '0' : `0-${half - 1}`;
    this.#requests = `${half}-${cores - 1}`;
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
