/** A gRPC service of all four kinds, whose messages are plain bytes, with its server and client. */
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { AwaitedState } from './awaited-state.ts';

type Method = MethodDefinition<Buffer, Buffer>;

const identity = (message: Buffer): Buffer => message;

function method(name: string, requestStream: boolean, responseStream: boolean): Method {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

const METHODS = {
  unary: method('Unary', false, false),
  serverStream: method('ServerStream', false, true),
  clientStream: method('ClientStream', true, false),
  bidirectional: method('Bidirectional', true, true),
} as const;

/** What a call brought: the answer or its error, and the metadata around it. */
export interface CallResult {
  readonly message: Buffer | null;
  readonly error: ServiceError | null;
  readonly head: Metadata | null;
  readonly trailers: Metadata | null;
}

export class GrpcEchoServer {
  readonly #server: Server;
  port: number;
  /** Metadata of the calls so far. */
  readonly calls: Metadata[];
  /** Calls whose client went away. */
  cancelled: number;
  readonly #state: AwaitedState;

  constructor() {
    this.#server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
    this.port = 0;
    this.calls = [];
    this.cancelled = 0;
    this.#state = new AwaitedState();
    this.#server.addService(METHODS, {
      unary: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => this.#unary(call, reply),
      serverStream: (call: ServerWritableStream<Buffer, Buffer>) => this.#serverStream(call),
      clientStream: (call: ServerReadableStream<Buffer, Buffer>, reply: sendUnaryData<Buffer>) =>
        clientStream(call, reply),
      bidirectional: (call: ServerDuplexStream<Buffer, Buffer>) => bidirectional(call),
    });
  }

  static async start(tls: { readonly certPem: string; readonly keyPem: string } | null): Promise<GrpcEchoServer> {
    const echo = new GrpcEchoServer();
    const credentials =
      tls === null
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(tls.certPem), private_key: Buffer.from(tls.keyPem) },
          ]);
    echo.port = await new Promise<number>((resolve, reject) => {
      echo.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
    });
    return echo;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  /** Resolves when this many calls have been cancelled. */
  untilCancelled(count: number): Promise<true> {
    return this.#state.until(() => (this.cancelled >= count ? true : undefined));
  }

  #unary(call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void {
    this.calls.push(call.metadata);
    call.on('cancelled', () => this.#noteCancelled());
    const text = call.request.toString('latin1', 0, 20);
    if (text === 'wait') return;
    if (text === 'fail') {
      const metadata = new Metadata();
      metadata.set('x-reason', 'asked for');
      metadata.set('x-detail-bin', Buffer.from([0, 1, 255]));
      reply({ code: status.NOT_FOUND, details: 'nothing of that name: ä', metadata });
      return;
    }
    const head = new Metadata();
    head.set('x-early', 'yes');
    call.sendMetadata(head);
    const trailers = new Metadata();
    trailers.set('x-late', 'too');
    trailers.set('x-late-bin', Buffer.from([1, 2, 250]));
    reply(null, call.request, trailers);
  }

  /** `N*M`: N messages of M bytes. */
  #serverStream(call: ServerWritableStream<Buffer, Buffer>): void {
    call.on('cancelled', () => this.#noteCancelled());
    const [count = 0, bytes = 0] = call.request.toString('latin1').split('*').map(Number);
    const send = (at: number): void => {
      if (at === count) call.end();
      else if (call.write(Buffer.alloc(bytes, at))) setImmediate(send, at + 1);
      else call.once('drain', () => send(at + 1));
    };
    send(0);
  }

  #noteCancelled(): void {
    this.cancelled++;
    this.#state.report();
  }
}

/** Answers with the number of messages and of their bytes. */
function clientStream(call: ServerReadableStream<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void {
  let messages = 0;
  let bytes = 0;
  call.on('data', (message: Buffer) => {
    messages++;
    bytes += message.length;
  });
  call.on('end', () => reply(null, Buffer.from(`${messages}*${bytes}`)));
}

/** Echoes each message at once. */
function bidirectional(call: ServerDuplexStream<Buffer, Buffer>): void {
  call.on('data', (message: Buffer) => call.write(message));
  call.on('end', () => call.end());
}

export class GrpcEchoClient {
  readonly #client: Client;

  constructor(address: string, credentials: ChannelCredentials, options: ChannelOptions) {
    this.#client = new Client(address, credentials, {
      ...options,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  close(): void {
    this.#client.close();
  }

  unary(message: Buffer, metadata: Metadata = new Metadata(), deadlineMs = 60_000): Promise<CallResult> {
    return this.unaryOf(METHODS.unary.path, message, metadata, deadlineMs);
  }

  /** A call of any method, by its path. */
  unaryOf(
    path: string,
    message: Buffer,
    metadata: Metadata = new Metadata(),
    deadlineMs = 60_000,
  ): Promise<CallResult> {
    const options = { deadline: Date.now() + deadlineMs };
    const { promise, resolve } = Promise.withResolvers<CallResult>();
    let head: Metadata | null = null;
    let trailers: Metadata | null = null;
    let answer: { error: ServiceError | null; message: Buffer | null } | null = null;
    const settle = (): void => {
      if (answer !== null && trailers !== null) resolve({ ...answer, head, trailers });
    };
    const call = this.#client.makeUnaryRequest(path, identity, identity, message, metadata, options, (error, reply) => {
      answer = { error, message: reply ?? null };
      settle();
    });
    call.on('metadata', (metadataOfHead: Metadata) => {
      head = metadataOfHead;
    });
    call.on('status', (ending) => {
      trailers = ending.metadata;
      settle();
    });
    return promise;
  }

  serverStream(message: Buffer): ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest(METHODS.serverStream.path, identity, identity, message);
  }

  clientStream(): { readonly call: ClientWritableStream<Buffer>; readonly answer: Promise<string> } {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const { path } = METHODS.clientStream;
    const call = this.#client.makeClientStreamRequest(path, identity, identity, (error, reply?: Buffer) => {
      if (error === null) resolve(reply?.toString('latin1') ?? '');
      else reject(error);
    });
    return { call, answer: promise };
  }

  bidirectional(): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(METHODS.bidirectional.path, identity, identity);
  }
}
