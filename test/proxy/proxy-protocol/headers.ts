/** PROXY protocol headers put together by hand, and what the parser makes of bytes however they are cut. */

import type { ProxyAddresses } from '../../../src/proxy/proxy-protocol/addresses.ts';
import { ProxyHeaderParser, type ProxyHeaderState } from '../../../src/proxy/proxy-protocol/header-parser.ts';

export const SIGNATURE = '0d0a0d0a000d0a515549540a';

export interface Parsed {
  readonly state: ProxyHeaderState;
  readonly result: ProxyAddresses | null;
  readonly fault: string;
  /** Bytes taken over all reads. */
  readonly used: number;
}

/** Feeds `bytes` in reads that end at `cuts` (ascending), each inside a larger buffer that is overwritten afterwards. */
export function parseInReads(bytes: Buffer, cuts: readonly number[]): Parsed {
  const parser = new ProxyHeaderParser();
  let used = 0;
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    const shared = Buffer.concat([Buffer.from('before'), bytes.subarray(start, cut), Buffer.from('behind')]);
    used += parser.append(shared, 6, 6 + cut - start);
    shared.fill(0xee);
    start = cut;
  }
  return { state: parser.state, result: parser.result, fault: parser.fault, used };
}

/** @param block hexadecimal, behind the 16 fixed bytes; its true length is announced */
export function v2(versionAndCommand: number, family: number, block: string): Buffer {
  const fixed = Buffer.from(`${SIGNATURE}00000000`, 'hex');
  fixed[12] = versionAndCommand;
  fixed[13] = family;
  fixed.writeUInt16BE(block.length / 2, 14);
  return Buffer.concat([fixed, Buffer.from(block, 'hex')]);
}

/** @param value hexadecimal */
export function tlv(type: number, value: string): string {
  const start = Buffer.alloc(3);
  start[0] = type;
  start.writeUInt16BE(value.length / 2, 1);
  return start.toString('hex') + value;
}
