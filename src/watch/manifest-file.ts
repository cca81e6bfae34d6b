/**
 * The objects of one manifest file. Its documents are parsed one by one and remembered by their text, so that an edit costs
 * the documents it touches, and all others keep their objects.
 */
import { type FileLocation, type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';
import { type NarrowedObject, narrow } from './narrow.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import { WorkSlice } from './work-slice.ts';
import { parseYaml, type YamlDocument } from './yaml-document.ts';

export interface ManifestObject {
  readonly narrowed: NarrowedObject;
  /** With locations in the file. */
  readonly problems: readonly Problem[];
  readonly location: FileLocation;
  /** For `ManifestFile.locate`. */
  readonly place: { readonly chunk: Chunk; readonly document: number; readonly path: string };
}

/** A part of a file that holds one document: from one `---` to the next. */
interface Chunk {
  readonly text: string;
  readonly firstLine: number;
}

/** What a chunk holds, with locations as if it began in line 1: lines above it come and go. */
interface ParsedChunk {
  readonly objects: readonly ParsedObject[];
  readonly faults: readonly { readonly message: string; readonly location: FileLocation }[];
  readonly ignoredKinds: readonly string[];
}

interface ParsedObject {
  readonly narrowed: NarrowedObject;
  readonly location: FileLocation;
  readonly problemLocations: readonly FileLocation[];
  readonly document: number;
  readonly path: string;
}

/** Lists of lists are legal and senseless; so deep and no deeper. */
const MAX_LIST_DEPTH = 3;

export class ManifestFile {
  readonly path: string;
  /** Of the last text without syntax errors. */
  objects: readonly ManifestObject[] = [];
  /** Of the file itself, not of its objects. */
  problems: readonly Problem[] = [];
  /** Kinds in the last text that Sluice does not read. */
  ignoredKinds: readonly string[] = [];
  #text: string | null = null;
  #chunks: ReadonlyMap<string, ParsedChunk> = new Map();
  #located: { readonly text: string; readonly documents: readonly YamlDocument[] } | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Takes the present text of the file. With a syntax error anywhere, the objects of the text before stay. */
  async update(text: string): Promise<void> {
    if (text === this.#text) return;
    const parsed: { chunk: Chunk; content: ParsedChunk }[] = [];
    const slice = new WorkSlice();
    for (const chunk of splitDocuments(text)) {
      parsed.push({ chunk, content: this.#chunks.get(chunk.text) ?? parseChunk(chunk.text, this.path) });
      if (slice.spent) await slice.next();
    }
    this.#text = text;
    this.problems = parsed.flatMap(({ chunk, content }) => {
      return content.faults.map(({ message, location }) =>
        this.#toProblem('config-syntax', message, shift(location, chunk)),
      );
    });
    if (this.problems.length > 0) return;
    this.#chunks = new Map(parsed.map(({ chunk, content }) => [chunk.text, content]));
    this.objects = parsed.flatMap(({ chunk, content }) => content.objects.map((object) => toObject(object, chunk)));
    this.ignoredKinds = [...new Set(parsed.flatMap(({ content }) => content.ignoredKinds))];
  }

  /** The file exists but cannot be read: its objects stay. */
  fail(message: string): void {
    this.#text = null;
    this.problems = [this.#toProblem('file-unreadable', message, { file: this.path, line: 1, column: 1 })];
  }

  locate(object: ManifestObject, field: string): FileLocation {
    const { chunk, document, path } = object.place;
    // Problems are located in runs over one object: the last document is worth keeping, all of them are not.
    if (this.#located?.text !== chunk.text) {
      const { documents } = parseYaml(chunk.text, { file: this.path, firstLine: 1, merge: true });
      this.#located = { text: chunk.text, documents };
    }
    const location = this.#located.documents[document]?.locate(joinFields(path, field));
    return location === undefined ? object.location : shift(location, chunk);
  }

  #toProblem(code: Problem['code'], message: string, location: FileLocation): Problem {
    const source: ObjectRef = { kind: 'File', namespace: '', name: this.path };
    return { code, severity: 'rejected', source, field: '', message, location };
  }
}

/** The identity of an object: two of the same may not be. */
export function identify({ kind, ref }: NarrowedObject): string {
  return `${kind} ${toObjectKey(ref.namespace, ref.name)}`;
}

function toObject(object: ParsedObject, chunk: Chunk): ManifestObject {
  const { narrowed, problemLocations, document, path } = object;
  const problems = narrowed.result.problems.map((problem, index) => {
    const location = problemLocations[index];
    return { ...problem, location: location === undefined ? null : shift(location, chunk) };
  });
  return { narrowed, problems, location: shift(object.location, chunk), place: { chunk, document, path } };
}

function shift(location: FileLocation, chunk: Chunk): FileLocation {
  return { ...location, line: location.line + chunk.firstLine - 1 };
}

function parseChunk(text: string, file: string): ParsedChunk {
  const { documents, faults } = parseYaml(text, { file, firstLine: 1, merge: true });
  const objects: ParsedObject[] = [];
  const ignoredKinds: string[] = [];
  for (const [index, document] of documents.entries()) {
    for (const { raw, path } of expandLists(document.value, '', 0)) {
      const narrowed = narrow(raw);
      if (narrowed === null) {
        ignoredKinds.push(describeKind(raw));
        continue;
      }
      const problemLocations = narrowed.result.problems.map(({ field }) => document.locate(joinFields(path, field)));
      objects.push({ narrowed, location: document.locate(path), problemLocations, document: index, path });
    }
  }
  return { objects, faults, ignoredKinds };
}

function joinFields(path: string, field: string): string {
  return path === '' || field === '' ? path + field : `${path}.${field}`;
}

function describeKind(raw: unknown): string {
  const kind = isRecord(raw) ? raw['kind'] : undefined;
  return typeof kind === 'string' ? kind.slice(0, 63) : 'not an object';
}

/** `kind: List`, and lists of one kind whose members lack `apiVersion` and `kind`, as the API serves them. */
function* expandLists(value: unknown, path: string, depth: number): Generator<{ raw: unknown; path: string }> {
  if (value === null || value === undefined) return;
  const items = isRecord(value) ? value['items'] : undefined;
  const kind = isRecord(value) ? value['kind'] : undefined;
  if (!isRecord(value) || typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) {
    yield { raw: value, path };
    return;
  }
  if (depth >= MAX_LIST_DEPTH) return;
  const inherited: JsonRecord = kind === 'List' ? {} : { apiVersion: value['apiVersion'], kind: kind.slice(0, -4) };
  for (const [index, item] of items.entries()) {
    const raw: unknown = isRecord(item) ? { ...inherited, ...item } : item;
    yield* expandLists(raw, `${joinFields(path, 'items')}[${index}]`, depth + 1);
  }
}

/**
 * `---` at the start of a line always begins a document (YAML 1.2 §9.1.2), also inside what looks like a text. Lines of
 * directives (`%YAML 1.2`) belong to the document after them.
 */
function* splitDocuments(text: string): Generator<Chunk> {
  let start = 0;
  let firstLine = 1;
  let line = 1;
  let isPreamble = true;
  for (let at = 0; at < text.length; line++) {
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end + 1;
    if (isMarker(text, at) && !isPreamble) {
      yield { text: text.slice(start, at), firstLine };
      start = at;
      firstLine = line;
    }
    isPreamble &&= text[at] === '%' || text[at] === '#' || next - at <= 1;
    at = next;
  }
  yield { text: text.slice(start), firstLine };
}

function isMarker(text: string, at: number): boolean {
  if (!text.startsWith('---', at)) return false;
  const after = text[at + 3];
  return after === undefined || after === ' ' || after === '\t' || after === '\n' || after === '\r';
}
