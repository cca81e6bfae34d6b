/** Asks a running process for a page of its admin port that is JSON. */
import { request } from 'undici';

const TIMEOUT_MS = 10_000;
/** Far more than 10,000 Ingresses need. */
const MAX_CHARACTERS = 268_435_456;

export type FetchedPage = { readonly content: unknown; readonly url: string } | { readonly error: string };

export async function fetchAdminPage(adminUrl: string, page: string): Promise<FetchedPage> {
  const url = new URL(page, adminUrl).href;
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await readText(body);
    if (statusCode !== 200)
      return { error: `${url} answered ${statusCode}, expected 200 from an admin port of sluice` };
    return { content: JSON.parse(text), url };
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
