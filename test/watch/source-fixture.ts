/** A directory of its own for a test, and a listener whose calls can be waited for. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { ConfigSource, SnapshotListener } from '../../src/watch/source.ts';

export type Call = { readonly snapshot: ObjectSnapshot } | { readonly problems: readonly Problem[] };

export async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-watch-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** As a careful editor saves: readers see the old text or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = join(dirname(path), '.draft');
  await writeFile(draft, text);
  await rename(draft, path);
}

/** Keeps every call, and resolves once one passes a test. */
export class RecordingListener implements SnapshotListener {
  readonly calls: Call[] = [];
  readonly #waiting = new Set<() => void>();

  onSnapshot(snapshot: ObjectSnapshot): void {
    this.#note({ snapshot });
  }

  onInvalid(problems: readonly Problem[]): void {
    this.#note({ problems });
  }

  get snapshots(): readonly ObjectSnapshot[] {
    return this.calls.flatMap((call) => ('snapshot' in call ? [call.snapshot] : []));
  }

  /** The first call, past or to come, that `accept`s. */
  async until(accept: (call: Call) => boolean): Promise<Call> {
    for (let seen = 0; ; ) {
      for (; seen < this.calls.length; seen++) {
        const call = this.calls[seen];
        if (call !== undefined && accept(call)) return call;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  async snapshot(accept: (snapshot: ObjectSnapshot) => boolean = () => true): Promise<ObjectSnapshot> {
    const call = await this.until((each) => 'snapshot' in each && accept(each.snapshot));
    return 'snapshot' in call ? call.snapshot : Promise.reject(new Error('not a snapshot'));
  }

  async invalid(accept: (problems: readonly Problem[]) => boolean = () => true): Promise<readonly Problem[]> {
    const call = await this.until((each) => 'problems' in each && accept(each.problems));
    return 'problems' in call ? call.problems : [];
  }

  #note(call: Call): void {
    this.calls.push(call);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Starts `source`; it ends with the test. */
export function follow(t: TestContext, source: ConfigSource): RecordingListener {
  const listener = new RecordingListener();
  const end = new AbortController();
  const done = source.start(listener, end.signal);
  t.after(async () => {
    end.abort();
    await done;
  });
  return listener;
}

/** Everything `source` says of the present state. */
export async function readOnce(source: ConfigSource): Promise<Call> {
  const listener = new RecordingListener();
  await source.start(listener, new AbortController().signal, { once: true });
  const [call] = listener.calls;
  if (call === undefined || listener.calls.length !== 1)
    throw new Error(`${listener.calls.length} calls instead of one`);
  return call;
}
