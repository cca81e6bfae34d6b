/** Clients that send one request after the other, GET and POST, until they are told to stop, and remember what failed. */
import { Agent, request } from 'undici';
import { AwaitedState } from './awaited-state.ts';

export interface FailedRequest {
  readonly method: string;
  /** As the proxy logs it. */
  readonly target: string;
  readonly status: number;
  /** Empty when there was an answer. */
  readonly error: string;
}

/** So that a test has requests at all times, and leaves the machine time for them. */
const PAUSE_MS = 5;

export class SteadyLoad {
  readonly failed: FailedRequest[];
  readonly answersBy: Map<string, number>;
  count: number;
  readonly #state: AwaitedState;
  readonly #agent: Agent;
  readonly #url: string;
  readonly #clients: Promise<void>[];
  #stopping: boolean;

  constructor(url: string, gets: number, posts: number) {
    this.failed = [];
    this.answersBy = new Map();
    this.count = 0;
    this.#state = new AwaitedState();
    this.#url = url;
    this.#agent = new Agent({ connections: gets + posts });
    this.#stopping = false;
    const methods = [...Array<'GET'>(gets).fill('GET'), ...Array<'POST'>(posts).fill('POST')];
    this.#clients = methods.map((method, client) => this.#send(method, client));
  }

  /** Each of them has answered another request. */
  async answersOf(...names: readonly string[]): Promise<void> {
    const seen = names.map((name) => this.answersBy.get(name) ?? 0);
    await this.#state.until(
      () => names.every((name, at) => (this.answersBy.get(name) ?? 0) > (seen[at] ?? 0)) || undefined,
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    await this.#agent.close();
  }

  async #send(method: 'GET' | 'POST', client: number): Promise<void> {
    for (let turn = 0; !this.#stopping; turn++) {
      const target = `/${method.toLowerCase()}/${client}/${turn}`;
      this.count++;
      try {
        const body = method === 'POST' ? 'some body' : null;
        const response = await request(this.#url + target, { method, body, dispatcher: this.#agent });
        const name = await response.body.text();
        if (response.statusCode === 200) this.answersBy.set(name, (this.answersBy.get(name) ?? 0) + 1);
        else this.failed.push({ method, target, status: response.statusCode, error: '' });
      } catch (error) {
        this.failed.push({ method, target, status: 0, error: String(error) });
      }
      this.#state.report();
      await new Promise((resolve) => {
        setTimeout(resolve, PAUSE_MS);
      });
    }
  }
}
