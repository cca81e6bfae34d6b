/**
 * Writes what is served to a file and reads it back: whole or not at all. One JSON text a line, so that neither side ever
 * holds all of it as one text: a head, the objects, and an end that counts and hashes everything before it.
 * ```
 * {"format":"sluice-snapshot","version":1,"writtenAt":…}
 * {"kind":"Ingress","object":{…}}
 * {"end":{"objects":1,"sha256":"…"}}
 * ```
 * Holds private keys. Where it may stand is decided in `snapshot-directory.ts`, when it is written in `snapshot-writer.ts`.
 */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import { asRecord } from './kube-error.ts';
import { LineSplitter, LineTooLongError } from './line-splitter.ts';
import { SnapshotBuilder } from './snapshot.ts';
import { listStoredObjects, OLDEST_READABLE_VERSION, restoreObject, SNAPSHOT_VERSION } from './stored-objects.ts';
import { describeFileError } from './text-file.ts';
import { WorkSlice } from './work-slice.ts';

export const SNAPSHOT_FILE = 'snapshot.jsonl';
/** Of files that are being written. */
export const TEMPORARY_SUFFIX = '.tmp';

/** About what 100,000 Ingresses with their Services and endpoints take. */
export const MAX_SNAPSHOT_BYTES: number = 256 * 1024 * 1024;
/** etcd holds no object of more than 1.5 MiB; escapes may lengthen it. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Text gathered before it is hashed and handed to the kernel: about a millisecond of work. */
const CHUNK_CHARS = 256 * 1024;
const FORMAT = 'sluice-snapshot';

/** What a controller reads and needs, whatever the Ingresses say. */
export interface SnapshotScope {
  /** Of `--watch-namespace`; empty = the whole cluster. */
  readonly namespaces: readonly string[];
  /** Of `--default-ssl-certificate`, `ns/name`; empty = none. */
  readonly defaultTlsSecret: string;
}

export interface StoredSnapshot {
  readonly snapshot: ObjectSnapshot;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** The file holds nothing that may be served; the message goes on after `the snapshot …`. */
export class SnapshotRefusedError extends Error {
  override readonly name = 'SnapshotRefusedError';
}

export interface SnapshotWrite extends SnapshotScope {
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
  readonly maxBytes: number;
}

/**
 * Puts `snapshot` in the place of the file there is. Readers, and a machine that loses its power, see the old file or the
 * new one. Works in slices of about a millisecond. Throws when it cannot; the old file then stands.
 * @returns the size of the file in bytes
 */
export async function writeSnapshotFile(snapshot: ObjectSnapshot, write: SnapshotWrite): Promise<number> {
  const target = join(write.directory, SNAPSHOT_FILE);
  const temporary = `${target}.${randomUUID()}${TEMPORARY_SUFFIX}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    const bytes = await writeLines(file, snapshot, write);
    await file.sync();
    await file.close();
    await rename(temporary, target);
    await syncDirectory(write.directory);
    return bytes;
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

async function writeLines(file: FileHandle, snapshot: ObjectSnapshot, write: SnapshotWrite): Promise<number> {
  const hash = createHash('sha256');
  const { writtenAt, namespaces } = write;
  let bytes = 0;
  let objects = 0;
  const flush = async (text: string): Promise<void> => {
    const chunk = Buffer.from(text);
    bytes += chunk.length;
    if (bytes > write.maxBytes) throw new Error(`it would be larger than ${write.maxBytes} bytes`);
    hash.update(chunk);
    await file.appendFile(chunk);
  };
  const head = {
    format: FORMAT,
    version: SNAPSHOT_VERSION,
    writtenAt,
    namespaces: namespaces.toSorted(),
    ingressClassesReadable: snapshot.ingressClasses !== null,
  };
  let text = `${JSON.stringify(head)}\n`;
  for (const object of listStoredObjects(snapshot, write.defaultTlsSecret)) {
    objects++;
    text += `${JSON.stringify(object)}\n`;
    if (text.length < CHUNK_CHARS) continue;
    await flush(text);
    text = '';
  }
  await flush(text);
  await flush(`${JSON.stringify({ end: { objects, sha256: hash.copy().digest('hex') } })}\n`);
  return bytes;
}

/** Without this a renamed file may be gone again after a power failure. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync();
}

/** Null when there is none. Throws `SnapshotRefusedError` for a file that must not be served. */
export async function readSnapshotFile(path: string, scope: SnapshotScope): Promise<StoredSnapshot | null> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stats = await file.stat();
    if (!stats.isFile()) throw new SnapshotRefusedError('is not a regular file');
    if ((stats.mode & 0o022) !== 0) throw new SnapshotRefusedError('may be written by others');
    if (stats.size > MAX_SNAPSHOT_BYTES) {
      throw new SnapshotRefusedError(`has ${stats.size} bytes; at most ${MAX_SNAPSHOT_BYTES}`);
    }
    return await readLines(file, new SnapshotReader(scope));
  } catch (error) {
    if (error instanceof SnapshotRefusedError) throw error;
    if (error instanceof LineTooLongError) throw new SnapshotRefusedError('holds a line that is too long');
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new SnapshotRefusedError(describeFileError(error));
  }
}

async function readLines(file: FileHandle, reader: SnapshotReader): Promise<StoredSnapshot> {
  const splitter = new LineSplitter(MAX_LINE_BYTES);
  const slice = new WorkSlice();
  for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: CHUNK_CHARS })) {
    for (const line of splitter.push(chunk as Uint8Array)) {
      reader.read(line);
      if (slice.spent) await slice.next();
    }
  }
  return reader.finish();
}

class SnapshotReader {
  readonly #scope: SnapshotScope;
  readonly #builder: SnapshotBuilder;
  readonly #hash: Hash;
  #writtenAt: number;
  #objects: number;
  #part: 'head' | 'objects' | 'end';

  constructor(scope: SnapshotScope) {
    this.#scope = scope;
    this.#builder = new SnapshotBuilder();
    this.#hash = createHash('sha256');
    this.#writtenAt = 0;
    this.#objects = 0;
    this.#part = 'head';
  }

  read(line: string): void {
    const record = parseLine(line);
    if (this.#part === 'end') throw new SnapshotRefusedError('goes on behind its end');
    if (this.#part === 'head') this.#readHead(record);
    else if (record['end'] !== undefined) return this.#readEnd(asRecord(record['end']));
    else this.#readObject(record);
    this.#hash.update(line).update('\n');
  }

  finish(): StoredSnapshot {
    if (this.#part !== 'end') throw new SnapshotRefusedError('is cut off');
    return { snapshot: this.#builder.build(), writtenAt: this.#writtenAt };
  }

  /** Says first what the version is: everything else may look different in another one. */
  #readHead({ format, version, writtenAt, namespaces, ingressClassesReadable }: Record<string, unknown>): void {
    if (format !== FORMAT || typeof version !== 'number') throw new SnapshotRefusedError('is none of sluice');
    if (version > SNAPSHOT_VERSION || version < OLDEST_READABLE_VERSION) {
      const readable = `${OLDEST_READABLE_VERSION} to ${SNAPSHOT_VERSION}`;
      const age = version > SNAPSHOT_VERSION ? 'newer' : 'older';
      throw new SnapshotRefusedError(`has version ${version} of ${age} releases; this one reads ${readable}`);
    }
    if (typeof writtenAt !== 'number' || typeof ingressClassesReadable !== 'boolean' || !Array.isArray(namespaces)) {
      throw new SnapshotRefusedError('has a damaged head');
    }
    if (namespaces.join() !== this.#scope.namespaces.toSorted().join()) {
      const [theirs, ours] = [namespaces, this.#scope.namespaces].map(
        (names) => names.join(', ') || 'the whole cluster',
      );
      throw new SnapshotRefusedError(`is of other namespaces: it holds ${theirs}, this controller watches ${ours}`);
    }
    this.#builder.setClassesReadable(ingressClassesReadable);
    this.#writtenAt = writtenAt;
    this.#part = 'objects';
  }

  #readObject(record: Record<string, unknown>): void {
    this.#objects++;
    const fault = restoreObject(record, this.#builder);
    if (fault !== '') throw new SnapshotRefusedError(`holds an unusable object in line ${this.#objects + 1}: ${fault}`);
  }

  #readEnd({ objects, sha256 }: Record<string, unknown>): void {
    this.#part = 'end';
    if (objects !== this.#objects || sha256 !== this.#hash.digest('hex')) {
      throw new SnapshotRefusedError('is damaged: it does not match its checksum');
    }
  }
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(line));
  } catch {
    // Without what stands there: it may be a key.
    throw new SnapshotRefusedError('is damaged: it holds a line that is not json');
  }
}
