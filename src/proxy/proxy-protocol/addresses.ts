/** What a PROXY protocol header is about, whichever version spelled it. */

export interface ProxyAddresses {
  /** IP literal; canonical where a header was read. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

/** A complete header, understood or not. */
export interface HeaderContent {
  /** Null: the header is valid and names nobody, so the addresses of the socket count. */
  readonly addresses: ProxyAddresses | null;
  /** Empty unless the header is invalid. */
  readonly fault: string;
}

export const NOBODY: HeaderContent = { addresses: null, fault: '' };

export function faulty(fault: string): HeaderContent {
  return { addresses: null, fault };
}
