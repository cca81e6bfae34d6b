/** The version this program was released as, from its package.json. */
import { readFileSync } from 'node:fs';

export function readVersion(): string {
  // Two levels up from `src/cli` and `dist/cli`, one from the bundle.
  for (const path of ['../../package.json', '../package.json']) {
    try {
      const content: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
      if (isPackage(content)) return content.version;
    } catch {
      // Not at this depth.
    }
  }
  return 'unknown';
}

function isPackage(content: unknown): content is { readonly version: string } {
  return typeof content === 'object' && content !== null && 'name' in content && content.name === 'sluice';
}
