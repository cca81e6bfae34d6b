/**
 * Loaded into a process under test ahead of the program (`--import`), and thereby into its threads: SIGUSR2 makes worker 1
 * die of an exception nobody expects. The process's `FAULT=hang` turns that into a loop without end.
 */
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';

const channel = new BroadcastChannel('fault');
channel.unref();

if (isMainThread) process.on('SIGUSR2', () => channel.postMessage('now'));
else if ((workerData as { readonly workerId?: number } | null)?.workerId === 1) {
  channel.addEventListener('message', () => {
    // oxlint-disable-next-line no-empty -- nothing is what a worker that hangs does
    while (process.env['FAULT'] === 'hang') {}
    throw new Error('injected fault');
  });
}
