/** Asks a running process for its configuration, through `/debug/config` of its admin port. */
import type { ExplainedConfig } from './explain/explain-request.ts';
import { fetchAdminPage } from './fetch-admin.ts';

export type FetchedConfig = { readonly config: ExplainedConfig } | { readonly error: string };

export async function fetchConfig(adminUrl: string): Promise<FetchedConfig> {
  const fetched = await fetchAdminPage(adminUrl, '/debug/config');
  if ('error' in fetched) return fetched;
  const { content, url } = fetched;
  if (!isConfig(content))
    return { error: `${url} did not answer with a configuration; is it an admin port of sluice?` };
  return { config: content };
}

/** Tells a stranger from a sluice; that ours is well-formed inside is taken for granted. */
function isConfig(content: unknown): content is ExplainedConfig {
  if (typeof content !== 'object' || content === null) return false;
  const lists = ['listeners', 'routes', 'upstreams', 'problems'];
  return lists.every((name) => Array.isArray(Reflect.get(content, name)));
}
