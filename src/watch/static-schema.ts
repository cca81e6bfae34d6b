/**
 * The shape of the static configuration file: one declaration for validation and for the JSON Schema that editors use.
 * What one value means for another is checked in `static-checks.ts`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { BUCKET_KEY_FORM, parseBucketKey } from '../model/canary.ts';
import { IP_NETWORK_FORM, isIpNetwork } from '../model/ip-networks.ts';
import { parseKeyTemplate } from '../model/key-template.ts';
import { MAX_RETRY_ATTEMPTS, RETRY_CONDITIONS } from '../model/route-policy.ts';
import { BALANCERS } from '../model/upstream-policy.ts';
import { isDnsName } from './dns-name.ts';
import { ENDPOINT_ADDRESS_FORM, parseEndpointAddress } from './endpoint-address.ts';
import { BYTE_SIZE_FORM, parseByteSize } from './quantity.ts';
import { affinitySchema } from './static-affinity.ts';
import type { StaticFile } from './static-file.ts';
import { healthCheckSchema } from './static-health-check.ts';
import { canaryLaneSchema, routeLaneSchema } from './static-lane.ts';
import { matchSchema } from './static-match.ts';
import { mirrorSchema } from './static-mirror.ts';
import { outlierDetectionSchema, slowStartSchema } from './static-passive-health.ts';
import { planSchema } from './static-release.ts';
import { duration, integer, map, matching, passing, pattern, text } from './static-schema-parts.ts';
import { toStaticHost } from './static-values.ts';

/** Names that stand in logs, metrics and identifiers. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_FORM = 'a name of at most 63 letters, digits, `.`, `_` and `-`';
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const PATH = /^\/[^\s\p{Cc}]{0,4095}$/u;
const PATH_FORM = 'a path that starts with `/` and has no spaces';
const MAX_WEIGHT = 1_000_000;

const byteSize = z
  .union([z.string(), z.number()], { error: BYTE_SIZE_FORM })
  .refine((value) => parseByteSize(value) !== null, { error: BYTE_SIZE_FORM });
const upstreamName = text('the name of an upstream');

const host = passing(
  (value) => toStaticHost(value) !== null,
  'a host such as `shop.example.com`, or `"*.example.com"` for exactly one label',
);
const networks = z.array(passing(isIpNetwork, IP_NETWORK_FORM), { error: 'a list of IP networks' });

const certificate = map({
  certFile: text('a file name')
    .min(1, { error: 'a file name' })
    .describe(
      'PEM file: the certificate, then the intermediate certificates. Relative to the directory of the configuration file.',
    ),
  keyFile: text('a file name')
    .min(1, { error: 'a file name' })
    .describe('PEM file with the private key, not encrypted.'),
});

const clientCertificates = map({
  caFile: text('a file name')
    .min(1, { error: 'a file name' })
    .describe('PEM file with the certificates of those who may sign. Relative like `certFile`.'),
  mode: z
    .enum(['require', 'request'], { error: '`require` or `request`' })
    .describe('`require`: no request without a valid certificate. `request`: a client may also send none.'),
  hosts: z
    .array(host, { error: 'a list of hosts' })
    .min(1, { error: 'at least one host' })
    .optional()
    .describe('Only for these hosts; `*.example.com` stands for exactly one label. Default: all hosts.'),
  forwardCertificate: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Also send the certificate itself to upstreams, as `ssl-client-cert`. Default: false.'),
});

const listener = map({
  name: matching(NAME, NAME_FORM).describe('Unique name.'),
  address: passing((value) => isIP(value) !== 0, 'an IP address such as `127.0.0.1` or `::`')
    .optional()
    .describe('IP address to listen on. Default: the address given by `--bind`.'),
  port: integer(0, 65_535).describe('Port to listen on; 0 takes any free one.'),
  tls: map({
    certificates: z
      .array(certificate, { error: 'a list' })
      .min(1, { error: 'at least one certificate' })
      .describe('Certificates by the names they hold. The first one also answers for unknown names.'),
    clientCertificates: clientCertificates.optional().describe('Ask clients for certificates. Default: they are not.'),
  })
    .optional()
    .describe('Present: this listener speaks TLS.'),
  proxyProtocol: map({
    trusted: networks
      .min(1, { error: 'at least one IP network' })
      .describe('Peers in these networks must begin each connection with a header; nobody else may.'),
  })
    .optional()
    .describe('Take the addresses of clients from PROXY protocol headers (version 1 and 2). Default: no.'),
  trustedProxies: networks
    .optional()
    .describe('Peers in these networks are believed what their `X-Forwarded-*` and `Forwarded` say. Default: nobody.'),
});

const endpoint = map({
  address: passing((value) => parseEndpointAddress(value) !== null, ENDPOINT_ADDRESS_FORM).describe(
    '`address:port`: an IPv4 address, an IPv6 address in brackets, or a host name.',
  ),
  weight: integer(0, MAX_WEIGHT)
    .optional()
    .describe('Share of the requests in relation to the other endpoints; 0 takes no new ones. Default: 1.'),
});

const fileName = () => text('a file name').min(1, { error: 'a file name' });

const upstreamTls = map({
  serverName: passing(
    (value) => isDnsName(value.toLowerCase()) && isIP(value) === 0,
    'a host name such as `shop.internal.example`',
  )
    .optional()
    .describe(
      'The name sent to endpoints (SNI), and the one their certificates must hold. Default: the host name or address of the endpoint.',
    ),
  verify: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('Check chain and name of the certificate. Default: true.'),
  caFile: fileName()
    .optional()
    .describe(
      'PEM file with the certificates to trust. Default: the public authorities that come with Node. Relative to the directory of the configuration file.',
    ),
  certFile: fileName()
    .optional()
    .describe('PEM file with the certificate shown to endpoints that ask, then its intermediate certificates.'),
  keyFile: fileName().optional().describe('PEM file with the private key of `certFile`, not encrypted.'),
});

const retryBudget = map({
  percent: integer(0, 1_000)
    .optional()
    .describe('Retries for each 100 requests, over ten seconds; those answered well do not count. Default: 20.'),
  perSecond: integer(0, 1_000_000)
    .optional()
    .describe('Retries a second that are allowed however few requests there are, in each worker. Default: 3.'),
});

const limit = () => integer(0, 1_000_000).optional();

const limits = map({
  maxConnections: limit().describe('Open connections, idle ones included; 0 = unlimited. Default: 0.'),
  maxRequests: limit().describe('Requests under way; 0 = unlimited. Default: 0.'),
  maxConnectionsPerEndpoint: limit().describe('Open connections to each endpoint; 0 = unlimited. Default: 0.'),
  maxRequestsPerEndpoint: limit().describe('Requests under way at each endpoint; 0 = unlimited. Default: 0.'),
  maxPending: limit().describe(
    'Requests that wait for room; 0 = none may. Further ones are answered 503. Default: 100.',
  ),
  pendingTimeout: duration.optional().describe('Longest time a request waits for room. Default: `5s`.'),
});

const upstream = map({
  endpoints: z
    .array(endpoint, { error: 'a list' })
    .describe('Where requests go. May be empty: requests are then answered 503.'),
  protocol: z
    .enum(['http1', 'http2'], { error: '`http1` or `http2`' })
    .optional()
    .describe('What endpoints speak. Default: `http1`.'),
  tls: upstreamTls.optional().describe('Present: endpoints speak TLS.'),
  proxyProtocol: z
    .enum(['v1', 'v2'], { error: '`v1` or `v2`' })
    .optional()
    .describe(
      'Name the client to endpoints in a PROXY protocol header of this version; each connection then serves one request. Default: no header.',
    ),
  balancer: z
    .enum(BALANCERS, { error: `one of ${BALANCERS.map((name) => `\`${name}\``).join(', ')}` })
    .optional()
    .describe('How endpoints are chosen. Default: `round-robin`.'),
  hashBy: passing(
    (value) => !('problem' in parseKeyTemplate(value)),
    'text with variables of a request, such as `$http_x_user`, `$arg_user` or `$remote_addr`',
  )
    .optional()
    .describe(
      'Send requests with the same key to the same endpoint: text with variables of the request, such as `$request_uri`, `$remote_addr`, `$host`, `$arg_NAME`, `$http_NAME` or `$cookie_NAME`. Default: `$remote_addr` for balancers that need a key.',
    ),
  hashBound: integer(100, 10_000)
    .optional()
    .describe(
      'Percentage of the average number of requests under way that one endpoint may have before others take requests with its keys. Default: no bound.',
    ),
  hashSubsetSize: integer(1, 1_000)
    .optional()
    .describe('How many endpoints a key leads to, each request to any of them. Default: one.'),
  healthCheck: healthCheckSchema.optional().describe('Active health checks. Default: none.'),
  outlierDetection: outlierDetectionSchema
    .optional()
    .describe(
      'Eject endpoints by what they answer; `{}` takes all defaults. Without it only endpoints that cannot be connected to are, for 5 to 30 seconds.',
    ),
  slowStart: slowStartSchema
    .optional()
    .describe('Let the share of new and returning endpoints grow. Not for `ring-hash` and `maglev`. Default: no.'),
  panicThreshold: integer(0, 100)
    .optional()
    .describe(
      'When less than this percentage of the endpoints is healthy, health is ignored. Default: 0, which means when none is.',
    ),
  retryBudget: retryBudget.optional().describe('How much of the traffic may be retries.'),
  limits: limits.optional().describe('What may be under way at once. Default: no limits.'),
  backup: upstreamName
    .optional()
    .describe('Upstream that takes over when no endpoint is healthy, or every attempt has failed. Default: none.'),
});

const canary = map({
  upstream: upstreamName.describe('The upstream that takes the chosen requests.'),
  header: map({
    name: matching(TOKEN, 'the name of a header').describe('Name of the header.'),
    value: text('a text')
      .optional()
      .describe(
        'The whole value that chooses the canary. With neither `value` nor `pattern`: `always` chooses it, `never` refuses it.',
      ),
    pattern: pattern().optional().describe('Regular expression (RE2) that is searched in the value.'),
  })
    .optional()
    .describe('Choose by a request header. Comes before everything else.'),
  cookie: map({
    name: matching(TOKEN, 'the name of a cookie').describe(
      'Name of the cookie: `always` chooses the canary, `never` refuses it.',
    ),
  })
    .optional()
    .describe('Choose by a cookie. Comes before matches and weights.'),
  match: matchSchema
    .optional()
    .describe(
      'Choose by tests of the request, any of these lists of them. Comes behind headers and cookies, before weights.',
    ),
  weight: integer(0, MAX_WEIGHT)
    .optional()
    .describe('Share of the requests that no header, cookie or match decided. Default: 0.'),
  weightTotal: integer(1, MAX_WEIGHT).optional().describe('What `weight` is a share of. Default: 100.'),
  fallback: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe(
      'Whether the main upstream answers what the canary fails on, as far as `retries` let the request be sent again. Default: yes for requests that the weight sent to the canary, no for others.',
    ),
  lane: canaryLaneSchema.optional().describe('The lane of requests that take the canary. Default: none.'),
  plan: planSchema.optional().describe('Raise the share step by step, as long as gates find the canary no worse.'),
});

const route = map({
  host: host
    .optional()
    .describe('Host of the request. `*.example.com` stands for exactly one label. Default: any host.'),
  path: map({
    prefix: matching(PATH, PATH_FORM)
      .optional()
      .describe('Matches whole path elements: `/a` matches `/a` and `/a/b`, not `/ab`.'),
    exact: matching(PATH, PATH_FORM).optional().describe('Matches this path only.'),
    regex: pattern().optional().describe('Regular expression (RE2) that must match the whole path.'),
  })
    .optional()
    .describe('Path of the request, exactly one of the keys below. Default: prefix `/`.'),
  upstream: upstreamName.describe('The upstream that takes the requests.'),
  lane: routeLaneSchema.optional().describe('The lane of requests that no canary takes. Default: none.'),
  canaries: z.array(canary, { error: 'a list' }).optional().describe('Upstreams that take a part of the requests.'),
  buckets: map({
    by: passing((value) => parseBucketKey(value) !== null, BUCKET_KEY_FORM).describe(
      'What says who the user is: `header:NAME`, `cookie:NAME`, `query:NAME`, `jwt:CLAIM` of the bearer token, or `client-ip`.',
    ),
    seed: text('a text')
      .optional()
      .describe(
        'Which users come first; the same text gives the same order. Default: the upstream of the first canary.',
      ),
  })
    .optional()
    .describe('Divide weights of canaries by user, so that each stays with one version. Default: by chance.'),
  timeouts: map({
    connect: duration.optional().describe('Longest wait for a connection to an endpoint. Default: `5s`.'),
    send: duration
      .optional()
      .describe('Longest time an endpoint may refuse to take more of a request. Default: `60s`.'),
    response: duration
      .optional()
      .describe('Longest wait for the response, and between two pieces of it. Default: `60s`.'),
    idle: duration
      .optional()
      .describe('Longest silence of a WebSocket or another upgraded connection. Default: `60s`.'),
  })
    .optional()
    .describe('Limits of time.'),
  retries: map({
    attempts: integer(1, MAX_RETRY_ATTEMPTS)
      .optional()
      .describe('Tries in all, the first one included; 1 = never try again. Default: 3.'),
    on: z
      .array(
        z.enum(RETRY_CONDITIONS, { error: `one of ${RETRY_CONDITIONS.map((name) => `\`${name}\``).join(', ')}` }),
        {
          error: 'a list',
        },
      )
      .optional()
      .describe('What counts as a failed try. Empty: nothing is ever sent twice. Default: `[error, timeout]`.'),
    timeout: duration.optional().describe('No try begins later than this after the request came. Default: no limit.'),
    nonIdempotent: z
      .boolean({ error: 'true or false' })
      .optional()
      .describe(
        'Also send POST, PATCH, LOCK and unknown methods again after an endpoint may have seen them. Default: false.',
      ),
    buffer: byteSize
      .optional()
      .describe('Bodies up to this size are kept while they are sent, to send them again; 0 = none. Default: `64KiB`.'),
  })
    .optional()
    .describe('When to try another endpoint.'),
  affinity: affinitySchema.optional().describe('Whether a client stays with one endpoint. Default: it does not.'),
  mirror: mirrorSchema.optional().describe('Send copies of requests elsewhere, without waiting. Default: none.'),
  requestBuffering: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe('False: requests with a body are never sent twice once sending has begun. Default: true.'),
  maxBodySize: byteSize
    .optional()
    .describe(
      'Larger requests are answered 413. A number of bytes, or `512KiB`, `10MiB`, `1GiB`; 0 = unlimited. Default: 0.',
    ),
});

export const staticFileSchema: z.ZodType<StaticFile> = map({
  listeners: z
    .array(listener, { error: 'a list' })
    .min(1, { error: 'at least one listener' })
    .optional()
    .describe('Where clients connect. Default: what `--http-port` and `--https-port` say.'),
  upstreams: z
    .record(matching(NAME, NAME_FORM), upstream, { error: 'a map' })
    .optional()
    .describe('Sets of endpoints by name.'),
  routes: z
    .array(route, { error: 'a list' })
    .optional()
    .describe(
      'Which requests go where. Order does not matter: exact paths come before longer prefixes before shorter ones before regular expressions.',
    ),
});

/** For editors: `docs/reference/config.schema.json` is this. */
export function staticConfigJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: 'Sluice static configuration', ...z.toJSONSchema(staticFileSchema, { io: 'input' }) };
}
