/** The legs of a run: one kind of traffic each, what makes it, and what is read from it. */
import { autocannon, h2load, type LoadResult, wrk } from './load.ts';
import { LARGE_BODY_BYTES, LARGE_BODY_PATH } from './servers/bodies.ts';
import { DIRECT, RELAY, TARGET_NAMES } from './targets.ts';

export type GeneratorName = 'autocannon' | 'wrk' | 'h2load';

export interface LegLoad {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  readonly seconds: number;
  readonly directory: string;
  /** Requests a second where a leg has a fixed rate, else null. */
  readonly rate: number | null;
}

/** What a leg is about: the time of a CPU that a request takes, the bytes a CPU moves in a second, or the time a request takes. */
export type Measure = 'cpu' | 'bytes' | 'latency';

export interface Leg {
  readonly name: string;
  readonly title: string;
  readonly generator: GeneratorName;
  readonly measure: Measure;
  readonly tls: boolean;
  /** The upstream has to read request bodies. */
  readonly uploads: boolean;
  readonly targets: readonly string[];
  /** How many each target has answered, about, when its first round begins that counts. */
  readonly warmUpRequests: number;
  readonly load: (load: LegLoad) => Promise<LoadResult>;
}

const CONNECTIONS = 64;
const SHORT_CONNECTIONS = 32;
const LARGE_CONNECTIONS = 8;
const H2_CONNECTIONS = 16;
const H2_STREAMS = 8;

const MANY = 60_000;
const SOME = 20_000;
/** Of 1 MiB. */
const FEW = 1_000;

const PROXIES = TARGET_NAMES.filter((name) => name !== DIRECT && name !== RELAY);

/** @param connections of the two legs with small requests over HTTP/1.1 keep-alive connections */
export function makeLegs(generator: 'autocannon' | 'wrk', connections: number = CONNECTIONS): readonly Leg[] {
  const small = ({ origin, seconds }: LegLoad): Promise<LoadResult> => {
    const load = { url: `${origin}/`, connections, seconds };
    return generator === 'wrk' ? wrk({ ...load, close: false, bodyBytes: 0 }) : autocannon(load);
  };
  const smallLeg = { generator, measure: 'cpu', uploads: false, warmUpRequests: MANY, load: small } as const;
  const text = `GET, ${connections} keep-alive connections`;
  return [
    { ...smallLeg, name: 'h1', title: `HTTP/1.1, ${text}`, tls: false, targets: TARGET_NAMES },
    { ...smallLeg, name: 'h1-tls', title: `HTTP/1.1 over TLS, ${text}`, tls: true, targets: [...PROXIES, RELAY] },
    {
      name: 'h2-tls',
      title: `HTTP/2 over TLS, GET, ${H2_CONNECTIONS} connections with ${H2_STREAMS} streams each`,
      generator: 'h2load',
      measure: 'cpu',
      tls: true,
      uploads: false,
      warmUpRequests: MANY,
      // http-proxy speaks HTTP/1.1 only.
      targets: PROXIES.filter((name) => name !== 'http-proxy'),
      load: ({ origin, seconds, directory }) => {
        const load = { url: `${origin}/`, connections: H2_CONNECTIONS, seconds, directory };
        return h2load({ ...load, http1: false, streams: H2_STREAMS, rate: null });
      },
    },
    {
      name: 'connect',
      title: `HTTP/1.1, GET, a new connection for each request, ${SHORT_CONNECTIONS} at once`,
      generator: 'wrk',
      measure: 'cpu',
      tls: false,
      uploads: false,
      warmUpRequests: SOME,
      targets: PROXIES,
      load: ({ origin, seconds }) =>
        wrk({ url: `${origin}/`, connections: SHORT_CONNECTIONS, seconds, close: true, bodyBytes: 0 }),
    },
    {
      name: 'down-1m',
      title: `HTTP/1.1, GET of 1 MiB, ${LARGE_CONNECTIONS} connections`,
      generator: 'wrk',
      measure: 'bytes',
      tls: false,
      uploads: false,
      warmUpRequests: FEW,
      targets: [DIRECT, ...PROXIES],
      load: ({ origin, seconds }) =>
        wrk({ url: origin + LARGE_BODY_PATH, connections: LARGE_CONNECTIONS, seconds, close: false, bodyBytes: 0 }),
    },
    {
      name: 'up-1m',
      title: `HTTP/1.1, POST of 1 MiB, ${LARGE_CONNECTIONS} connections; nginx with proxy_request_buffering off`,
      generator: 'wrk',
      measure: 'bytes',
      tls: false,
      uploads: true,
      warmUpRequests: FEW,
      targets: [DIRECT, ...PROXIES],
      load: ({ origin, seconds }) => {
        const load = { url: `${origin}/`, connections: LARGE_CONNECTIONS, seconds };
        return wrk({ ...load, close: false, bodyBytes: LARGE_BODY_BYTES });
      },
    },
    {
      name: 'latency',
      title: 'HTTP/1.1, GET, at a fixed rate',
      generator: 'h2load',
      measure: 'latency',
      tls: false,
      uploads: false,
      warmUpRequests: MANY,
      targets: [DIRECT, 'sluice', 'nginx', 'haproxy', RELAY],
      load: ({ origin, seconds, directory, rate }) =>
        h2load({ url: `${origin}/`, connections, seconds, directory, http1: true, streams: 1, rate }),
    },
  ];
}
