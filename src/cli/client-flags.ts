/** Flags that bound what one client may cost: time it may take, bytes of its heads, connections from its address. */
import type { ClientLimits } from '../model/worker-messages.ts';
import { defineFlag, type Flag, type FlagReader } from './flag.ts';
import * as parse from './flag-parsers.ts';

const GROUP = 'Clients:';
const KIB = 1_024;

function timeLimitFlag(name: string, fallbackSeconds: number, doc: string): Flag<number> {
  const fallbackText = (): string => `${fallbackSeconds}s`;
  const options = { name, placeholder: '<duration>', group: GROUP, doc, parse: parse.parseTimeLimit, fallbackText };
  return defineFlag(options, fallbackSeconds * 1_000);
}

function sizeLimitFlag(name: string, fallbackKib: number, doc: string): Flag<number> {
  const fallbackText = (): string => `${fallbackKib}k`;
  const options = { name, placeholder: '<size>', group: GROUP, doc, parse: parse.parseHeadSize, fallbackText };
  return defineFlag(options, fallbackKib * KIB);
}

const headerTimeoutFlag = timeLimitFlag(
  'client-header-timeout',
  60,
  'Time for a whole request head, from its first byte; for the first one of a connection from its start. Then 408.',
);

const bodyTimeoutFlag = timeLimitFlag(
  'client-body-timeout',
  60,
  'Longest silence while a request body is expected. Then 408.',
);

const keepAliveTimeoutFlag = timeLimitFlag(
  'keep-alive-timeout',
  75,
  'Longest silence between two requests of a connection. Then it is closed.',
);

const writeTimeoutFlag = timeLimitFlag(
  'client-write-timeout',
  60,
  'Longest time a client may take no byte of what waits for it. Then its connection is closed.',
);

const maxHeaderBytesFlag = sizeLimitFlag(
  'max-header-bytes',
  32,
  'Largest request head, request line included. What is larger gets 431.',
);

const maxHeadersFlag: Flag<number> = defineFlag(
  {
    name: 'max-headers',
    placeholder: '<n>',
    group: GROUP,
    doc: 'Most header fields of a request. More get 431.',
    parse: parse.parseInteger(8, 1_000),
  },
  100,
);

const maxUriBytesFlag = sizeLimitFlag(
  'max-uri-bytes',
  16,
  'Longest request target: path and query. What is longer gets 414.',
);

const maxConnectionsPerIpFlag: Flag<number> = defineFlag(
  {
    name: 'max-connections-per-ip',
    placeholder: '<off|n>',
    group: GROUP,
    doc: 'Connections at once that each worker takes from one client: an IPv4 address, or an IPv6 network of 64 bits, as a PROXY protocol header names it where there is one. More are closed at once.',
    parse: parse.parseOffOrInteger(1, 10_000_000),
    fallbackText: () => 'off',
  },
  0,
);

export const CLIENT_FLAGS: readonly Flag<unknown>[] = [
  headerTimeoutFlag,
  bodyTimeoutFlag,
  keepAliveTimeoutFlag,
  writeTimeoutFlag,
  maxHeaderBytesFlag,
  maxHeadersFlag,
  maxUriBytesFlag,
  maxConnectionsPerIpFlag,
];

export function readClientLimits(reader: FlagReader): ClientLimits {
  return {
    headTimeoutMs: reader.read(headerTimeoutFlag),
    bodyTimeoutMs: reader.read(bodyTimeoutFlag),
    keepAliveTimeoutMs: reader.read(keepAliveTimeoutFlag),
    writeTimeoutMs: reader.read(writeTimeoutFlag),
    maxHeadBytes: reader.read(maxHeaderBytesFlag),
    maxHeaders: reader.read(maxHeadersFlag),
    maxTargetBytes: reader.read(maxUriBytesFlag),
    maxConnectionsPerIp: reader.read(maxConnectionsPerIpFlag),
  };
}
