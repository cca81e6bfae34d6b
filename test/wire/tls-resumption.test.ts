/** Sessions are resumed whichever worker a client lands on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SluiceProcess } from '../support/sluice-process.ts';
import { type TlsVersion, visitWith } from '../support/tls-client.ts';

/** By chance all of them come to the worker of the first one in 1 of 2^30 runs. */
const VISITS = 30;
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

let sluice: SluiceProcess;

before(async () => {
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: '127.0.0.1:1' }] } },
      routes: [{ host: 'unknown.example', upstream: 'a' }],
    },
    args: ['--workers', '2'],
  });
});

after(() => sluice.kill());

for (const version of VERSIONS) {
  for (const servername of ['shop.example', '']) {
    test(`${version} ${servername === '' ? 'without SNI' : 'with SNI'}: every later visit resumes the session of the first`, async () => {
      const first = await visitWith(sluice.httpsPort, version, servername, null);
      assert.equal(first.reused, false);
      let session = first.session;
      for (let visit = 0; visit < VISITS; visit++) {
        const next = await visitWith(sluice.httpsPort, version, servername, session);
        assert.equal(next.reused, true, `visit ${visit}`);
        session = next.session;
      }
    });
  }
}

test('no ticket key is logged or shown', async () => {
  const dump = await (await fetch(`http://127.0.0.1:${sluice.adminPort}/debug/config`)).text();
  for (const text of [dump, JSON.stringify(sluice.logs), sluice.otherOutput]) {
    assert.doesNotMatch(text, /ticket|PRIVATE KEY/i);
  }
});
