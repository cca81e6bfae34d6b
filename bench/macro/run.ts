/**
 * `npm run bench` and `npm run bench:peers`: compares whole proxies under the same load, leg by leg, interleaved round by
 * round. What is measured and how to read it: `bench/README.md`.
 */
import { cpus, loadavg } from 'node:os';
import { makeCertificate } from './certificate.ts';
import { type Comparison, compare } from './goals.ts';
import { type Leg, makeLegs } from './legs.ts';
import { measureLeg, RATE_MEASURED_AT } from './measure.ts';
import { type Options, readOptions } from './options.ts';
import { findProgram } from './pinned-process.ts';
import { formatComparisons, formatLeg, type Row, summarise } from './report.ts';
import { makeScratchDirectory } from './scratch-directory.ts';
import { leaveOutMissing, sluiceProgram } from './targets.ts';

/** The first and the last moments of a run with a rate have fewer requests than the rest. */
const KEPT_UP_SHARE = 0.85;

function chooseLegs({ legs, generator, connections }: Options, targets: readonly string[]): readonly Leg[] {
  return makeLegs(generator, connections).filter((leg) => {
    if (!legs.includes(leg.name)) return false;
    const reason = whyNot(leg, targets);
    if (reason !== null) process.stderr.write(`${leg.name}: ${reason}, left out\n`);
    return reason === null;
  });
}

function whyNot(leg: Leg, targets: readonly string[]): string | null {
  if (leg.generator !== 'autocannon' && findProgram(leg.generator) === null) return `${leg.generator} is not installed`;
  if (!leg.targets.some((name) => targets.includes(name))) return 'it is for none of these targets';
  if (leg.measure !== 'latency' || RATE_MEASURED_AT.some((name) => targets.includes(name))) return null;
  return `its rate is found with ${RATE_MEASURED_AT.join(' or ')}`;
}

async function main(): Promise<number> {
  const options = readOptions();
  const targets = leaveOutMissing(options.targets);
  const print = (text: string): void => {
    if (!options.json) console.log(text);
  };
  const directory = makeScratchDirectory();
  const certificate = await makeCertificate(directory);
  const results: object[] = [];
  const comparisons: Comparison[] = [];
  let errors = 0;
  print(describe(options));
  for (const leg of chooseLegs(options, targets)) {
    const wanted = leg.targets.filter((name) => targets.includes(name));
    const { rounds, seconds } = options;
    const result = await measureLeg({ leg, targets: wanted, rounds, seconds, certificate, directory });
    const rows = summarise(leg.measure, result.targets, result.rounds);
    comparisons.push(...compare(leg.name, leg.measure, rows));
    errors += rows.reduce((sum, row) => sum + row.errors, 0);
    results.push({ leg: leg.name, title: leg.title, generator: leg.generator, ...result, rows });
    print(formatResult(leg, result.notes, rows));
    for (const { target, requestsPerSecond } of rows) {
      if (result.rate === null || requestsPerSecond >= result.rate * KEPT_UP_SHARE) continue;
      console.error(`${leg.name}: ${target} did not keep up with the rate: its times are those of an overload`);
    }
  }
  const load = loadavg().map((value) => value.toFixed(2));
  print(`\nSluice in relation to its peers (load average at the end: ${load.join(' ')})\n`);
  print(formatComparisons(comparisons));
  if (options.json)
    console.log(JSON.stringify({ ...options, node: process.version, load, results, comparisons }, null, 2));
  if (errors > 0) console.error(`${errors} requests failed: the figures mean nothing`);
  return errors === 0 ? 0 : 1;
}

function formatResult(leg: Leg, notes: readonly string[], rows: readonly Row[]): string {
  return `\n${leg.name}: ${leg.title} (${[leg.generator, ...notes].join('; ')})\n\n${formatLeg(leg.measure, rows)}`;
}

function describe({ rounds, seconds }: Options): string {
  const load = loadavg().map((value) => value.toFixed(2));
  const machine = `node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, load average ${load.join(' ')}`;
  const program = sluiceProgram().includes('/dist/') ? 'dist' : 'src';
  return `${machine}; Sluice from ${program}/; medians of ${rounds} rounds of ${seconds} s`;
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }),
);
