/** Steady load from several clients at once, every failure counted: what users would have seen of a change. */
import { setTimeout } from 'node:timers/promises';
import { AwaitedState } from './awaited-state.ts';
import { type ClientOptions, HttpClient } from './e2e-client.ts';

export interface TrafficReport {
  readonly requests: number;
  /** Answers other than 200, and errors of sockets; the first few in words. */
  readonly failures: number;
  readonly examples: readonly string[];
  /** Connections that kept-alive clients opened beyond the one each of them needs. */
  readonly reconnects: number;
}

export interface TrafficClient extends ClientOptions {
  readonly path: string;
  /** Between an answer and the next request; absent = none. */
  readonly pauseMs?: number;
}

const MAX_EXAMPLES = 5;

export class SteadyTraffic {
  requests: number;
  readonly #kept: readonly HttpClient[];
  readonly #loops: readonly Promise<void>[];
  readonly #state: AwaitedState;
  readonly #examples: string[];
  #failures: number;
  #stopped: boolean;

  constructor(clients: readonly TrafficClient[]) {
    this.requests = 0;
    this.#state = new AwaitedState();
    this.#examples = [];
    this.#failures = 0;
    this.#stopped = false;
    const kept: HttpClient[] = [];
    this.#loops = clients.map((options) => {
      const client = new HttpClient(options);
      if (options.keepAlive !== false) kept.push(client);
      return this.#run(client, options);
    });
    this.#kept = kept;
  }

  /** Resolves after `count` more requests: what was just done has been under load. */
  more(count: number): Promise<void> {
    const goal = this.requests + count;
    return this.#state.until(() => (this.requests >= goal ? null : undefined)).then(() => undefined);
  }

  async stop(): Promise<TrafficReport> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    return this.report();
  }

  report(): TrafficReport {
    return {
      requests: this.requests,
      failures: this.#failures,
      examples: this.#examples,
      reconnects: this.#kept.reduce((sum, { connections }) => sum + Math.max(0, connections - 1), 0),
    };
  }

  async #run(client: HttpClient, { path, pauseMs = 0 }: TrafficClient): Promise<void> {
    while (!this.#stopped) {
      try {
        const { status, body } = await client.get(path);
        if (status !== 200) this.#fail(`${client.host}${path}: ${status} ${body}`);
      } catch (error) {
        this.#fail(`${client.host}${path}: ${String(error)}`);
      }
      this.requests++;
      this.#state.report();
      if (pauseMs > 0) await setTimeout(pauseMs);
    }
    client.close();
  }

  #fail(example: string): void {
    this.#failures++;
    if (this.#examples.length < MAX_EXAMPLES) this.#examples.push(example);
  }
}
