/** Declares `load-balance`, the word of the dialect for how endpoints are chosen. */

import type { BalancerName } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

/** Others the dialect lists (`chash`, `sticky_balanced`, …) have annotations of their own and do nothing here. */
const ALGORITHMS: Readonly<Record<string, BalancerName>> = {
  round_robin: 'round-robin',
  ewma: 'peak-ewma',
};

function parse(text: string): Parsed<BalancerName> {
  const value = Object.hasOwn(ALGORITHMS, text) ? ALGORITHMS[text] : undefined;
  return value === undefined ? { problem: `expected one of ${Object.keys(ALGORITHMS).join(', ')}` } : { value };
}

export const loadBalance: AnnotationSpec = defineAnnotation({
  key: 'load-balance',
  scope: 'upstream',
  risk: 'low',
  doc: 'How endpoints are chosen: `round_robin`, or `ewma` for `peak-ewma` of `sluice.dev/balancer`.',
  example: 'round_robin',
  parse,
  apply: (settings, value) => {
    settings.upstream.balancer = value;
  },
});
