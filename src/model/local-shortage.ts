/** What a machine may run out of when it opens connections. It says nothing about whom they were for. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']);

/** @param code of an error of Node, such as `EMFILE`: files, memory or ports are used up */
export function isLocalShortage(code: string): boolean {
  return SHORTAGES.has(code);
}
