/** One probe of one address: what all kinds have in common, and which kind it is. The time limit belongs to `endpoint-probe.ts`. */
import type { Socket } from 'node:net';
import type { TransportConfig } from '../model/proxy-config.ts';
import { GrpcProbe } from './grpc-probe.ts';
import { Http1Probe } from './http1-probe.ts';
import { Http2Probe } from './http2-probe.ts';
import { describeProbeError } from './probe-error.ts';
import type { ProbeAddress, Probing } from './probing.ts';
import { TcpProbe } from './tcp-probe.ts';

export interface Probe {
  /** Nothing is reported from now on, and nothing is left of it. */
  cancel(): void;
}

/** Called once, never before the probe was returned and not after `cancel`. An empty reason is a success. */
export type ProbeDone = (reason: string) => void;

/** Opens a connection as `transport` asks for it. `onDone` is called at most once; what is returned can be destroyed. May throw. */
export type ConnectProbe = (
  address: ProbeAddress,
  transport: TransportConfig,
  onDone: (error: Error | null, socket: Socket) => void,
) => Socket;

/** Finds head and body of one response in what a connection reads. */
export interface ResponseReader {
  /** Of the final response; 0 until its head is read. */
  readonly status: number;
  readonly bodyBytes: number;
  /** Empty unless asked for. */
  readonly body: readonly Buffer[];
  read(buffer: Buffer): 'incomplete' | 'complete' | 'broken';
  /** The connection ended. Whether that is where the response ends. */
  end(): boolean;
}

/** What the data plane lends to probes, so that they are held to the rules of requests. */
export interface ProbeTools {
  readonly connect: ConnectProbe;
  readonly createReader: (toHead: boolean, keepsBody: boolean) => ResponseReader;
}

export function startProbe(probing: Probing, address: ProbeAddress, tools: ProbeTools, onDone: ProbeDone): Probe {
  try {
    const { kind } = probing.check;
    if (kind === 'tcp') return new TcpProbe(probing, address, tools, onDone);
    if (kind === 'grpc') return new GrpcProbe(probing, address, tools, onDone);
    if (probing.transport.protocol === 'http2') return new Http2Probe(probing, address, tools, onDone);
    return new Http1Probe(probing, address, tools, onDone);
  } catch (error) {
    return new ImpossibleProbe(describeProbeError(error), onDone);
  }
}

/** A port that is none, or settings that OpenSSL refuses. */
class ImpossibleProbe implements Probe {
  #cancelled: boolean;

  constructor(reason: string, onDone: ProbeDone) {
    this.#cancelled = false;
    queueMicrotask(() => {
      if (!this.#cancelled) onDone(reason);
    });
  }

  cancel(): void {
    this.#cancelled = true;
  }
}
