/** An upstream of the data plane, filled with what is known of its endpoints, for questions that its own code answers. */
import { Upstream } from '../../balancer/upstream.ts';
import { toEndpointId } from '../../model/proxy-config.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../model/upstream-policy.ts';
import type { ExplainedUpstream } from './explain-request.ts';

/** Health that nobody knows counts as good. */
export function toKnownUpstream({ id, endpoints, panicThreshold = 0 }: ExplainedUpstream): Upstream {
  const upstream = new Upstream(id, 'round-robin', 1);
  upstream.usePolicy({ ...DEFAULT_UPSTREAM_POLICY, panicThreshold });
  upstream.update(endpoints, () => NO_TRANSPORT);
  upstream.applyVerdicts(
    endpoints.map(({ address, port, healthy, reason = '' }) => {
      return { endpointId: toEndpointId(address, port), healthy: healthy ?? true, reason };
    }),
  );
  return upstream;
}

const NO_TRANSPORT = { idleCount: 0, openCount: 0, close: ignore, retire: ignore };

function ignore(): void {}
