/** Reads a whole collection page by page, as one consistent snapshot of the server. What to do with it is `reflector.ts`. */
import { BodyTooLargeError, type KubeClient, type Query } from './kube-client.ts';
import { asRecord, KubeApiError, WatchBrokenError } from './kube-error.ts';
import { WorkSlice } from './work-slice.ts';

export interface ListRequest {
  readonly client: KubeClient;
  readonly path: string;
  readonly query: Query;
  readonly pageLimit: number;
  readonly signal: AbortSignal;
}

export interface Listing<T> {
  readonly items: readonly T[];
  /** A watch goes on from here. */
  readonly resourceVersion: string;
}

const MAX_PAGE_BYTES = 64 * 1024 * 1024;
const MAX_WHOLE_BYTES = 256 * 1024 * 1024;
/** `limit=0` is "everything at once". */
const WHOLE = 0;

/**
 * `convert` runs on every item as its page arrives, so that raw pages are not kept. Throws `KubeApiError`,
 * `WatchBrokenError`, `BodyTooLargeError`, or what the connection threw.
 */
export async function listAll<T>(request: ListRequest, convert: (raw: unknown) => T): Promise<Listing<T>> {
  let limit = request.pageLimit;
  let triedWhole = false;
  for (;;) {
    try {
      return await collect(request, limit, convert);
    } catch (error) {
      if (error instanceof ContinueExpiredError && !triedWhole) {
        // The token that comes with the 410 would continue an inconsistent list.
        triedWhole = true;
        limit = WHOLE;
      } else if (error instanceof BodyTooLargeError && limit > 1) {
        limit = Math.ceil(limit / 10);
      } else if (error instanceof BodyTooLargeError && limit === WHOLE) {
        limit = request.pageLimit;
      } else {
        throw error instanceof ContinueExpiredError ? error.cause : error;
      }
    }
  }
}

/** The newest resource version of the collection, at the price of one object. */
export async function readCollectionVersion(request: Omit<ListRequest, 'pageLimit'>): Promise<string> {
  const page = await readPage(request, { ...request.query, limit: '1' }, MAX_PAGE_BYTES);
  return page.resourceVersion;
}

class ContinueExpiredError extends Error {
  override readonly name = 'ContinueExpiredError';
}

async function collect<T>(request: ListRequest, limit: number, convert: (raw: unknown) => T): Promise<Listing<T>> {
  const items: T[] = [];
  const slice = new WorkSlice();
  let query: Query = limit === WHOLE ? request.query : { ...request.query, limit: String(limit) };
  const maxBytes = limit === WHOLE ? MAX_WHOLE_BYTES : MAX_PAGE_BYTES;
  for (;;) {
    const page = await readNextPage(request, query, maxBytes);
    for (const raw of page.items) {
      items.push(convert(raw));
      if (slice.spent) await slice.next();
      request.signal.throwIfAborted();
    }
    if (page.continueToken === '') return { items, resourceVersion: page.resourceVersion };
    query = { ...request.query, limit: String(limit), continue: page.continueToken };
  }
}

async function readNextPage(request: ListRequest, query: Query, maxBytes: number): Promise<Page> {
  try {
    return await readPage(request, query, maxBytes);
  } catch (error) {
    const expired = error instanceof KubeApiError && error.expired && query['continue'] !== undefined;
    throw expired ? new ContinueExpiredError('', { cause: error }) : error;
  }
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** Empty on the last page. */
  readonly continueToken: string;
}

async function readPage(request: Omit<ListRequest, 'pageLimit'>, query: Query, maxBytes: number): Promise<Page> {
  const text = await request.client.getText(request.path, query, maxBytes, request.signal);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new WatchBrokenError(`the list of ${request.path} is not json`, true, error);
  }
  const { metadata, items } = asRecord(parsed);
  const { resourceVersion, continue: continueToken } = asRecord(metadata);
  if (typeof resourceVersion !== 'string' || resourceVersion === '') {
    throw new WatchBrokenError(`the list of ${request.path} has no resourceVersion`, true);
  }
  return {
    // Go serves an empty list as `null` now and then.
    items: Array.isArray(items) ? items : [],
    resourceVersion,
    continueToken: typeof continueToken === 'string' ? continueToken : '',
  };
}
