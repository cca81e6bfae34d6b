/**
 * Opens connections to one endpoint the way its upstream wants them: in the clear or over TLS, with or without a PROXY
 * protocol header. What is spoken on them, and for how long one may take to open, is decided elsewhere.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { Endpoint } from '../balancer/endpoint.ts';
import type { TransportConfig } from '../model/proxy-config.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import { writeProxyHeaderV1, writeProxyHeaderV2 } from './proxy-protocol/header-writer.ts';
import { UpstreamTls } from './tls/upstream-tls.ts';
import type { WorkerContext } from './worker-context.ts';

/** Who uses the connection. Nothing is called before `dial` returns. */
export interface DialSink {
  /**
   * It may be used: connected; over TLS also authenticated, with one of the protocols asked for.
   * @param socket what to write to from now on; perhaps another than `dial` returned
   */
  onConnected(socket: net.Socket): void;
  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void;
  /**
   * The endpoint will send nothing more.
   * @param announced false: over TLS it did not say so itself, so what came last may be missing
   */
  onEnd(announced: boolean): void;
  /** It is closed, or failed to open; `null` when nothing went wrong. May be called twice. */
  onClosed(error: NodeJS.ErrnoException | null): void;
}

export class UpstreamDialer {
  readonly #worker: WorkerContext;
  readonly #endpoint: Endpoint;
  readonly #tls: UpstreamTls | null;
  readonly #sendProxyProtocol: TransportConfig['sendProxyProtocol'];

  constructor(worker: WorkerContext, endpoint: Endpoint, config: TransportConfig) {
    this.#worker = worker;
    this.#endpoint = endpoint;
    this.#tls = config.tls === null ? null : new UpstreamTls(worker, endpoint, config.tls);
    this.#sendProxyProtocol = config.sendProxyProtocol;
  }

  /** Connections are bound to the client they were opened for: never to be used for another. */
  get namesClient(): boolean {
    return this.#sendProxyProtocol !== 'off';
  }

  /**
   * @param alpnProtocols what may be spoken over TLS, best first. `h2` alone is a demand; with HTTP/1.1 an endpoint that
   * knows no ALPN is fine. In the clear nothing is negotiated.
   * @param client whom a PROXY header names; null = this is a connection of our own
   * @returns what to destroy when one does not want to wait for `onConnected`
   */
  dial(sink: DialSink, alpnProtocols: readonly string[], client: ProxyAddresses | null): net.Socket {
    const upstreamTls = this.#tls;
    if (this.namesClient) return this.#dialForClient(sink, alpnProtocols, client);
    const { address: host, port } = this.#endpoint;
    const onread = {
      buffer: this.#worker.readBuffer,
      callback: (length: number, buffer: Uint8Array): boolean => {
        sink.onRead(buffer as Buffer, length);
        return true;
      },
    };
    if (upstreamTls === null) {
      return listenPlain(net.connect({ host, port, noDelay: true, allowHalfOpen: true, onread }), sink);
    }
    let socket: tls.TLSSocket;
    try {
      const options: tls.ConnectionOptions & net.TcpNetConnectOpts = {
        ...upstreamTls.options(alpnProtocols),
        host,
        port,
        allowHalfOpen: true,
        onread,
      };
      socket = tls.connect(options);
    } catch (error) {
      return failed(upstreamTls, sink, error as Error);
    }
    socket.setNoDelay(true);
    return upstreamTls.attach(socket, alpnProtocols, sink);
  }

  /**
   * The header goes out before anything else, TLS included. TLS on top of a socket of ours cannot read into our buffer; the
   * connection serves one exchange only, so that matters little.
   */
  #dialForClient(sink: DialSink, alpnProtocols: readonly string[], client: ProxyAddresses | null): net.Socket {
    const { address: host, port } = this.#endpoint;
    const plain = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
    const header = this.#sendProxyProtocol === 'v1' ? writeProxyHeaderV1(client) : writeProxyHeaderV2(client);
    const upstreamTls = this.#tls;
    if (upstreamTls === null) {
      plain.write(header);
      plain.on('data', (chunk) => sink.onRead(chunk as Buffer, chunk.length));
      return listenPlain(plain, sink);
    }
    plain.on('error', (error) => sink.onClosed(error));
    // TLS begins when the write is done: Node throws, where nobody can catch it, when such a socket dies in between.
    plain.write(header, (error) => {
      if (error || plain.destroyed) return;
      let socket: tls.TLSSocket;
      try {
        socket = tls.connect({ ...upstreamTls.options(alpnProtocols), socket: plain });
      } catch (cause) {
        upstreamTls.onFailed(cause as Error);
        plain.destroy();
        return;
      }
      socket.on('data', (chunk) => sink.onRead(chunk as Buffer, chunk.length));
      upstreamTls.attach(socket, alpnProtocols, sink);
    });
    plain.on('close', () => sink.onClosed(null));
    return plain;
  }
}

function listenPlain(socket: net.Socket, sink: DialSink): net.Socket {
  socket.on('connect', () => sink.onConnected(socket));
  socket.on('end', () => sink.onEnd(true));
  socket.on('error', (error) => sink.onClosed(error));
  socket.on('close', () => sink.onClosed(null));
  return socket;
}

/** A socket that never was, for settings that OpenSSL refuses. */
function failed(upstreamTls: UpstreamTls, sink: DialSink, error: Error): net.Socket {
  const socket = new net.Socket();
  socket.on('error', () => {
    upstreamTls.onFailed(error);
    sink.onClosed(error);
  });
  socket.destroy(error);
  return socket;
}
