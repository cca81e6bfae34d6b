/** Reads what h2load prints, and the log it writes of each request. */

export interface H2loadTotals {
  /** As ALPN names it: `h2` or `http/1.1`. */
  readonly protocol: string;
  readonly succeeded: number;
  readonly requestsPerSecond: number;
  /** Failed in any way, and answers other than 2xx. */
  readonly errors: number;
}

export function parseH2load(text: string): H2loadTotals {
  const protocol = /^Application protocol: (\S+)/m.exec(text)?.[1];
  const rate = /^finished in .*?, ([\d.]+) req\/s/m.exec(text)?.[1];
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(text);
  const statuses = /^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/m.exec(text);
  if (protocol === undefined || rate === undefined || counts === null || statuses === null) {
    throw new Error(`h2load says something else than expected:\n${text.slice(-1_000)}`);
  }
  const [succeeded = 0, failed = 0] = counts.slice(1).map(Number);
  const [redirects = 0] = statuses.slice(1).map(Number);
  // What errored or timed out is among the failed, and so are 4xx and 5xx; a redirect counts as a success.
  return { protocol, succeeded, requestsPerSecond: Number(rate), errors: failed + redirects };
}

/** Milliseconds of each request. A line has the start, the status (-1: failed) and the microseconds it took, by tabs. */
export function parseH2loadLog(text: string): readonly number[] {
  const latencies: number[] = [];
  for (const line of text.split('\n')) {
    const [, , microseconds] = line.split('\t');
    if (microseconds !== undefined) latencies.push(Number(microseconds) / 1000);
  }
  return latencies;
}
