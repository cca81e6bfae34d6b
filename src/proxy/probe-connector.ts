/** Opens the connections of health probes the way requests get theirs: TLS as the upstream asks for it, a PROXY header of our own. */
import net from 'node:net';
import tls from 'node:tls';
import type { EndpointAddress, TransportConfig, UpstreamTlsConfig } from '../model/proxy-config.ts';
import { writeProxyHeaderV1, writeProxyHeaderV2 } from './proxy-protocol/header-writer.ts';
import { UpstreamContexts } from './tls/upstream-contexts.ts';
import { findAlpnFault, toUpstreamTlsOptions } from './tls/upstream-tls-options.ts';

export type ProbeConnected = (error: Error | null, socket: net.Socket) => void;

type Address = Pick<EndpointAddress, 'address' | 'port'>;

const HTTP2: readonly string[] = ['h2'];
const HTTP1: readonly string[] = ['http/1.1'];

export class ProbeConnector {
  readonly #contexts: UpstreamContexts;

  constructor() {
    this.#contexts = new UpstreamContexts();
  }

  /**
   * Throws where an address or settings of TLS cannot be used at all.
   * @param onDone is called at most once, and never before this returns
   * @returns what to destroy to give up
   */
  connect(target: Address, transport: TransportConfig, onDone: ProbeConnected): net.Socket {
    const { sendProxyProtocol, tls: tlsConfig } = transport;
    const { address: host, port } = target;
    if (tlsConfig !== null && sendProxyProtocol === 'off') {
      const alpnProtocols = toAlpnProtocols(transport);
      const options = toUpstreamTlsOptions(tlsConfig, host, this.#contexts, alpnProtocols);
      const secure = tls.connect({ ...options, host, port });
      awaitSecure(secure, alpnProtocols, onDone);
      return secure;
    }
    const socket = net.connect({ host, port, noDelay: true });
    const onError = (error: Error): void => onDone(error, socket);
    socket.once('error', onError);
    socket.once('connect', () => {
      const proceed = (): void => {
        socket.off('error', onError);
        if (tlsConfig === null) onDone(null, socket);
        else this.#secure(socket, host, tlsConfig, toAlpnProtocols(transport), onDone);
      };
      // It names nobody: the connection is our own.
      if (sendProxyProtocol === 'off') proceed();
      else {
        const header = sendProxyProtocol === 'v1' ? writeProxyHeaderV1(null) : writeProxyHeaderV2(null);
        socket.write(header, (error) => {
          if (!error && !socket.destroyed) proceed();
        });
      }
    });
    return socket;
  }

  // oxlint-disable-next-line eslint/max-params -- all of one connection
  #secure(
    socket: net.Socket,
    host: string,
    config: UpstreamTlsConfig,
    alpnProtocols: readonly string[],
    onDone: ProbeConnected,
  ): void {
    let secure: tls.TLSSocket;
    try {
      const options = toUpstreamTlsOptions(config, host, this.#contexts, alpnProtocols);
      secure = tls.connect({ ...options, socket });
    } catch (error) {
      socket.destroy();
      onDone(error as Error, socket);
      return;
    }
    awaitSecure(secure, alpnProtocols, onDone);
  }
}

function awaitSecure(secure: tls.TLSSocket, alpnProtocols: readonly string[], onDone: ProbeConnected): void {
  const onError = (error: Error): void => onDone(error, secure);
  secure.once('error', onError);
  secure.once('secureConnect', () => {
    secure.off('error', onError);
    onDone(findAlpnFault(secure, alpnProtocols), secure);
  });
}

function toAlpnProtocols({ protocol }: TransportConfig): readonly string[] {
  return protocol === 'http2' ? HTTP2 : HTTP1;
}
