/** Opens the connections of health probes the way requests get theirs: TLS as the upstream asks for it, a PROXY header of our own. */
import net from 'node:net';
import tls from 'node:tls';
import type { EndpointAddress, TransportConfig, UpstreamTlsConfig } from '../model/proxy-config.ts';
import { writeProxyHeaderV1, writeProxyHeaderV2 } from './proxy-protocol/header-writer.ts';
import { SocketWriter, type WriteListener } from './socket-writer.ts';
import { UpstreamContexts } from './tls/upstream-contexts.ts';
import { findAlpnFault, toUpstreamTlsOptions } from './tls/upstream-tls-options.ts';
import { WriteBuffers } from './write-buffers.ts';

/** Whoever a connection is opened for. Nothing is called before `connect` returned. */
export interface ProbeConnectionUser {
  /** To be resumed. It never leaves the address and the settings it was made under: a certificate is not looked at twice. */
  readonly tlsSession: Buffer | null;
  /** False: what arrives is left to whoever `onConnected` hands the socket to. */
  readonly reads: boolean;
  onConnected(socket: net.Socket): void;
  onFailed(error: Error): void;
  onTlsSession(session: Buffer, resumed: boolean): void;
  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void;
}

type Address = Pick<EndpointAddress, 'address' | 'port'>;

const HTTP2: readonly string[] = ['h2'];
const HTTP1: readonly string[] = ['http/1.1'];
/** Answers are small; what is larger comes in several reads. */
const READ_BYTES = 16_384;
/** A question is small, and the next one comes after its answer. */
const NOBODY: WriteListener = { onDrain: () => undefined };

export class ProbeConnector {
  readonly #contexts: UpstreamContexts;
  /** Of all connections: thousands that are kept would hold thousands of buffers. */
  readonly #readBuffer: Buffer;
  /** Questions are text: none is ever taken. */
  readonly #writeBuffers: WriteBuffers;

  constructor() {
    this.#contexts = new UpstreamContexts();
    this.#readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
    this.#writeBuffers = new WriteBuffers(0);
  }

  /**
   * Throws where an address or settings of TLS cannot be used at all.
   * @returns what to destroy to give up
   */
  connect(target: Address, transport: TransportConfig, user: ProbeConnectionUser): net.Socket {
    const { sendProxyProtocol, tls: tlsConfig } = transport;
    const { address: host, port } = target;
    if (sendProxyProtocol !== 'off') return this.#connectBehindHeader(target, transport, user);
    if (tlsConfig === null) {
      const socket = net.connect({ host, port, noDelay: true, ...this.#toOnread(user) });
      const onError = (error: Error): void => user.onFailed(error);
      socket.once('error', onError);
      socket.once('connect', () => {
        socket.off('error', onError);
        user.onConnected(socket);
      });
      return socket;
    }
    const alpnProtocols = toAlpnProtocols(transport);
    const options = this.#toTlsOptions(tlsConfig, host, alpnProtocols, user);
    const secure = tls.connect({ ...options, host, port, ...this.#toOnread(user) } as tls.ConnectionOptions);
    secure.setNoDelay(true);
    awaitSecure(secure, alpnProtocols, user);
    return secure;
  }

  createWriter(socket: net.Socket): SocketWriter {
    return new SocketWriter(socket, this.#writeBuffers, NOBODY);
  }

  /** The header names nobody: the connection is our own. TLS on top of a socket cannot read into our buffer. */
  #connectBehindHeader(target: Address, transport: TransportConfig, user: ProbeConnectionUser): net.Socket {
    const { address: host, port } = target;
    const socket = net.connect({ host, port, noDelay: true });
    const onError = (error: Error): void => user.onFailed(error);
    socket.once('error', onError);
    socket.once('connect', () => {
      const header = transport.sendProxyProtocol === 'v1' ? writeProxyHeaderV1(null) : writeProxyHeaderV2(null);
      socket.write(header, (error) => {
        if (error || socket.destroyed) return;
        socket.off('error', onError);
        if (transport.tls !== null) return this.#secure(socket, host, transport.tls, toAlpnProtocols(transport), user);
        if (user.reads) socket.on('data', (bytes: Buffer) => user.onRead(bytes, bytes.length));
        user.onConnected(socket);
      });
    });
    return socket;
  }

  // oxlint-disable-next-line eslint/max-params -- all of one connection
  #secure(
    socket: net.Socket,
    host: string,
    config: UpstreamTlsConfig,
    alpnProtocols: readonly string[],
    user: ProbeConnectionUser,
  ): void {
    let secure: tls.TLSSocket;
    try {
      secure = tls.connect({ ...this.#toTlsOptions(config, host, alpnProtocols, user), socket });
    } catch (error) {
      socket.destroy();
      user.onFailed(error as Error);
      return;
    }
    if (user.reads) secure.on('data', (bytes: Buffer) => user.onRead(bytes, bytes.length));
    awaitSecure(secure, alpnProtocols, user);
  }

  #toTlsOptions(
    config: UpstreamTlsConfig,
    host: string,
    alpnProtocols: readonly string[],
    { tlsSession }: ProbeConnectionUser,
  ): tls.ConnectionOptions {
    const options = toUpstreamTlsOptions(config, host, this.#contexts, alpnProtocols);
    if (tlsSession !== null) options.session = tlsSession;
    return options;
  }

  #toOnread(user: ProbeConnectionUser): { onread?: net.OnReadOpts } {
    if (!user.reads) return {};
    const callback = (length: number, buffer: Uint8Array): boolean => {
      user.onRead(buffer as Buffer, length);
      return true;
    };
    return { onread: { buffer: this.#readBuffer, callback } };
  }
}

function awaitSecure(secure: tls.TLSSocket, alpnProtocols: readonly string[], user: ProbeConnectionUser): void {
  const onError = (error: Error): void => user.onFailed(error);
  secure.once('error', onError);
  secure.on('session', (session: Buffer) => user.onTlsSession(session, secure.isSessionReused()));
  secure.once('secureConnect', () => {
    const fault = findAlpnFault(secure, alpnProtocols);
    if (fault !== null) return user.onFailed(fault);
    secure.off('error', onError);
    user.onConnected(secure);
  });
}

function toAlpnProtocols({ protocol }: TransportConfig): readonly string[] {
  return protocol === 'http2' ? HTTP2 : HTTP1;
}
