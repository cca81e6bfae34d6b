/** `sluice canary status`: asks a running process where its releases stand, once or until none is under way. */
import { setTimeout } from 'node:timers/promises';
import type { ReleasesDump } from '../admin/dump-releases.ts';
import { fetchAdminPage } from './fetch-admin.ts';
import { formatReleases } from './format-releases.ts';
import { EXIT_USAGE, type OutputStreams } from './output.ts';
import type { CanaryStatusSettings } from './settings.ts';

/** As often as releases are looked at. */
const INTERVAL_MS = 1_000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

/** 0 nothing was taken back, 1 a canary was aborted or has expired, 2 cannot read. */
export async function runCanaryStatus(settings: CanaryStatusSettings, io: OutputStreams): Promise<number> {
  const { admin, watch, output } = settings;
  let shown = '';
  for (;;) {
    const fetched = await fetchReleases(admin);
    if ('error' in fetched) {
      io.stderr.write(`error: ${fetched.error}\n`);
      return EXIT_USAGE;
    }
    const { dump } = fetched;
    const onTerminal = watch && output === 'text' && io.stdout.isTTY === true;
    const stage = JSON.stringify(dump.releases.map(({ id, state }) => [id, state]));
    // Where each look is a new line, those are shown that say something new.
    if (onTerminal || stage !== shown) io.stdout.write((onTerminal ? CLEAR_SCREEN : '') + toText(dump, settings));
    shown = stage;
    if (!watch || !dump.releases.some(isUnderWay)) return dump.releases.some(isTakenBack) ? 1 : 0;
    await setTimeout(INTERVAL_MS);
  }
}

function toText(dump: ReleasesDump, { output, watch }: CanaryStatusSettings): string {
  if (output === 'text') return formatReleases(dump);
  return `${JSON.stringify(dump, null, watch ? 0 : 2)}\n`;
}

function isUnderWay({ state, config }: ReleasesDump['releases'][number]): boolean {
  if (state === null || state.revision !== config.revision) return config.steps.length > 0;
  return state.phase === 'running' ? config.steps.length > 0 : state.phase === 'paused';
}

function isTakenBack({ state, config }: ReleasesDump['releases'][number]): boolean {
  return state?.revision === config.revision && (state.phase === 'aborted' || state.phase === 'expired');
}

async function fetchReleases(admin: string): Promise<{ readonly dump: ReleasesDump } | { readonly error: string }> {
  const fetched = await fetchAdminPage(admin, '/debug/releases');
  if ('error' in fetched) return fetched;
  if (isDump(fetched.content)) return { dump: fetched.content };
  return { error: `${fetched.url} did not answer with releases; is it an admin port of sluice?` };
}

/** Tells a stranger from a sluice; that ours is well-formed inside is taken for granted. */
function isDump(content: unknown): content is ReleasesDump {
  return typeof content === 'object' && content !== null && Array.isArray(Reflect.get(content, 'releases'));
}
