/** Asks a running process for its configuration, through `/debug/config` of its admin port. */
import type { ExplainedConfig } from './explain/explain-request.ts';

const TIMEOUT_MS = 10_000;
/** Far more than 10,000 Ingresses need. */
const MAX_BYTES = 268_435_456;

export type FetchedConfig = { readonly config: ExplainedConfig } | { readonly error: string };

export async function fetchConfig(adminUrl: string): Promise<FetchedConfig> {
  const url = new URL('/debug/config', adminUrl).href;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) return { error: `${url} answered ${response.status}, expected 200 from an admin port of sluice` };
    const content: unknown = JSON.parse(await readText(response));
    if (!isConfig(content))
      return { error: `${url} did not answer with a configuration; is it an admin port of sluice?` };
    return { config: content };
  } catch (error) {
    return { error: `cannot read ${url}: ${describe(error)}` };
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`the answer is longer than ${MAX_BYTES} bytes`);
  }
  return text + decoder.decode();
}

/** Tells a stranger from a sluice; that ours is well-formed inside is taken for granted. */
function isConfig(content: unknown): content is ExplainedConfig {
  if (typeof content !== 'object' || content === null) return false;
  const lists = ['listeners', 'routes', 'upstreams', 'problems'];
  return lists.every((name) => Array.isArray(Reflect.get(content, name)));
}

/** `fetch` hides what happened (ECONNREFUSED) in the cause. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
