/** States of releases in annotations: written only over what was known, by who leads, and never over what cannot be read. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { formatReleaseState } from '../../src/model/release-state.ts';
import { type IngressRecord, toIngressRecord } from '../../src/watch/ingress-record.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import { DEFAULT_RELEASE_RATE, ReleaseStateWriter } from '../../src/watch/release-state-writer.ts';
import { WriteCounts } from '../../src/watch/write-counts.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { rawIngress } from '../support/kubernetes-objects.ts';
import { releaseState } from '../support/release.ts';

const KEY = 'shop/canary';
const ANNOTATION = 'sluice.dev/canary-state';

class Fixture {
  readonly fake: FakeApiServer;
  readonly writer: ReleaseStateWriter;
  readonly counts: WriteCounts = new WriteCounts();
  known: IngressRecord | undefined;
  holds = true;
  readonly #end = new AbortController();
  readonly #client: KubeClient;

  private constructor(fake: FakeApiServer) {
    this.fake = fake;
    const kubeconfig = fake.writeKubeconfig();
    this.#client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env: {} });
    this.writer = new ReleaseStateWriter({
      client: this.#client,
      records: {
        record: () => this.known,
        observe: (_key, record) => void (this.known = record),
        correct: (_key, record) => void (this.known = record),
      },
      counts: this.counts,
      logger: NULL_LOGGER,
      clock: new FakeClock(),
      rate: DEFAULT_RELEASE_RATE,
    });
  }

  static async start(t: TestContext, annotations: Readonly<Record<string, string>> = {}): Promise<Fixture> {
    const fixture = new Fixture(await FakeApiServer.start());
    fixture.annotate({ a: 'b', ...annotations });
    fixture.see();
    const leading = fixture.writer.lead({ signal: fixture.#end.signal, holds: () => fixture.holds });
    t.after(async () => {
      fixture.#end.abort();
      await leading;
      fixture.#client.close();
      await fixture.fake.close();
    });
    return fixture;
  }

  annotate(annotations: Readonly<Record<string, string>>): void {
    const raw = rawIngress('canary', 'shop.example', 'web');
    this.fake.put('ingresses', { ...raw, metadata: { ...raw.metadata, annotations: { ...annotations } } });
  }

  /** The watch brings what there is. */
  see(): void {
    this.known = toIngressRecord(this.fake.list('ingresses')[0]);
  }

  get annotations(): Readonly<Record<string, string>> | undefined {
    return this.fake.list('ingresses')[0]?.metadata.annotations;
  }

  end(): void {
    this.#end.abort();
  }
}

test('a state is written beside the other annotations, and the next one over it without waiting for the watch', async (t) => {
  const fixture = await Fixture.start(t);
  assert.equal(await fixture.writer.store(KEY, releaseState(), null), '');
  assert.deepEqual(fixture.annotations, { a: 'b', [ANNOTATION]: formatReleaseState(releaseState()) });
  assert.equal(await fixture.writer.store(KEY, releaseState({ step: 1 }), releaseState()), '');
  assert.deepEqual(fixture.annotations, { a: 'b', [ANNOTATION]: formatReleaseState(releaseState({ step: 1 })) });
  assert.deepEqual(fixture.counts.list(), [{ kind: 'release', result: 'ok', count: 2 }]);
  const patches = fixture.fake.requests.filter(({ method }) => method === 'PATCH');
  assert.ok(patches.every(({ path }) => path.endsWith('/ingresses/canary/status')));
});

test('a step is not taken over a state that somebody else has written', async (t) => {
  const fixture = await Fixture.start(t, { [ANNOTATION]: formatReleaseState(releaseState({ step: 2 })) });
  const fault = 'somebody else has changed the state';
  assert.equal(await fixture.writer.store(KEY, releaseState({ step: 1 }), releaseState()), fault);
  assert.equal(await fixture.writer.store(KEY, releaseState({ step: 1 }), null), fault);
});

test('a stop is written whatever step is stored, and not twice', async (t) => {
  const fixture = await Fixture.start(t, {
    [ANNOTATION]: formatReleaseState(releaseState({ step: 2, changedAt: 9e12 })),
  });
  const stop = releaseState({ phase: 'aborted', reason: 'errors' });
  assert.equal(await fixture.writer.store(KEY, stop, stop), '');
  assert.equal(fixture.annotations?.[ANNOTATION], formatReleaseState(stop));
  assert.equal(await fixture.writer.store(KEY, releaseState({ phase: 'expired' }), stop), '');
  assert.equal(fixture.annotations?.[ANNOTATION], formatReleaseState(stop));
});

test('what cannot be read is left as it is', async (t) => {
  const fixture = await Fixture.start(t, { [ANNOTATION]: '{' });
  const stop = releaseState({ phase: 'aborted' });
  assert.equal(await fixture.writer.store(KEY, stop, null), 'what is stored cannot be read');
  assert.equal(fixture.annotations?.[ANNOTATION], '{');
});

test('an Ingress that changed meanwhile is read anew, and written at the next attempt', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.annotate({ a: 'changed' });
  assert.equal(await fixture.writer.store(KEY, releaseState(), null), 'somebody else has changed the ingress');
  assert.equal(await fixture.writer.store(KEY, releaseState(), null), '');
  assert.deepEqual(fixture.annotations, { a: 'changed', [ANNOTATION]: formatReleaseState(releaseState()) });
});

test('who does not lead writes nothing', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.holds = false;
  assert.equal(await fixture.writer.store(KEY, releaseState(), null), 'another replica leads');
  fixture.end();
  assert.equal(await fixture.writer.store(KEY, releaseState(), null), 'another replica leads');
  fixture.known = undefined;
  assert.equal(fixture.fake.requests.length, 0);
});

test('a right that is missing is named, and so is a server that fails', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.fake.denials.push({ plural: 'ingresses', verb: 'patch' });
  assert.match(await fixture.writer.store(KEY, releaseState(), null), /403.*grant patch on ingresses\/status/);
  fixture.fake.denials.length = 0;
  await fixture.fake.goAway();
  assert.match(await fixture.writer.store(KEY, releaseState(), null), /ECONNREFUSED|other side closed/);
  assert.deepEqual(
    fixture.counts.list().map(({ kind, result }) => `${kind} ${result}`),
    ['release denied', 'release failed'],
  );
});
