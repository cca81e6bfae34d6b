/** Asks a running process for its configuration, through `/debug/config` of its admin port. */
import { request } from 'undici';
import type { ExplainedConfig } from './explain/explain-request.ts';

const TIMEOUT_MS = 10_000;
/** Far more than 10,000 Ingresses need. */
const MAX_CHARACTERS = 268_435_456;

export type FetchedConfig = { readonly config: ExplainedConfig } | { readonly error: string };

export async function fetchConfig(adminUrl: string): Promise<FetchedConfig> {
  const url = new URL('/debug/config', adminUrl).href;
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await readText(body);
    if (statusCode !== 200)
      return { error: `${url} answered ${statusCode}, expected 200 from an admin port of sluice` };
    const content: unknown = JSON.parse(text);
    if (!isConfig(content))
      return { error: `${url} did not answer with a configuration; is it an admin port of sluice?` };
    return { config: content };
  } catch (error) {
    return { error: `cannot read ${url}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_CHARACTERS) throw new Error(`the answer is longer than ${MAX_CHARACTERS} characters`);
  }
  return text + decoder.decode();
}

/** Tells a stranger from a sluice; that ours is well-formed inside is taken for granted. */
function isConfig(content: unknown): content is ExplainedConfig {
  if (typeof content !== 'object' || content === null) return false;
  const lists = ['listeners', 'routes', 'upstreams', 'problems'];
  return lists.every((name) => Array.isArray(Reflect.get(content, name)));
}
