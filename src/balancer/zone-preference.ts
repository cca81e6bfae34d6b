/** Keeping requests in our own zone as long as somebody there can take them. Whose zone is whose is decided in `config/`. */
import type { Endpoint } from './endpoint.ts';

/** Those that are not left to other zones; all where there is none of them. */
export function preferOwnZone(healthy: readonly Endpoint[]): readonly Endpoint[] {
  const own = healthy.filter((endpoint) => !endpoint.otherZone);
  return own.length > 0 ? own : healthy;
}
