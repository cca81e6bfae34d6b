/**
 * The fuzzer as a test: every file of the corpus is read as the table says, whole and in every split, and a short run with
 * a fixed seed finds nothing. Long runs: `npm run test:fuzz`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTargets, type Kind, readCorpus } from './corpus.ts';
import { fuzz } from './fuzz-loop.ts';
import { minimise } from './minimise.ts';

const SEED = 20_260_101;

/** By file: how we read it, and how that relates to how llhttp reads it. */
const EXPECTED: Readonly<Record<Kind, Readonly<Record<string, readonly [string, string]>>>> = {
  requests: {
    'above-root': ['refused 400', 'stricter: target path'],
    'absolute-form-other-host': ['refused 400', 'stricter: Host other than in the target'],
    'absolute-form-userinfo': ['refused 400', 'stricter: target form'],
    'absolute-form': ['GET /x?y 0 bytes | open', 'same: same reading'],
    asterisk: ['OPTIONS * 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'bad-escape': ['refused 400', 'stricter: target path'],
    'bare-cr': ['refused 400', 'same: same reading'],
    'bare-lf-at-head-end': ['refused 400', 'same: same reading'],
    'bare-lf-in-head': ['refused 400', 'same: same reading'],
    'chunk-bare-lf': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-end-xx': ['POST /first 5 bytes … | refused 400', 'same: same reading'],
    'chunk-extension-blank': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-extension-empty': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-extension-lf': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-extension-quote-in-name': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-extension-quoted-crlf': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-size-0x': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-size-space': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-size-wraps': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'chunk-size-zeros': ['POST /first 0 bytes … | refused 400', 'stricter: chunk size'],
    'chunked-extensions': ['POST /first 5 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'chunked-trailers': ['POST /first 5 bytes | GET /next 0 bytes | open', 'known: a framing field in the trailers'],
    'cl-cl-equal': ['refused 400', 'same: same reading'],
    'cl-cl': ['refused 400', 'same: same reading'],
    'cl-leading-zero': ['refused 400', 'stricter: Content-Length form'],
    'cl-plus': ['refused 400', 'same: same reading'],
    'cl-te': ['refused 400', 'same: same reading'],
    'cl-wraps': ['refused 400', 'same: same reading'],
    'cl-zero-with-body': ['POST /first 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'close-in-the-middle': ['GET /next 0 bytes | GET /last 0 bytes | closed', 'same: same reading'],
    connect: ['refused 405', 'stricter: CONNECT or TRACE'],
    'connection-names-host': ['refused 400', 'stricter: Connection names a protected field'],
    'connection-long': ['refused 431', 'stricter: Connection length'],
    'connection-names-no-token': ['GET /a 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'cr-cr-lf': ['refused 400', 'same: same reading'],
    'cut-chunk': ['POST /first 5 bytes … | open', 'same: same reading'],
    'cut-head': ['open', 'same: same reading'],
    'cut-length': ['POST /first 5 bytes … | open', 'same: same reading'],
    'dot-segments': ['GET /b/c%2Fd?e=../f 0 bytes | open', 'same: same reading'],
    'empty-lines': ['GET /a 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    expect: ['POST /first 5 bytes | open', 'same: same reading'],
    fragment: ['refused 400', 'stricter: target bytes'],
    'get-with-body': ['GET /a 33 bytes | GET /next 0 bytes | open', 'same: same reading'],
    get: ['GET /a?b=c 0 bytes | open', 'same: same reading'],
    'head-at-limit-grows': ['GET /a 0 bytes | open', 'same: same reading'],
    'head-at-limit-behind-empty-lines': ['GET /a 0 bytes | open', 'same: same reading'],
    'head-at-limit': ['GET /a 0 bytes | open', 'same: same reading'],
    'head-over-limit': ['refused 431', 'stricter: head length'],
    'head-with-body': ['HEAD /a 5 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'http-0.9': ['refused 400', 'stricter: no request line'],
    'http-1.0-chunked': ['refused 400', 'stricter: Transfer-Encoding in HTTP/1.0'],
    'http-1.0-empty-host': ['GET /a 0 bytes | closed', 'same: same reading'],
    'http-1.0-keep-alive': ['GET /a 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'http-1.0-upgrade-with-body': ['POST /a 5 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'http-1.0': ['GET /a 0 bytes | closed', 'same: same reading'],
    'http-2-preface': ['refused 505', 'same: same reading'],
    'long-line-unfinished': ['refused 414', 'same: same reading'],
    'long-method': ['refused 400', 'same: same reading'],
    'long-target': ['refused 414', 'stricter: target length'],
    'long-value': ['refused 431', 'stricter: head length'],
    'many-fields': ['refused 431', 'stricter: number of fields'],
    'no-host': ['refused 400', 'stricter: Host missing or repeated'],
    'nul-in-value': ['refused 400', 'same: same reading'],
    'obs-fold': ['refused 400', 'same: same reading'],
    pipelined: [
      'GET /next 0 bytes | POST /first 5 bytes | POST /first 5 bytes | GET /next 0 bytes | open',
      'same: same reading',
    ],
    'post-chunked': ['POST /first 15 bytes | open', 'same: same reading'],
    'post-length': ['POST /first 5 bytes | open', 'same: same reading'],
    'proxy-header': ['refused 400', 'same: same reading'],
    'space-before-colon': ['refused 400', 'same: same reading'],
    'target-0x80': ['refused 400', 'same: same reading'],
    'te-cl': ['refused 400', 'same: same reading'],
    'te-list': ['refused 400', 'stricter: Transfer-Encoding other than chunked'],
    'te-te': ['refused 400', 'same: same reading'],
    'three-empty-lines': ['refused 400', 'stricter: more than two empty lines'],
    'tls-hello': ['refused 400', 'same: same reading'],
    'trailer-fold': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'trailer-no-colon': ['POST /first 0 bytes … | refused 400', 'same: same reading'],
    'two-hosts': ['refused 400', 'stricter: Host missing or repeated'],
    'two-spaces': ['refused 400', 'stricter: no request line'],
    underscores: ['GET /a 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'unknown-method': ['BREW /a 0 bytes | open', 'known: a method llhttp does not know'],
    'upgrade-h2c-with-body': ['POST /first 5 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'upgrade-malformed-protocol': ['POST /first 5 bytes | GET /next 0 bytes | open', 'same: same reading'],
    'upgrade-with-body': ['refused 400', 'stricter: Upgrade with a body'],
    upgrade: ['GET /ws 0 bytes | GET /next 0 bytes | open', 'same: same reading'],
  },
  get: {
    'bad-chunk.get': ['200 5 bytes … | refused 502', 'same: same reading'],
    'bare-lf.get': ['refused 502', 'same: same reading'],
    'chunked-and-more.get': ['200 5 bytes | closed', 'same: same reading'],
    'chunked.get': ['200 5 bytes | closed, reusable', 'same: same reading'],
    'cl-cl-equal.get': ['200 5 bytes | closed, reusable', 'known: equal Content-Length repeated'],
    'cl-cl.get': ['refused 502', 'same: same reading'],
    'close.get': ['200 5 bytes | closed', 'same: same reading'],
    'cut-chunk.get': ['200 5 bytes … | cut off', 'same: same reading'],
    'cut-head.get': ['cut off', 'same: same reading'],
    'cut-length.get': ['200 5 bytes … | cut off', 'same: same reading'],
    'icy.get': ['refused 502', 'same: same reading'],
    'interim-with-length.get': ['refused 502', 'stricter: interim response with a body'],
    'interim.get': ['100 0 bytes | 103 0 bytes | 200 5 bytes | closed, reusable', 'same: same reading'],
    'length-and-more.get': ['200 5 bytes | closed', 'same: same reading'],
    'length.get': ['200 5 bytes | closed, reusable', 'same: same reading'],
    'not-modified-with-both.get': ['304 0 bytes | closed', 'same: same reading'],
    'status-line-crs.get': ['cut off', 'stricter: bare CR'],
    'no-content-with-length.get': ['204 0 bytes | closed', 'same: same reading'],
    'no-reason.get': ['200 0 bytes | closed, reusable', 'same: same reading'],
    'not-modified-with-length.get': ['304 0 bytes | closed, reusable', 'same: same reading'],
    'obs-fold.get': ['refused 502', 'same: same reading'],
    'status-099.get': ['refused 502', 'stricter: status'],
    'switch-not-offered.get': ['refused 502', 'stricter: switch without offer'],
    'te-1.0.get': ['200 0 bytes | closed', 'same: same reading'],
    'te-and-cl.get': ['200 5 bytes | closed', 'same: same reading'],
    'te-gzip.get': ['refused 502', 'stricter: Transfer-Encoding other than chunked'],
    'te-list.get': ['refused 502', 'stricter: Transfer-Encoding other than chunked'],
    'until-close-1.0.get': ['200 5 bytes | closed', 'same: same reading'],
    'until-close.get': ['200 5 bytes | closed', 'same: same reading'],
  },
  head: {
    'chunked.head': ['200 0 bytes | closed, reusable', 'same: same reading'],
    'length-and-body.head': ['200 0 bytes | closed', 'same: same reading'],
    'length.head': ['200 0 bytes | closed, reusable', 'same: same reading'],
    'nothing.head': ['200 0 bytes | closed, reusable', 'known: reuse after a HEAD answer without length'],
  },
  upgrade: {
    'no-switch.upgrade': ['200 5 bytes | closed, reusable', 'same: same reading'],
    'switch-to-two-words.upgrade': ['refused 502', 'stricter: switch without offer'],
    'switch-to-other.upgrade': ['refused 502', 'stricter: switch without offer'],
    'switch.upgrade': ['101 0 bytes | tunnel', 'same: same reading'],
  },
};

const EXECUTIONS: Readonly<Record<Kind, number>> = { requests: 100_000, get: 30_000, head: 15_000, upgrade: 15_000 };
const targets = createTargets();

for (const kind of ['requests', 'get', 'head', 'upgrade'] as const) {
  const files = readCorpus(kind);

  for (const { name, bytes } of files) {
    test(`${kind} corpus: ${name} is read as expected, however it is split`, () => {
      const finding = targets[kind].judgeThoroughly(bytes);
      assert.deepEqual([targets[kind].reading, `${finding.kind}: ${finding.label}`], EXPECTED[kind][name]);
    });
  }

  test(`${kind} corpus: every expectation has its file`, () => {
    assert.deepEqual(Object.keys(EXPECTED[kind]).toSorted(), files.map(({ name }) => name).toSorted());
  });

  test(`${EXECUTIONS[kind]} made inputs (${kind}) show no difference that has no name`, () => {
    const limits = { seconds: Number.POSITIVE_INFINITY, executions: EXECUTIONS[kind] };
    const report = fuzz(
      targets[kind],
      files.map(({ bytes }) => bytes),
      SEED,
      limits,
    );
    const failures = report.failures.map(
      ({ label, reproducer }) => `${label}: ${JSON.stringify(reproducer.toString('latin1'))}`,
    );
    assert.deepEqual(failures, []);
    assert.equal(report.executions, EXECUTIONS[kind]);
  });
}

test('a run is repeated by its seed', () => {
  const seeds = readCorpus('requests').map(({ bytes }) => bytes);
  const limits = { seconds: Number.POSITIVE_INFINITY, executions: 2_000 };
  const first = fuzz(createTargets().requests, seeds, SEED, limits);
  const second = fuzz(createTargets().requests, seeds, SEED, limits);
  assert.deepEqual([...second.classes], [...first.classes]);
  assert.equal(second.novel, first.novel);
});

test('a failing input is cut down to the bytes that make it fail', () => {
  const input = Buffer.from(`${'a'.repeat(700)}X${'b'.repeat(300)}Y${'c'.repeat(50)}`);
  const smallest = minimise(input, (candidate) => candidate.includes('X') && candidate.includes('Y'), 1_000);
  assert.equal(smallest.toString(), 'XY');
});
