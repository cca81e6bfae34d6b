/** Probes one address again and again: what all kinds have in common, and which kind it is. The time limit belongs to `endpoint-probe.ts`. */
import type { Socket } from 'node:net';
import type { TransportConfig } from '../model/proxy-config.ts';
import { GrpcQuestion } from './grpc-question.ts';
import { HttpQuestion } from './http-question.ts';
import { Http1Connection } from './http1-connection.ts';
import { toHttp1Request } from './http1-request.ts';
import { Http2Connection } from './http2-connection.ts';
import type { KeptConnections } from './kept-connections.ts';
import { KeptProbe } from './kept-probe.ts';
import type { OpenConnection, ProbeLink } from './probe-connection.ts';
import type { ProbeAddress, Probing } from './probing.ts';
import type { SpareReaders } from './spare-readers.ts';
import { TcpProbe } from './tcp-probe.ts';

export interface Probe {
  /** What the next `start` will take. */
  readonly opens: Opening;
  /**
   * Only when nothing is under way.
   * @param nowMs by the clock of the prober
   */
  start(nowMs: number): void;
  /** Nothing is reported of what is under way, no connection is left, and `start` may follow. */
  cancel(): void;
}

/** `nothing`: a connection is there. `handshake`: a connection over TLS. */
export type Opening = 'nothing' | 'connection' | 'handshake';

/** Who has a probe run. Nothing is called before `start` returned, nor after `cancel`. */
export interface ProbeOwner {
  /** What `opens` said is open. Not called where that was `nothing`, or where it fails. */
  onOpened(): void;
  /** Once for each `start`. An empty reason is a success. */
  onResult(reason: string): void;
}

/** Who uses a connection. Nothing is called before `ConnectProbe` returned. */
export interface ConnectionUser {
  /** To be resumed, made with this address under the same settings; null = none. */
  readonly tlsSession: Buffer | null;
  /** False: what arrives is left to whoever `onConnected` hands the socket to. */
  readonly reads: boolean;
  /** @param socket what to write to; perhaps another than was returned. It has no listeners for its end and for errors yet. */
  onConnected(socket: Socket): void;
  /** It could not be opened, or the endpoint is not to be trusted. */
  onFailed(error: Error): void;
  /** @param resumed the certificate was not looked at in this handshake */
  onTlsSession(session: Buffer, resumed: boolean): void;
  /** Bytes `[0, length)` are valid during the call only; they may be changed. */
  onRead(buffer: Buffer, length: number): void;
}

/** Opens a connection as `transport` asks for it. What is returned can be destroyed until `onConnected`. May throw. */
export type ConnectProbe = (address: ProbeAddress, transport: TransportConfig, user: ConnectionUser) => Socket;

/** Writes to a connection, for less than its stream would. */
export interface ProbeWriter {
  /** Of the write that failed, whereupon the connection is closed; 0 = none did. */
  readonly errno: number;
  /** One code unit a byte. */
  writeText(text: string): boolean;
}

/** Finds head and body of responses in what a connection reads, one after the other. */
export interface ResponseReader {
  /** Of the final response; 0 until its head is read. */
  readonly status: number;
  readonly bodyBytes: number;
  /** Empty unless asked for. */
  readonly body: readonly Buffer[];
  /** Of a complete response: for how long its connection may be kept, as far as the endpoint says; 0 = not at all. */
  readonly keepMs: number;
  /** The next response comes. To be called before the first one, too. */
  begin(toHead: boolean, keepsBody: boolean): void;
  /** Bytes `[0, length)`; they may be changed. */
  read(buffer: Buffer, length: number): 'incomplete' | 'complete' | 'broken';
  /** The connection ended. Whether that is where the response ends. */
  end(): boolean;
}

/** What the data plane lends to probes, so that they are held to the rules of requests. */
export interface ProbeTools {
  readonly connect: ConnectProbe;
  readonly createWriter: (socket: Socket) => ProbeWriter;
  readonly createReader: () => ResponseReader;
}

/** What all probes of the process share. */
export interface ProbeMeans {
  readonly tools: ProbeTools;
  readonly kept: KeptConnections;
  readonly readers: SpareReaders;
}

export function createProbe(probing: Probing, address: ProbeAddress, means: ProbeMeans, owner: ProbeOwner): Probe {
  const { tools, kept, readers } = means;
  const link = { probing, address, tools, readers };
  return probing.check.kind === 'tcp' ? new TcpProbe(link, owner) : new KeptProbe(link, toOpen(link), kept, owner);
}

/** What is asked is put into words once for all probes of the address. */
function toOpen(link: ProbeLink): OpenConnection {
  const { probing, address } = link;
  const isGrpc = probing.check.kind === 'grpc';
  if (isGrpc || probing.transport.protocol === 'http2') {
    const question = isGrpc ? new GrpcQuestion(probing, address) : new HttpQuestion(probing, address);
    return (owner) => new Http2Connection(link, owner, question);
  }
  const request = toHttp1Request(probing.check, address);
  return (owner, isLast) => new Http1Connection(link, owner, request, isLast);
}
