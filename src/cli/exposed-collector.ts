/** The collector of V8, which is there for whoever asks for it in a new context. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type Collect = (options: {
  readonly type: 'major' | 'minor';
  readonly execution: 'sync';
  readonly flavor?: 'last-resort';
}) => void;

/** Of this thread; undefined until it is asked for. */
let exposed: Collect | null | undefined;

/**
 * Of this thread. The flag is one of the process and stays: who took it back would take it from a thread that has just set it.
 * @returns null where this runtime has no such thing
 */
export function exposeCollector(): Collect | null {
  if (exposed === undefined) {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('globalThis.gc');
    exposed = typeof collect === 'function' ? (collect as Collect) : null;
  }
  return exposed;
}
