/**
 * The short road for changes of EndpointSlices alone: new endpoint lists for the upstreams of a running configuration,
 * without compiling it again. A property test holds it equal to a full compile.
 */
import type { ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { EndpointAddress, EndpointChange, ProxyConfig, UpstreamId } from '../model/proxy-config.ts';
import type { CompileMemory } from './compile-memory.ts';

/**
 * Only upstreams whose list differs from the one in `running`.
 * @param memory of the compiles before
 * @param before the snapshot `running` shows, so that only what moved since is looked at; null = look at everything
 */
export function compileEndpoints(
  snapshot: ObjectSnapshot,
  running: ProxyConfig,
  memory: CompileMemory,
  before: ObjectSnapshot | null = null,
): readonly EndpointChange[] {
  const changes: EndpointChange[] = [];
  const moved = before === null ? null : findMoved(before, snapshot);
  for (const upstream of running.upstreams) {
    if (upstream.backend === null || moved?.has(upstream.backend.service) === false) continue;
    const { endpoints } = memory.resolveBackend(snapshot, upstream.backend);
    if (!sameEndpoints(endpoints, upstream.endpoints)) changes.push({ upstreamId: upstream.id, endpoints });
  }
  return changes;
}

/**
 * Names of the Services whose slices are not those of before; Services of the same name in other namespaces are looked at in
 * vain, which costs less than to make the keys of all. Null where Services themselves changed.
 */
function findMoved(before: ObjectSnapshot, after: ObjectSnapshot): ReadonlySet<string> | null {
  if (before.services !== after.services) return null;
  const moved = new Set<string>();
  for (const [key, slices] of after.endpointSlices)
    if (before.endpointSlices.get(key) !== slices) moved.add(nameOf(key));
  for (const key of before.endpointSlices.keys()) if (!after.endpointSlices.has(key)) moved.add(nameOf(key));
  return moved;
}

function nameOf(key: ObjectKey): string {
  return key.slice(key.indexOf('/') + 1);
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
