/**
 * Starts what stands behind the proxies. It shares a core with the load generator, so it must cost little: nginx where it is
 * installed, else our own server; and our own for request bodies, because nginx answers them before it has read them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxUpstreamConfiguration } from './configurations.ts';
import { findProgram, freePort, LOAD_CORE, PinnedProcess } from './pinned-process.ts';
import { LARGE_BODY_BYTES, LARGE_BODY_PATH, SMALL_BODY } from './servers/bodies.ts';

export interface Upstream {
  readonly name: 'nginx' | 'node';
  readonly port: number;
  readonly process: PinnedProcess;
}

/** @param reads whether it has to read request bodies */
export async function startUpstream(reads: boolean, directory: string): Promise<Upstream> {
  const nginx = reads ? null : findProgram('nginx');
  const port = await freePort();
  const command = nginx === null ? nodeCommand(port) : nginxCommand(nginx, port, directory);
  const started = new PinnedProcess('upstream', LOAD_CORE, command);
  await started.listening(port);
  return { name: nginx === null ? 'node' : 'nginx', port, process: started };
}

function nodeCommand(port: number): readonly string[] {
  return [process.execPath, join(import.meta.dirname, 'servers/upstream.ts'), String(port)];
}

function nginxCommand(nginx: string, port: number, parent: string): readonly string[] {
  const directory = join(parent, 'upstream');
  mkdirSync(join(directory, 'files'), { recursive: true });
  writeFileSync(join(directory, LARGE_BODY_PATH), Buffer.alloc(LARGE_BODY_BYTES, 'x'));
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, nginxUpstreamConfiguration(port, SMALL_BODY, directory, directory));
  return [nginx, '-p', directory, '-c', file];
}
