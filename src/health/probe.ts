/** Probes one address again and again: what all kinds have in common, and which kind it is. The time limit belongs to `endpoint-probe.ts`. */
import type { Socket } from 'node:net';
import type { TransportConfig } from '../model/proxy-config.ts';
import { GrpcQuestion } from './grpc-question.ts';
import { HttpQuestion } from './http-question.ts';
import { Http1Connection } from './http1-connection.ts';
import { Http2Connection } from './http2-connection.ts';
import type { KeptConnections } from './kept-connections.ts';
import { KeptProbe } from './kept-probe.ts';
import type { OpenConnection } from './probe-connection.ts';
import type { ProbeAddress, Probing } from './probing.ts';
import { TcpProbe } from './tcp-probe.ts';

export interface Probe {
  /** Only when nothing is under way. */
  start(): void;
  /** Nothing is reported of what is under way, no connection is left, and `start` may follow. */
  cancel(): void;
}

/** Called once for each `start`, never before it returned and not after `cancel`. An empty reason is a success. */
export type ProbeDone = (reason: string) => void;

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
  /** Valid during the call only; may be changed. */
  onRead(bytes: Buffer): void;
}

/** Opens a connection as `transport` asks for it. What is returned can be destroyed until `onConnected`. May throw. */
export type ConnectProbe = (address: ProbeAddress, transport: TransportConfig, user: ConnectionUser) => Socket;

/** Finds head and body of one response in what a connection reads. */
export interface ResponseReader {
  /** Of the final response; 0 until its head is read. */
  readonly status: number;
  readonly bodyBytes: number;
  /** Empty unless asked for. */
  readonly body: readonly Buffer[];
  /** Of a complete response: for how long its connection may be kept, as far as the endpoint says; 0 = not at all. */
  readonly keepMs: number;
  read(buffer: Buffer): 'incomplete' | 'complete' | 'broken';
  /** The connection ended. Whether that is where the response ends. */
  end(): boolean;
}

/** What the data plane lends to probes, so that they are held to the rules of requests. */
export interface ProbeTools {
  readonly connect: ConnectProbe;
  readonly createReader: (toHead: boolean, keepsBody: boolean) => ResponseReader;
}

/** What all probes of the process share. */
export interface ProbeMeans {
  readonly tools: ProbeTools;
  readonly kept: KeptConnections;
}

export function createProbe(probing: Probing, address: ProbeAddress, means: ProbeMeans, onDone: ProbeDone): Probe {
  const { tools, kept } = means;
  const link = { probing, address, tools };
  return probing.check.kind === 'tcp' ? new TcpProbe(link, onDone) : new KeptProbe(link, toOpen(probing), kept, onDone);
}

function toOpen({ check, transport }: Probing): OpenConnection {
  if (check.kind === 'grpc') return openGrpc;
  return transport.protocol === 'http2' ? openHttp2 : openHttp1;
}

const openHttp1: OpenConnection = (link, owner, isLast) => new Http1Connection(link, owner, isLast);
const openHttp2: OpenConnection = (link, owner) =>
  new Http2Connection(link, owner, new HttpQuestion(link.probing, link.address));
const openGrpc: OpenConnection = (link, owner) =>
  new Http2Connection(link, owner, new GrpcQuestion(link.probing, link.address));
