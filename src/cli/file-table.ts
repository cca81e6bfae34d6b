/**
 * The kernel keeps the open files of a process in a table that doubles when it is full. Whoever opens one file too many waits
 * until no core uses the old table any more: a worker and all of its requests, for 5 to 40 ms.
 */
import { close, open } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);

/** As many as threads of the pool work on. */
const AT_ONCE = 4;

/**
 * Has the table grow now, for so many open files, in threads that nobody waits for. As far as limits allow; never rejects.
 */
export async function growFileTable(files: number): Promise<void> {
  const opened: number[] = [];
  // One after the other in each of these: the first that is refused is the last.
  const fill = async (): Promise<void> => {
    while (opened.length < files) opened.push(await openFile('/dev/null', 'r'));
  };
  await Promise.allSettled(Array.from({ length: AT_ONCE }, fill));
  await Promise.allSettled(opened.map((file) => closeFile(file)));
}
