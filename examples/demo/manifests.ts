/** The manifests the demo serves: those next to this file, or a copy with other ports where the usual ones are taken. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SampleBackend } from './backends.ts';

const SHIPPED = join(import.meta.dirname, 'manifests');

export interface ManifestDirectory {
  readonly path: string;
  readonly isCopy: boolean;
  /** Deletes a copy. */
  remove(): void;
}

export function prepareManifests(backends: readonly SampleBackend[]): ManifestDirectory {
  const moved = new Map(
    backends.filter(({ plan, port }) => plan.port !== port).map(({ plan, port }) => [String(plan.port), String(port)]),
  );
  if (moved.size === 0) return { path: SHIPPED, isCopy: false, remove: () => {} };
  const path = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  for (const name of readdirSync(SHIPPED)) {
    const text = readFileSync(join(SHIPPED, name), 'utf8');
    const edited = text.replaceAll(/\bport: (\d+)/g, (_, port: string) => `port: ${moved.get(port) ?? port}`);
    writeFileSync(join(path, name), edited);
  }
  return { path, isCopy: true, remove: () => rmSync(path, { recursive: true, force: true }) };
}
