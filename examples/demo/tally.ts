/** Counts who served what. Shares are those of the most recent requests, so that a changed weight shows within seconds. */
import type { ServedRequest } from './backends.ts';

const WINDOW = 100;
const KEPT_TARGET = 60;

export class Tally {
  total: number;
  /** Requests that the demo did not make itself. */
  yours: number;
  /** The newest of them, for people; empty = none yet. */
  lastOfYours: string;
  readonly #counts: Map<string, number>;
  readonly #recent: string[];

  constructor(backends: readonly string[]) {
    this.total = 0;
    this.yours = 0;
    this.lastOfYours = '';
    this.#counts = new Map(backends.map((backend) => [backend, 0]));
    this.#recent = [];
  }

  get backends(): readonly string[] {
    return [...this.#counts.keys()];
  }

  /** Oldest first. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  add(request: ServedRequest): void {
    const { backend, builtIn } = request;
    this.total++;
    this.#counts.set(backend, this.count(backend) + 1);
    this.#recent.push(backend);
    if (this.#recent.length > WINDOW) this.#recent.shift();
    if (builtIn) return;
    this.yours++;
    this.lastOfYours = describeRequest(request);
  }

  count(backend: string): number {
    return this.#counts.get(backend) ?? 0;
  }

  /** Of the recent requests, from 0 to 1. */
  share(backend: string): number {
    if (this.#recent.length === 0) return 0;
    return this.#recent.filter((one) => one === backend).length / this.#recent.length;
  }

  /** What came before says nothing about what comes now. Totals stay. */
  forgetRecent(): void {
    this.#recent.length = 0;
  }
}

export function describeRequest({ method, target, backend }: ServedRequest): string {
  return `${method} ${target.slice(0, KEPT_TARGET)} -> ${backend}`;
}
