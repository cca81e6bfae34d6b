/**
 * Gives cores first to whom a request passes: client, workers and back ends. What a request takes then is what workers do to
 * it, and no longer who else has the cores. As root, on Linux.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const WORKER = 'sluice-worker';

/** @throws where `chrt` may not do that */
export function putRequestsFirst(controllerPid: number, podsPid: number): void {
  raise(['--all-tasks', '--pid', '1', `${process.pid}`]);
  raise(['--all-tasks', '--pid', '1', `${podsPid}`]);
  const workers = findWorkers(controllerPid);
  if (workers.length === 0) throw new Error(`process ${controllerPid} has no thread named ${WORKER}…`);
  for (const thread of workers) raise(['--pid', '1', thread]);
}

function findWorkers(pid: number): readonly string[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).filter((thread) => readFileSync(`${tasks}/${thread}/comm`, 'latin1').startsWith(WORKER));
}

function raise(args: readonly string[]): void {
  execFileSync('chrt', ['--rr', ...args]);
}
