/** One keep-alive connection that asks one thing at a time, as cheaply as possible: the machine is needed for what it measures. */
import { connect, type Socket } from 'node:net';

export interface ProbeAnswer {
  readonly status: number;
  readonly body: string;
  readonly sentMs: number;
  /** When it was there, by the clock that all processes share. */
  readonly atMs: number;
}

const HEAD = /^HTTP\/1\.1 (\d{3})[^]*?\r\n\r\n/;
const LENGTH = /\r\ncontent-length: (\d+)/i;

export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class ProbeConnection {
  readonly #socket: Socket;
  #text: string;
  #sentMs: number;
  #resolve: ((answer: ProbeAnswer) => void) | null;
  #reject: ((error: Error) => void) | null;

  constructor(port: number) {
    this.#text = '';
    this.#sentMs = 0;
    this.#resolve = null;
    this.#reject = null;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection of the bench was closed')));
  }

  ask(host: string, path: string): Promise<ProbeAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
    this.#resolve = resolve;
    this.#reject = reject;
    this.#sentMs = sharedNowMs();
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const atMs = sharedNowMs();
    this.#text += chunk.toString('latin1');
    const [head = '', status] = HEAD.exec(this.#text) ?? [];
    const end = head.length + Number(LENGTH.exec(head)?.[1] ?? 0);
    if (head === '' || this.#text.length < end) return;
    const body = this.#text.slice(head.length, end);
    this.#text = this.#text.slice(end);
    this.#resolve?.({ status: Number(status), body, atMs, sentMs: this.#sentMs });
  }

  #fail(error: Error): void {
    this.#reject?.(error);
  }
}

/** Connections until there is one to each of so many workers, in any order. */
export async function connectToEach(workers: number, port: number, host: string): Promise<readonly ProbeConnection[]> {
  const found: { readonly connection: ProbeConnection; readonly seen: ReadonlySet<string> }[] = [];
  for (let tries = 0; found.length < workers; tries++) {
    if (tries === MAX_TRIES) throw new Error(`found ${found.length} of ${workers} workers in ${MAX_TRIES} connections`);
    const connection = new ProbeConnection(port);
    const seen = await seenFrom(connection, host);
    // A worker goes on using the connections it has to a pod: those of others are others.
    if (found.some((other) => !other.seen.isDisjointFrom(seen))) connection.close();
    else found.push({ connection, seen });
  }
  return found.map(({ connection }) => connection);
}

const MAX_TRIES = 64;
const ASKED = 64;

async function seenFrom(connection: ProbeConnection, host: string): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let n = 0; n < ASKED; n++) seen.add((await connection.ask(host, '/api')).body);
  return seen;
}
