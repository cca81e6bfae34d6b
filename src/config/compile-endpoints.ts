/**
 * The short road for changes of EndpointSlices alone: new endpoint lists for the upstreams of a running configuration,
 * without compiling it again. A property test holds it equal to a full compile.
 */
import { type ObjectKey, toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import { differingKeys } from '../model/piecewise-map.ts';
import type { EndpointAddress, EndpointChange, ProxyConfig, UpstreamConfig } from '../model/proxy-config.ts';
import { findUpstream, idOf, lowerBound, replaceSorted } from '../model/sorted-config.ts';
import type { CompileMemory } from './compile-memory.ts';

/**
 * Only upstreams whose list differs from the one in `running`, in no order.
 * @param memory of the compiles before
 * @param before the snapshot `running` shows, so that only what moved since is looked at; null = look at everything
 */
export function compileEndpoints(
  snapshot: ObjectSnapshot,
  running: ProxyConfig,
  memory: CompileMemory,
  before: ObjectSnapshot | null = null,
): readonly EndpointChange[] {
  if (before === null || differingKeys(before.services, snapshot.services).length > 0) {
    return moveEndpoints(running.upstreams, snapshot, memory);
  }
  return differingKeys(before.endpointSlices, snapshot.endpointSlices).flatMap((key) =>
    moveEndpoints(upstreamsOfService(running.upstreams, key), snapshot, memory),
  );
}

/** Their new lists of endpoints, where they are others. */
function moveEndpoints(
  upstreams: readonly UpstreamConfig[],
  snapshot: ObjectSnapshot,
  memory: CompileMemory,
): readonly EndpointChange[] {
  const changes: EndpointChange[] = [];
  for (const upstream of upstreams) {
    if (upstream.backend === null) continue;
    const { endpoints } = memory.resolveBackend(snapshot, upstream.backend);
    if (!sameEndpoints(endpoints, upstream.endpoints)) changes.push({ upstreamId: upstream.id, endpoints });
  }
  return changes;
}

/** Their ids begin with its key. */
function upstreamsOfService(upstreams: readonly UpstreamConfig[], key: ObjectKey): readonly UpstreamConfig[] {
  const prefix = `${key}/`;
  const found: UpstreamConfig[] = [];
  for (let at = lowerBound(upstreams, prefix, idOf); upstreams[at]?.id.startsWith(prefix) === true; at++) {
    const upstream = upstreams[at];
    if (upstream?.backend && toObjectKey(upstream.backend.namespace, upstream.backend.service) === key)
      found.push(upstream);
  }
  return found;
}

/** `config` with the changed lists in place, under the same generation; the same object when nothing changes. */
export function withEndpoints(config: ProxyConfig, changes: readonly EndpointChange[]): ProxyConfig {
  if (changes.length === 0) return config;
  const replacements = new Map<string, readonly UpstreamConfig[]>();
  for (const { upstreamId, endpoints } of changes) {
    const upstream = findUpstream(config.upstreams, upstreamId);
    if (upstream !== null) replacements.set(upstreamId, [{ ...upstream, endpoints }]);
  }
  return { ...config, upstreams: replaceSorted(config.upstreams, replacements, idOf) };
}

/** Both are sorted. */
function sameEndpoints(a: readonly EndpointAddress[], b: readonly EndpointAddress[]): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every((endpoint, index) => {
      const other = b[index];
      return (
        endpoint.address === other?.address &&
        endpoint.port === other.port &&
        endpoint.weight === other.weight &&
        endpoint.draining === other.draining &&
        endpoint.otherZone === other.otherZone
      );
    })
  );
}
