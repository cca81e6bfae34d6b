/** Declares `sluice.dev/balancer`: how endpoints are chosen, by our own names. */
import { BALANCERS, type BalancerName } from '../../model/upstream-policy.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<BalancerName> {
  const value = BALANCERS.find((name) => name === text.trim());
  return value === undefined ? { problem: `expected one of ${BALANCERS.join(', ')}` } : { value };
}

export const balancer: AnnotationSpec = defineAnnotation({
  key: 'balancer',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: `How endpoints are chosen: ${BALANCERS.map((name) => `\`${name}\``).join(', ')}.`,
  example: 'round-robin',
  parse,
  apply: (settings, value) => {
    settings.upstream.balancer = value;
  },
});
