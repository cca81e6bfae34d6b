/** The two back ends of a split, for all tests of a file. Each answers with its name, and remembers nothing of the test before. */
import { after, before, beforeEach } from 'node:test';
import { ok, ScriptedUpstream } from './scripted-upstream.ts';

export interface ScriptedPair {
  main: ScriptedUpstream;
  next: ScriptedUpstream;
}

/** To be called at the top of a file; they are there when its first test begins. */
export function useScriptedPair(): Readonly<ScriptedPair> {
  const pair = {} as ScriptedPair;
  before(async () => {
    pair.main = await ScriptedUpstream.start(() => ok('main'));
    pair.next = await ScriptedUpstream.start(() => ok('next'));
  });
  after(async () => {
    await pair.main.close();
    await pair.next.close();
  });
  beforeEach(() => {
    for (const name of ['main', 'next'] as const) {
      pair[name].forget();
      pair[name].script = () => ok(name);
    }
  });
  return pair;
}
