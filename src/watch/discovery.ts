/** Asks the API server which of the two endpoint resources it has. Everything else we read exists in every supported version. */
import type { KubeClient } from './kube-client.ts';
import { asRecord, KubeApiError, WatchBrokenError } from './kube-error.ts';

export type EndpointsKind = 'EndpointSlice' | 'Endpoints';

const PATH = '/apis/discovery.k8s.io/v1';
const MAX_BYTES = 4 * 1024 * 1024;

/** Throws what `KubeClient` throws when the server cannot be asked. */
export async function discoverEndpointsKind(client: KubeClient, signal: AbortSignal): Promise<EndpointsKind> {
  let text: string;
  try {
    text = await client.getText(PATH, {}, MAX_BYTES, signal);
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    if (error.status === 404) return 'Endpoints';
    // Forbidden to ask: every server that is not long out of support has slices, and the list itself will tell.
    if (error.status === 403) return 'EndpointSlice';
    throw error;
  }
  return hasEndpointSlices(text) ? 'EndpointSlice' : 'Endpoints';
}

function hasEndpointSlices(text: string): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new WatchBrokenError(`the answer to ${PATH} is not json`, true, error);
  }
  const { resources } = asRecord(parsed);
  return Array.isArray(resources) && resources.some((each) => asRecord(each)['name'] === 'endpointslices');
}
