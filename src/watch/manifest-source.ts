/**
 * Kubernetes manifests on disk as a source: a directory of YAML and JSON files, or one file. A faulty file costs only its own
 * edit, a faulty object only itself.
 */
import { sep } from 'node:path';
import type { Logger } from '../log/logger.ts';
import { type FileLocation, formatRef, type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { Clock } from './clock.ts';
import { FileFollower, type FileReading } from './file-follower.ts';
import { identify, ManifestFile, type ManifestObject } from './manifest-file.ts';
import { listManifests, type ManifestTree, type TreeFault } from './manifest-tree.ts';
import type { NarrowedObject } from './narrow.ts';
import { SnapshotBuilder } from './snapshot.ts';
import type { ConfigSource, SnapshotListener } from './source.ts';
import { readTextFile } from './text-file.ts';

export interface ManifestSourceOptions {
  readonly clock?: Clock;
  /** False: find changes by comparing only. */
  readonly useEvents?: boolean;
}

interface ManifestReading extends FileReading {
  /** Null: there is nothing to read at all, and what runs stays. */
  readonly fault: TreeFault | null;
  readonly treeFaults: readonly TreeFault[];
}

/** An object as it stands in a snapshot. */
interface PlacedObject {
  readonly file: ManifestFile;
  readonly object: ManifestObject;
}

const MAX_FILE_BYTES = 33_554_432;

export class ManifestSource implements ConfigSource {
  readonly name = 'manifests';
  readonly #root: string;
  readonly #logger: Logger;
  readonly #options: ManifestSourceOptions;
  readonly #builder = new SnapshotBuilder();
  #files: ReadonlyMap<string, ManifestFile> = new Map();
  #placed: ReadonlyMap<string, PlacedObject> = new Map();
  #owners: ReadonlySet<string> = new Set();
  /** What the last reading failed with; empty = it did not. */
  #lastFault = '';
  #emitted = false;

  constructor(path: string, logger: Logger, options: ManifestSourceOptions = {}) {
    this.#root = path;
    this.#logger = logger;
    this.#options = options;
  }

  async start(listener: SnapshotListener, signal: AbortSignal, options?: { readonly once: boolean }): Promise<void> {
    if (options?.once === true) {
      this.#use(await this.#read(), listener);
      return;
    }
    const follower = new FileFollower<ManifestReading>({
      ...this.#options,
      logger: this.#logger,
      root: this.#root,
      read: () => this.#read(),
      use: (reading) => this.#use(reading, listener),
      signal,
    });
    await follower.run();
  }

  locate(source: ObjectRef, field: string): FileLocation | null {
    const placed = this.#placed.get(`${source.kind} ${toObjectKey(source.namespace, source.name)}`);
    return placed === undefined ? null : placed.file.locate(placed.object, field);
  }

  async #read(): Promise<ManifestReading> {
    const tree = await listManifests(this.#root);
    if (!('files' in tree)) return { fault: tree, treeFaults: [], paths: [this.#root] };
    const files = new Map<string, ManifestFile>();
    for (const path of tree.files) {
      const file = this.#files.get(path) ?? new ManifestFile(path);
      if (await this.#update(file)) files.set(path, file);
    }
    this.#keepUnreadable(tree, files);
    this.#files = files;
    const paths = [this.#root, ...tree.directories, ...tree.files, ...tree.faults.map(({ path }) => path)];
    return { fault: null, treeFaults: tree.faults, paths };
  }

  /** False when the file is gone. */
  async #update(file: ManifestFile): Promise<boolean> {
    const content = await readTextFile(file.path, MAX_FILE_BYTES);
    if ('text' in content) {
      await file.update(content.text);
      return true;
    }
    if (content.absent) return false;
    file.fail(content.error);
    return true;
  }

  /** A directory that may not be listed any more has not lost its files. */
  #keepUnreadable(tree: ManifestTree, files: Map<string, ManifestFile>): void {
    for (const [path, file] of this.#files) {
      if (tree.faults.some((fault) => path.startsWith(fault.path + sep))) files.set(path, file);
    }
  }

  #use({ fault, treeFaults }: ManifestReading, listener: SnapshotListener): void {
    if (fault !== null) {
      if (this.#lastFault !== fault.message) listener.onInvalid([toFileProblem(fault)]);
      this.#lastFault = fault.message;
      return;
    }
    this.#fill(treeFaults);
    const recovered = this.#lastFault !== '';
    this.#lastFault = '';
    if (this.#emitted && !recovered && this.#builder.change === 'nothing') return;
    this.#emitted = true;
    listener.onSnapshot(this.#builder.build());
  }

  /** Makes the builder hold exactly what the files hold. */
  #fill(treeFaults: readonly TreeFault[]): void {
    const placed = new Map<string, PlacedObject>();
    const problems = new Map<string, readonly Problem[]>();
    for (const fault of treeFaults) problems.set(`File ${fault.path}`, [toFileProblem(fault)]);
    for (const file of this.#files.values()) {
      problems.set(`File ${file.path}`, [...file.problems, ...place(file, placed)]);
      if (file.ignoredKinds.length > 0) {
        this.#logger.debug('manifest objects of other kinds ignored', { file: file.path, kinds: file.ignoredKinds });
      }
    }
    for (const [identity, { object }] of this.#placed) {
      if (!placed.has(identity)) setNarrowed(this.#builder, object.narrowed, null);
    }
    for (const { object } of placed.values()) setNarrowed(this.#builder, object.narrowed, object.problems);
    for (const owner of this.#owners) {
      if (!problems.has(owner)) this.#builder.setProblems(owner, []);
    }
    for (const [owner, list] of problems) this.#builder.setProblems(owner, list);
    this.#placed = placed;
    this.#owners = new Set(problems.keys());
  }
}

/** Puts the objects of `file` into `placed`; the first of a name wins, the others become Problems. */
function place(file: ManifestFile, placed: Map<string, PlacedObject>): readonly Problem[] {
  const problems: Problem[] = [];
  for (const object of file.objects) {
    const { ref, result } = object.narrowed;
    if (result.value === null && result.problems.length === 0) continue;
    const identity = identify(object.narrowed);
    const first = placed.get(identity);
    if (first === undefined) {
      placed.set(identity, { file, object });
      continue;
    }
    const { location } = first.object;
    const message = `${formatRef(ref)} stands already in ${location.file}:${location.line}; that one is used`;
    const { location: here } = object;
    problems.push({ code: 'object-invalid', severity: 'rejected', source: ref, field: '', message, location: here });
  }
  return problems;
}

/** Null `problems` removes the object. */
function setNarrowed(builder: SnapshotBuilder, narrowed: NarrowedObject, problems: readonly Problem[] | null): void {
  const { kind, ref, result } = narrowed;
  const key = toObjectKey(ref.namespace, ref.name);
  if (problems === null) builder.set(kind, key, null);
  else builder.set<typeof kind>(kind, key, result.value, problems);
}

function toFileProblem({ path, message }: TreeFault): Problem {
  const source: ObjectRef = { kind: 'File', namespace: '', name: path };
  const location: FileLocation = { file: path, line: 1, column: 1 };
  return { code: 'file-unreadable', severity: 'rejected', source, field: '', message: `${path} ${message}`, location };
}
