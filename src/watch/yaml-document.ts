/** One YAML document with its value and the place of every field, for messages that point into the file. */
import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
} from 'yaml';
import type { FileLocation } from '../model/object-ref.ts';

export interface YamlFault {
  readonly message: string;
  readonly location: FileLocation;
}

/** Where a text comes from: in a file split into documents, each begins at a line of its own. */
export interface YamlOrigin {
  readonly file: string;
  /** 1-based. */
  readonly firstLine: number;
  /** `<<` merges, as kubectl has them. YAML 1.2 itself does not know them. */
  readonly merge: boolean;
}

export interface ParsedYaml {
  /** Empty when there are faults. */
  readonly documents: readonly YamlDocument[];
  readonly faults: readonly YamlFault[];
}

/** A small file must not become a large value: aliases to aliases to aliases … */
const MAX_ALIASES = 100;

export class YamlDocument {
  readonly value: unknown;
  readonly #document: Document;
  readonly #toLocation: (offset: number) => FileLocation;

  constructor(document: Document, value: unknown, toLocation: (offset: number) => FileLocation) {
    this.#document = document;
    this.value = value;
    this.#toLocation = toLocation;
  }

  /**
   * The place of `field` (`routes[0].canaries[1].weight`; keys with dots need no quotes), or of the nearest parent that
   * exists. `key` points at the key rather than the value.
   */
  locate(field: string, part: 'key' | 'value' = 'value'): FileLocation {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    let rest = field;
    while (rest !== '') {
      const step = this.#step(isAlias(node) ? node.resolve(this.#document) : node, rest);
      if (step === null) break;
      const value = startOf(step.value);
      const key = startOf(step.key);
      // Of a block below its key, the key says more than the first line of the block.
      const pointAtKey = (part === 'key' && step.rest === '') || value === null || isBlockCollection(step.value);
      offset = (pointAtKey ? (key ?? value) : value) ?? offset;
      node = step.value;
      rest = step.rest;
    }
    return this.#toLocation(offset);
  }

  #step(node: unknown, path: string): { key: unknown; value: unknown; rest: string } | null {
    const bracket = /^\[([^\]]*)\]/.exec(path);
    if (isSeq(node)) {
      if (bracket === null) return null;
      const value = node.items[Number(bracket[1])];
      return value === undefined ? null : { key: null, value, rest: path.slice(bracket[0].length) };
    }
    if (!isMap(node)) return null;
    const text = bracket === null ? path.replace(/^\./, '') : path.slice(1);
    const end = bracket === null ? '' : ']';
    let best: { key: unknown; value: unknown; rest: string } | null = null;
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : null;
      if (name === null || !text.startsWith(name + end)) continue;
      const rest = text.slice(name.length + end.length);
      // Keys may hold dots themselves: the longest that fits is meant.
      if (!/^(?:$|[.[])/.test(rest) || (best !== null && rest.length >= best.rest.length)) continue;
      best = { key: pair.key, value: pair.value, rest };
    }
    return best;
  }
}

function startOf(node: unknown): number | null {
  const range = isScalar(node) || isCollection(node) || isAlias(node) ? node.range : null;
  return range?.[0] ?? null;
}

function isBlockCollection(node: unknown): boolean {
  return isCollection(node) && node.flow !== true;
}

export function parseYaml(text: string, origin: YamlOrigin): ParsedYaml {
  const counter = new LineCounter();
  const toLocation = (offset: number): FileLocation => {
    const { line, col } = counter.linePos(offset);
    return { file: origin.file, line: Math.max(line, 1) + origin.firstLine - 1, column: Math.max(col, 1) };
  };
  const faults: YamlFault[] = [];
  const documents: YamlDocument[] = [];
  try {
    const options = { lineCounter: counter, prettyErrors: false, stringKeys: true, merge: origin.merge };
    for (const document of parseAllDocuments(text, options)) {
      for (const error of document.errors) {
        faults.push({ message: toMessage(error.message), location: toLocation(error.pos[0]) });
      }
      for (const { offset, message } of findForbidden(document, text)) {
        faults.push({ message, location: toLocation(offset) });
      }
      if (faults.length > 0) continue;
      documents.push(new YamlDocument(document, document.toJS({ maxAliasCount: MAX_ALIASES }), toLocation));
    }
  } catch (error) {
    // Too many aliases (ReferenceError), or nested so deeply that the parser ran out of stack (RangeError).
    const message = error instanceof RangeError ? 'is nested too deeply' : toMessage(String(error));
    faults.push({ message, location: { file: origin.file, line: origin.firstLine, column: 1 } });
  }
  return faults.length > 0 ? { documents: [], faults } : { documents, faults };
}

/** In the style of all other messages: no capital at the start, no stop at the end. */
function toMessage(message: string): string {
  const bare = message.replace(/^[A-Za-z]*Error: /, '').replace(/\.$/, '');
  return bare.charAt(0).toLowerCase() + bare.slice(1);
}

/** What parses, but cannot be meant. */
function findForbidden(document: Document.Parsed, text: string): readonly { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = [];
  // Most documents have neither, and the walk costs as much as the parsing.
  if (!text.includes('*') && !text.includes('__proto__')) return found;
  visit(document, {
    Alias(_key, alias: Alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `\`*${alias.source}\` refers to no anchor; put a text that begins with \`*\` in quotes`;
      found.push({ offset: startOf(alias) ?? 0, message });
    },
    Pair(_key, pair) {
      if (!isPair(pair) || !isScalar(pair.key) || pair.key.value !== '__proto__') return;
      found.push({ offset: startOf(pair.key) ?? 0, message: 'the key `__proto__` is not allowed' });
    },
  });
  return found;
}
