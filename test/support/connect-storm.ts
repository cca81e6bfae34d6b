/** Clients that connect, ask once and leave, several at a time without a pause, and count how that ended. */
import net from 'node:net';
import { AwaitedState } from './awaited-state.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: storm.example\r\nConnection: close\r\n\r\n';

export class ConnectStorm {
  answered: number;
  refused: number;
  reset: number;
  /** Closed in good order without an answer, or with another one than 200. */
  unanswered: number;
  /** What the last of these got. */
  strangeAnswer: string;
  readonly #port: number;
  readonly #state: AwaitedState;
  #stopped: boolean;
  #open: number;

  constructor(port: number, clients: number) {
    this.answered = 0;
    this.refused = 0;
    this.reset = 0;
    this.unanswered = 0;
    this.strangeAnswer = '';
    this.#port = port;
    this.#state = new AwaitedState();
    this.#stopped = false;
    this.#open = 0;
    for (let started = 0; started < clients; started++) this.#connect();
  }

  get total(): number {
    return this.answered + this.refused + this.reset + this.unanswered;
  }

  /** Resolves when this many more clients have come to their end. */
  more(count: number): Promise<true> {
    const goal = this.total + count;
    return this.#state.until(() => (this.total >= goal ? true : undefined));
  }

  /** Resolves when no client is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#state.until(() => (this.#open === 0 ? true : undefined));
  }

  #connect(): void {
    this.#open++;
    const socket = net.connect({ host: '127.0.0.1', port: this.#port });
    let text = '';
    let code = '';
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? '';
    });
    socket.on('close', () => this.#onClose(text, code));
    socket.write(REQUEST);
  }

  #onClose(text: string, code: string): void {
    this.#open--;
    if (code === 'ECONNREFUSED') this.refused++;
    else if (code !== '') this.reset++;
    else if (text.startsWith('HTTP/1.1 200 ')) this.answered++;
    else {
      this.unanswered++;
      this.strangeAnswer = text;
    }
    if (!this.#stopped) this.#connect();
    this.#state.report();
  }
}
