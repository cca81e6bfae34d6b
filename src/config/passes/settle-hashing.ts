/**
 * Pass: brings the balancer of each upstream together with what is said about keys, which may have different authors. A key
 * makes it a balancer that sticks to keys, and such a balancer gets a key.
 */
import { DEFAULT_KEY_TEMPLATE } from '../../model/key-template.ts';
import type { UpstreamConfig } from '../../model/proxy-config.ts';
import type { BalancerName, HashingConfig } from '../../model/upstream-policy.ts';
import { type Draft, warn } from '../draft.ts';

const STICKS_TO_KEYS: ReadonlySet<BalancerName> = new Set(['ring-hash', 'maglev']);
const NO_OPTIONS: HashingConfig = { keyTemplate: '', subsetSize: 0, boundPercent: 0 };

export function settleHashing(draft: Draft): void {
  for (const [id, upstream] of draft.upstreams) {
    const settled = settle(draft, upstream);
    if (settled !== upstream) draft.upstreams.set(id, settled);
  }
}

function settle(draft: Draft, upstream: UpstreamConfig): UpstreamConfig {
  const { id, hashing } = upstream;
  const hasKey = hashing !== null && hashing.keyTemplate !== '';
  const sticksToKeys = STICKS_TO_KEYS.has(upstream.balancer);
  if (hashing !== null && !hasKey && !sticksToKeys) {
    const message = `upstream ${id} has neither a key nor a balancer that needs one, so what is said about hashing has no effect; expected upstream-hash-by, sluice.dev/hash-by, or the balancer ring-hash or maglev`;
    report(draft, upstream, message);
    return { ...upstream, hashing: null };
  }
  if (!hasKey && !sticksToKeys) return upstream;
  const balancer: BalancerName = sticksToKeys ? upstream.balancer : 'ring-hash';
  const options = hashing ?? NO_OPTIONS;
  const keyTemplate = hasKey ? options.keyTemplate : DEFAULT_KEY_TEMPLATE;
  if (options.subsetSize !== 0 && balancer !== 'ring-hash') {
    report(draft, upstream, `upstream ${id} has the balancer ${balancer}, which knows no subsets; expected ring-hash`);
    return { ...upstream, balancer, hashing: { ...options, keyTemplate, subsetSize: 0 } };
  }
  return { ...upstream, balancer, hashing: { ...options, keyTemplate } };
}

/** On the object that asked for it. */
function report(draft: Draft, { id, source }: UpstreamConfig, message: string): void {
  warn(draft, 'annotation-invalid', draft.settingAuthors.get(id)?.hashing ?? source, 'metadata.annotations', message);
}
