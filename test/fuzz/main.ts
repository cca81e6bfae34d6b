/**
 * Fuzzing of the codecs from the command line, HTTP/1.1 against another parser, HTTP/2 against rules:
 * `node test/fuzz/main.ts [--target requests|responses|both|http2] [--seconds N] [--executions N] [--seed S] [--replay FILE]`.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createTargets, kindOf, readCorpus } from './corpus.ts';
import { type FuzzReport, fuzz } from './fuzz-loop.ts';
import { HTTP2_SEEDS } from './http2-program.ts';
import { Http2Target } from './http2-target.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'both' },
    seconds: { type: 'string', default: '30' },
    executions: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    replay: { type: 'string' },
  },
});
const targets = createTargets();

/** The bytes as a string literal. */
function literal(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1')).replace(
    /[\x7f-\xff]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16)}`,
  );
}

function replay(file: string): void {
  const target = targets[kindOf(file)];
  const bytes = readFileSync(file);
  const finding = target.judgeThoroughly(bytes);
  console.log(`${literal(bytes)}\n${target.readings}\n${finding.kind}: ${finding.label}`);
  if (finding.kind === 'failure') process.exitCode = 1;
}

function print(name: string, report: FuzzReport): void {
  const rate = Math.round(report.executions / report.seconds);
  console.log(
    `\n${name}: ${report.executions} executions in ${report.seconds.toFixed(1)} s, ${rate} per second, ${report.novel} novel`,
  );
  for (const [label, count] of [...report.classes].toSorted((a, b) => b[1] - a[1])) {
    console.log(`${String(count).padStart(12)}  ${label}`);
  }
  for (const failed of report.failures) {
    console.log(`\nFAILURE ${failed.label}\nreproducer ${literal(failed.reproducer)}\n${failed.readings}`);
    process.exitCode = 1;
  }
}

if (values.replay !== undefined) replay(values.replay);
else if (values.target === 'http2') {
  const limits = { seconds: Number(values.seconds), executions: Number(values.executions) };
  console.log(`node ${process.version}, seed ${values.seed}`);
  print('http2', fuzz(new Http2Target(), HTTP2_SEEDS, Number(values.seed), limits));
} else {
  const seed = Number(values.seed);
  const names = (['requests', 'get', 'head', 'upgrade'] as const).filter(
    (name) => values.target === 'both' || (name === 'requests') === (values.target === 'requests'),
  );
  console.log(`node ${process.version}, llhttp ${process.versions['llhttp']} in node, seed ${seed}`);
  for (const name of names) {
    // Responses are read as the answer to three kinds of request, which share the half of the time that is theirs.
    const share = name === 'requests' ? (names.length > 1 ? 0.5 : 1) : 1 / (names.length > 3 ? 6 : 3);
    const limits = {
      seconds: Number(values.seconds) * share,
      executions: Math.ceil(Number(values.executions) * share),
    };
    const seeds = readCorpus(name).map(({ bytes }) => bytes);
    print(name === 'requests' ? name : `responses to ${name}`, fuzz(targets[name], seeds, seed, limits));
  }
}
