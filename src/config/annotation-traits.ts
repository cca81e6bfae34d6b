/**
 * What the annotations of an Ingress make of it, found without reading all of them: for those who have to know it of
 * thousands of Ingresses at once. A property test holds it equal to `annotations/read-annotations.ts`.
 */
import { canary } from './annotations/canary.ts';
import { ANNOTATIONS } from './annotations/index.ts';
import { boolean } from './annotations/parsers.ts';

const OWN_PREFIX = 'sluice.dev';
const OWN_UPSTREAM_NAMES: readonly string[] = upstreamNames(true);
const DIALECT_UPSTREAM_NAMES: readonly string[] = upstreamNames(false);

/** Whether the Ingress is a canary of others. `prefix` without the slash. */
export function isCanary(annotations: Readonly<Record<string, string>>, prefix: string): boolean {
  const parsed = boolean(annotations[`${prefix}/${canary.key}`] ?? '');
  return 'value' in parsed && parsed.value;
}

/** Whether there is anything that may ask something of the upstreams it names, be the value right or wrong. */
export function mayClaimUpstreams(annotations: Readonly<Record<string, string>>, prefix: string): boolean {
  return (
    DIALECT_UPSTREAM_NAMES.some((name) => `${prefix}/${name}` in annotations) ||
    OWN_UPSTREAM_NAMES.some((name) => `${OWN_PREFIX}/${name}` in annotations)
  );
}

function upstreamNames(own: boolean): readonly string[] {
  return ANNOTATIONS.filter((spec) => spec.scope === 'upstream' && spec.own === own).map((spec) => spec.key);
}
