/** The gentle traffic of the demo itself, so that there is something to see before anybody typed anything. */
import { Agent, get } from 'node:http';
import { BUILT_IN_AGENT } from './backends.ts';

/** More are not sent until one comes back. */
const MAX_IN_FLIGHT = 4;

export class Traffic {
  /** Requests that got no answer, or another one than 200. */
  failed: number;
  readonly #port: number;
  readonly #agent: Agent;
  readonly #timer: NodeJS.Timeout | null;
  #inFlight: number;

  constructor(port: number, perSecond: number) {
    this.failed = 0;
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
    this.#inFlight = 0;
    this.#timer = perSecond === 0 ? null : setInterval(() => this.#send(), 1000 / perSecond);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #send(): void {
    if (this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#inFlight++;
    const headers = { 'User-Agent': BUILT_IN_AGENT };
    const request = get({ host: '127.0.0.1', port: this.#port, path: '/', agent: this.#agent, headers }, (response) => {
      if (response.statusCode !== 200) this.failed++;
      response.resume();
    });
    request.on('error', () => {
      this.failed++;
    });
    request.on('close', () => {
      this.#inFlight--;
    });
  }
}
