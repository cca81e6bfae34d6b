/** Opens the connections of health probes the way requests get theirs: TLS as the upstream asks for it, a PROXY header of our own. */
import net from 'node:net';
import tls from 'node:tls';
import type { EndpointAddress, TransportConfig } from '../model/proxy-config.ts';
import { writeProxyHeaderV1, writeProxyHeaderV2 } from './proxy-protocol/header-writer.ts';
import { UpstreamContexts } from './tls/upstream-contexts.ts';
import { findAlpnFault, toUpstreamTlsOptions } from './tls/upstream-tls-options.ts';

export type ProbeConnected = (error: Error | null, socket: net.Socket) => void;

export class ProbeConnector {
  readonly #contexts: UpstreamContexts;

  constructor() {
    this.#contexts = new UpstreamContexts();
  }

  /**
   * @param onDone is called at most once, and never before this returns
   * @returns what to destroy to give up
   */
  connect(endpoint: EndpointAddress, transport: TransportConfig, onDone: ProbeConnected): net.Socket {
    const { sendProxyProtocol } = transport;
    const socket = net.connect({ host: endpoint.address, port: endpoint.port, noDelay: true });
    const onError = (error: Error): void => onDone(error, socket);
    socket.once('error', onError);
    socket.once('connect', () => {
      const proceed = (): void => {
        socket.off('error', onError);
        if (transport.tls === null) onDone(null, socket);
        else this.#secure(socket, endpoint, transport, onDone);
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

  #secure(socket: net.Socket, endpoint: EndpointAddress, transport: TransportConfig, onDone: ProbeConnected): void {
    if (transport.tls === null) return;
    const alpnProtocols = transport.protocol === 'http2' ? ['h2'] : ['http/1.1'];
    let secure: tls.TLSSocket;
    try {
      const options = toUpstreamTlsOptions(transport.tls, endpoint.address, this.#contexts, alpnProtocols);
      secure = tls.connect({ ...options, socket });
    } catch (error) {
      socket.destroy();
      onDone(error as Error, socket);
      return;
    }
    const onError = (error: Error): void => onDone(error, secure);
    secure.once('error', onError);
    secure.once('secureConnect', () => {
      secure.off('error', onError);
      onDone(findAlpnFault(secure, alpnProtocols), secure);
    });
  }
}
