/** Declares `service-weight`. What it does to a pair of backends is decided in `service-pair.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';
import type { ServiceWeight } from './ingress-settings.ts';

const MAX_ITEMS = 100;
const ITEM = /^([^\s:,.]+)\s*:\s*(\d{1,7})$/;

function parse(text: string): Parsed<readonly ServiceWeight[]> {
  const items = text.split(',');
  if (items.length > MAX_ITEMS) return { problem: `expected at most ${MAX_ITEMS} services` };
  const weights: ServiceWeight[] = [];
  for (const item of items) {
    const found = ITEM.exec(item.trim());
    if (found === null) return { problem: 'expected SERVICE: WEIGHT, SERVICE: WEIGHT, with whole numbers' };
    weights.push({ service: found[1] ?? '', weight: Number(found[2]) });
  }
  return { value: weights };
}

export const serviceWeight: AnnotationSpec = defineAnnotation({
  key: 'service-weight',
  scope: 'location',
  risk: 'low',
  doc: 'How two backends that this Ingress lists for the same path divide its requests, or those that `service-match` lets through: `SERVICE: WEIGHT, SERVICE: WEIGHT`. One that is not named counts 100.',
  example: 'shop: 80, shop-next: 20',
  parse,
  apply: (settings, value) => {
    settings.pair.weights = value;
  },
});
