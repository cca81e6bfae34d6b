/**
 * What a trusted proxy says about the requests it sends: who the client is, and what it asked for. Exists only for
 * connections whose peer is trusted, so that others pay nothing. What cannot be read strictly counts as not said.
 */
import { toCanonicalIp } from '../model/ip-address.ts';
import type { IpNetworks } from '../model/ip-networks.ts';
import { nearestForwarded, resolveClientAddress, resolveForwardedAddress } from './client-address.ts';
import { type ForwardedFacts, forwardedFieldsFor } from './forwarded-fields.ts';
import { isValidAuthority } from './http1/request-target.ts';
import type { JudgedRequest } from './judged-request.ts';

const HTTP_PORT = 80;
const HTTPS_PORT = 443;
const PORT = /^[1-9]\d{0,4}$/;

export class TrustedPeer implements ForwardedFacts {
  /** Who is connected to us. */
  readonly peerIp: string;
  /** The rest is what the last `read` found. */
  clientIp: string;
  secure: boolean;
  port: number;
  /** What the client asked for, perhaps with a port. */
  host: string;
  /** `X-Real-IP` and `X-Forwarded-*` as lines. */
  fields: string;
  readonly #networks: IpNetworks;
  readonly #ownSecure: boolean;
  readonly #ownPort: number;

  /** @param own what we know without being told; `clientIp` is the peer */
  constructor(networks: IpNetworks, own: ForwardedFacts) {
    this.peerIp = own.clientIp;
    this.clientIp = own.clientIp;
    this.secure = own.secure;
    this.port = own.port;
    this.host = '';
    this.fields = '';
    this.#networks = networks;
    this.#ownSecure = own.secure;
    this.#ownPort = own.port;
  }

  read(head: JudgedRequest): void {
    const list = head.header('x-forwarded-for') ?? '';
    const forwarded = head.header('forwarded') ?? '';
    const nearest = nearestForwarded(forwarded);
    this.clientIp = this.#resolveClient(list, forwarded, head);
    const scheme = (head.header('x-forwarded-proto') ?? nearest.proto).toLowerCase();
    this.secure = scheme === 'https' || (scheme !== 'http' && this.#ownSecure);
    this.port = this.#resolvePort(head.header('x-forwarded-port') ?? '');
    const host = head.header('x-forwarded-host') ?? nearest.host;
    this.host = isValidAuthority(host) ? host : head.host;
    this.fields = forwardedFieldsFor(this, this.host, this.#chain(list));
  }

  /** A proxy that writes one of them may pass on what a client put into the others: they are asked in a fixed order. */
  #resolveClient(list: string, forwarded: string, head: JudgedRequest): string {
    if (list !== '') return resolveClientAddress(this.peerIp, list, this.#networks);
    if (forwarded !== '') return resolveForwardedAddress(this.peerIp, forwarded, this.#networks);
    return toCanonicalIp(head.header('x-real-ip') ?? '') || this.peerIp;
  }

  /** A scheme of the client's that is not ours stands for its usual port where nobody names one. */
  #resolvePort(text: string): number {
    if (PORT.test(text) && Number(text) <= 65_535) return Number(text);
    if (this.secure === this.#ownSecure) return this.#ownPort;
    return this.secure ? HTTPS_PORT : HTTP_PORT;
  }

  /** The chain as it came, and the hop that brought it: whoever reads it from the right sees the same as we do. */
  #chain(list: string): string {
    if (list !== '') return `${list}, ${this.peerIp}`;
    return this.clientIp === this.peerIp ? this.peerIp : `${this.clientIp}, ${this.peerIp}`;
  }
}
