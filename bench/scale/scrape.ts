/** What a scrape of the metrics costs who wants something of the control plane meanwhile. */

export interface ScrapeCost {
  readonly tookMs: number;
  readonly bytes: number;
  /** Of who asks for `/healthz` again and again meanwhile. */
  readonly longestWaitMs: number;
}

export async function measureScrape(adminPort: number): Promise<ScrapeCost> {
  const origin = `http://127.0.0.1:${adminPort}`;
  const read = async (path: string): Promise<string> => (await fetch(`${origin}${path}`)).text();
  const startMs = performance.now();
  const scrape = read('/metrics').then((text) => ({
    tookMs: performance.now() - startMs,
    bytes: Buffer.byteLength(text),
  }));
  const ended = scrape.then(() => true);
  let longestWaitMs = 0;
  do {
    const askedMs = performance.now();
    await read('/healthz');
    longestWaitMs = Math.max(longestWaitMs, performance.now() - askedMs);
  } while (!(await Promise.race([ended, Promise.resolve(false)])));
  return { ...(await scrape), longestWaitMs };
}
