/**
 * The short road for changes of EndpointSlices alone: new endpoint lists for the upstreams of a running configuration,
 * without compiling it again. A property test holds it equal to a full compile.
 */
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { EndpointAddress, EndpointChange, ProxyConfig, UpstreamId } from '../model/proxy-config.ts';
import type { CompileMemory } from './compile-memory.ts';

/**
 * Only upstreams whose list differs from the one in `running`.
 * @param memory of the compiles before
 */
export function compileEndpoints(
  snapshot: ObjectSnapshot,
  running: ProxyConfig,
  memory: CompileMemory,
): readonly EndpointChange[] {
  const changes: EndpointChange[] = [];
  for (const upstream of running.upstreams) {
    if (upstream.backend === null) continue;
    const { endpoints } = memory.resolveBackend(snapshot, upstream.backend);
    if (!sameEndpoints(endpoints, upstream.endpoints)) changes.push({ upstreamId: upstream.id, endpoints });
  }
  return changes;
}

/** `config` with the changed lists in place, under the same generation; the same object when nothing changes. */
export function withEndpoints(config: ProxyConfig, changes: readonly EndpointChange[]): ProxyConfig {
  if (changes.length === 0) return config;
  const byId = new Map<UpstreamId, readonly EndpointAddress[]>();
  for (const { upstreamId, endpoints } of changes) byId.set(upstreamId, endpoints);
  const upstreams = config.upstreams.map((upstream) => {
    const endpoints = byId.get(upstream.id);
    return endpoints === undefined ? upstream : { ...upstream, endpoints };
  });
  return { ...config, upstreams };
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
