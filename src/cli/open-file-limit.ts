/** How many files and sockets this process may have open. Node raises the soft limit to the hard one when it starts. */
import { readFileSync } from 'node:fs';

/** Infinity where the kernel sets no limit, or does not say. */
export function openFileLimit(): number {
  let text: string;
  try {
    text = readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return parseOpenFileLimit(text);
}

/** @param text of `/proc/<pid>/limits` */
export function parseOpenFileLimit(text: string): number {
  const soft = /^Max open files +(\d+)/m.exec(text)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
