/**
 * Follows the key pair in a directory, laid out as a mounted Secret of type `kubernetes.io/tls` is: `tls.crt` and
 * `tls.key`. What cannot be used is reported once, and what was there before stays in use.
 */
import { join } from 'node:path';
import type { Logger } from '../log/logger.ts';
import type { KeyPair } from '../model/objects.ts';
import type { Clock } from './clock.ts';
import { FileFollower, type FileReading } from './file-follower.ts';
import { parseKeyPair } from './key-pair.ts';
import { readTextFile } from './text-file.ts';

export interface KeyPairDirectoryOptions {
  readonly directory: string;
  /** For whom, in log lines. */
  readonly purpose: string;
  readonly logger: Logger;
  /** Gets each pair that can be used and differs from the one before. */
  readonly use: (keyPair: KeyPair) => void;
  readonly clock?: Clock;
  /** False: find changes by comparing only. */
  readonly useEvents?: boolean;
}

interface PairReading extends FileReading {
  readonly result: { readonly keyPair: KeyPair } | { readonly error: string };
}

const MAX_FILE_BYTES = 262_144;

/** Resolves when `signal` has aborted. */
export async function followKeyPair(options: KeyPairDirectoryOptions, signal: AbortSignal): Promise<void> {
  const { directory, purpose, logger } = options;
  let current: KeyPair | null = null;
  let lastError = '';
  const follower = new FileFollower<PairReading>({
    ...options,
    root: directory,
    read: () => readPair(directory),
    use: ({ result }) => {
      const error = 'error' in result ? result.error : '';
      if (error !== '' && error !== lastError) {
        const consequence = current === null ? 'there is none so far' : 'the one before stays in use';
        logger.error('certificate cannot be used', { purpose, directory, reason: error, consequence });
      }
      lastError = error;
      if ('error' in result || isSame(result.keyPair, current)) return;
      current = result.keyPair;
      const { fingerprint, notAfter, dnsNames } = current;
      const expiresAt = new Date(notAfter).toISOString();
      logger.info('certificate in use', { purpose, directory, fingerprint, expiresAt, dnsNames });
      options.use(current);
    },
    signal,
  });
  await follower.run();
}

async function readPair(directory: string): Promise<PairReading> {
  const files = ['tls.crt', 'tls.key'] as const;
  const paths = files.map((file) => join(directory, file));
  const texts: string[] = [];
  for (const path of paths) {
    const content = await readTextFile(path, MAX_FILE_BYTES);
    if ('error' in content) return { paths, result: { error: `${path} ${content.error}` } };
    texts.push(content.text);
  }
  return { paths, result: parseKeyPair(texts[0] ?? '', texts[1] ?? '') };
}

function isSame(a: KeyPair, b: KeyPair | null): boolean {
  return a.certPem === b?.certPem && a.keyPem === b.keyPem;
}
