/** Request facts from plain records, for tests of matching. */
import type { RequestFacts } from '../../src/router/route-table.ts';

export interface FactsInput {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

export function requestFacts({ method = 'GET', headers = {}, query = {} }: FactsInput = {}): RequestFacts {
  return {
    method,
    header: (name) => headers[name] ?? null,
    queryParameter: (name) => query[name] ?? null,
  };
}
