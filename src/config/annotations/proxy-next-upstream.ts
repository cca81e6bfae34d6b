/** Declares `proxy-next-upstream`: what counts as a failed try, and which requests may be tried again. */
import { RETRY_CONDITIONS, type RetryCondition } from '../../model/route-policy.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

interface NextUpstream {
  readonly on: readonly RetryCondition[];
  readonly nonIdempotent: boolean;
}

const NON_IDEMPOTENT = 'non_idempotent';
const OFF = 'off';
const WORDS: readonly string[] = [...RETRY_CONDITIONS, NON_IDEMPOTENT, OFF];

function parse(text: string): Parsed<NextUpstream> {
  const words = new Set(text.trim().split(/\s+/));
  for (const word of words) {
    if (!WORDS.includes(word)) return { problem: `expected some of ${WORDS.join(', ')}, with blanks between them` };
  }
  // Whatever stands beside it.
  if (words.has(OFF)) return { value: { on: [], nonIdempotent: false } };
  const on = RETRY_CONDITIONS.filter((condition) => words.has(condition));
  return { value: { on, nonIdempotent: words.has(NON_IDEMPOTENT) } };
}

export const proxyNextUpstream: AnnotationSpec = defineAnnotation({
  key: 'proxy-next-upstream',
  scope: 'location',
  risk: 'low',
  doc: 'What counts as a failed try, which is repeated on another endpoint: `error` (no connection, or it broke before the response), `timeout`, `invalid_header`, and statuses `http_500` `http_502` `http_503` `http_504` `http_403` `http_404` `http_429`. Once a byte was sent, only GET, HEAD, OPTIONS, PUT and DELETE are sent again, unless `non_idempotent` stands here. `off`: no request is ever sent twice. The default is `error timeout`.',
  example: 'error timeout http_503',
  parse,
  apply: ({ policy }, { on, nonIdempotent }) => {
    policy.retryOn = on;
    policy.retryNonIdempotent = nonIdempotent;
  },
});
