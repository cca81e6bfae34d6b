/** The files to start from and to replay: `corpus/requests/*.http`, and `corpus/responses/*.{get,head,upgrade}.http`. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FuzzTarget } from './fuzz-target.ts';
import { Llhttp } from './llhttp.ts';
import { RequestTarget } from './request-target.ts';
import { ResponseTarget } from './response-target.ts';

/** Requests, or responses by the request they answer. */
export type Kind = 'requests' | 'get' | 'head' | 'upgrade';

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Buffer;
}

const FOLDER = join(import.meta.dirname, 'corpus');

export function createTargets(): Readonly<Record<Kind, FuzzTarget>> {
  const llhttp = new Llhttp();
  return {
    requests: new RequestTarget(llhttp),
    get: new ResponseTarget(llhttp, 'get'),
    head: new ResponseTarget(llhttp, 'head'),
    upgrade: new ResponseTarget(llhttp, 'upgrade'),
  };
}

/** Files of the kind, sorted by name. */
export function readCorpus(kind: Kind): readonly CorpusFile[] {
  const pattern = kind === 'requests' ? 'requests/*.http' : `responses/*.${kind}.http`;
  const files = globSync(pattern, { cwd: FOLDER }).toSorted();
  return files.map((file) => ({ name: basename(file, '.http'), bytes: readFileSync(join(FOLDER, file)) }));
}

/** Of a file to replay; requests unless the name says otherwise. */
export function kindOf(file: string): Kind {
  const found = /\.(get|head|upgrade)\.http$/.exec(file)?.[1];
  return (found ?? 'requests') as Kind;
}
