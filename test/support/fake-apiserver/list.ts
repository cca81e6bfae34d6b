/** Answers list requests: pages of one consistent snapshot, named by an opaque continue token. */
import type { CollectionPath } from './resources.ts';
import { matchesLabels, matchesSelector } from './selector.ts';
import { expired, type StatusOptions } from './status.ts';
import { keyOf, type Storage } from './storage.ts';

export type ListAnswer = { readonly body: Record<string, unknown> } | { readonly status: StatusOptions };

interface Token {
  readonly revision: number;
  readonly after: string;
}

export function answerList(storage: Storage, collection: CollectionPath, query: URLSearchParams): ListAnswer {
  const selector = query.get('fieldSelector');
  const token = readToken(query.get('continue'));
  if (token === 'bogus') return { status: badRequest('continue key is not valid') };
  const asked = Number(query.get('resourceVersion') ?? '');
  if (asked > storage.revision) return { status: tooLarge() };
  if (token !== null && token.revision < storage.compactedRevision) {
    return { status: expired(writeToken({ revision: storage.revision, after: token.after })) };
  }
  const revision = token?.revision ?? storage.revision;
  const all = storage
    .stateAt(collection.type, revision)
    .filter(({ metadata }) => collection.namespace === '' || metadata.namespace === collection.namespace)
    .filter((object) => matchesSelector(object, selector))
    .filter((object) => matchesLabels(object, query.get('labelSelector')));
  const rest = token === null ? all : all.filter(({ metadata }) => keyOf(metadata) > token.after);
  // The watch cache, which answers resourceVersion=0, ignores the limit.
  const limit = query.get('resourceVersion') === '0' ? 0 : Number(query.get('limit') ?? '0');
  const items = limit > 0 ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const remaining = rest.length - items.length;
  const more =
    remaining > 0 && last !== undefined
      ? { continue: writeToken({ revision, after: keyOf(last.metadata) }), remainingItemCount: remaining }
      : {};
  return {
    body: {
      kind: `${collection.type.kind}List`,
      apiVersion: collection.type.apiVersion,
      metadata: { resourceVersion: String(revision), ...more },
      items: items.map(({ apiVersion: _apiVersion, kind: _kind, ...item }) => item),
    },
  };
}

function readToken(text: string | null): Token | null | 'bogus' {
  if (text === null) return null;
  const [revision, after] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  return after === undefined ? 'bogus' : { revision: Number(revision), after };
}

function writeToken(token: Token): string {
  return Buffer.from(`${token.revision} ${token.after}`).toString('base64url');
}

function badRequest(message: string): StatusOptions {
  return { code: 400, reason: 'BadRequest', message };
}

export function tooLarge(): StatusOptions {
  return {
    code: 504,
    reason: 'Timeout',
    message: 'Too large resource version',
    retryAfterSeconds: 1,
    cause: 'ResourceVersionTooLarge',
  };
}
