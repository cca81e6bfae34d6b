/** Prints a digest of the buckets of many users: run in another process, it tells whether both have the same. */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { BucketReader } from '../../src/live/bucket-reader.ts';
import { requestFacts } from './request-facts.ts';

const USERS = 10_000;

export function bucketDigest(): string {
  const reader = new BucketReader({ by: { kind: 'header', name: 'x-user' }, seed: 'shop/next' });
  const hash = createHash('sha256');
  for (let at = 0; at < USERS; at++) {
    hash.update(`${reader.of(requestFacts({ headers: { 'x-user': `user-${at}` } }), '')}\n`);
  }
  return hash.digest('hex');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(bucketDigest());
