/** A gRPC server with the standard health service, whose answer a test may change at any time. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';

const identity = (message: Buffer): Buffer => message;

const CHECK = {
  path: '/grpc.health.v1.Health/Check',
  requestStream: false,
  responseStream: false,
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

export interface GrpcHealthOptions {
  readonly tls?: { readonly certPem: string; readonly keyPem: string };
  /** False: a server that knows nothing of health. */
  readonly hasHealth?: boolean;
}

export class GrpcHealthServer {
  readonly #server: Server;
  port: number;
  /** The encoded response; null = `NOT_FOUND`. */
  answer: Buffer | null;
  /** Encoded requests so far. */
  readonly requests: Buffer[];

  constructor(hasHealth: boolean) {
    this.#server = new Server();
    this.port = 0;
    this.answer = Buffer.from([8, 1]);
    this.requests = [];
    const check = (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>): void => {
      this.requests.push(call.request);
      if (this.answer === null) reply({ code: status.NOT_FOUND, details: 'unknown service' });
      else reply(null, this.answer);
    };
    if (hasHealth) this.#server.addService({ check: CHECK }, { check });
  }

  static async start({ tls, hasHealth = true }: GrpcHealthOptions = {}): Promise<GrpcHealthServer> {
    const health = new GrpcHealthServer(hasHealth);
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(tls.certPem), private_key: Buffer.from(tls.keyPem) },
          ]);
    health.port = await new Promise<number>((resolve, reject) => {
      health.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
    });
    return health;
  }

  close(): void {
    this.#server.forceShutdown();
  }
}
