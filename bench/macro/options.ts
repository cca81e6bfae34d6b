/** The command line of `run.ts`. */
import { parseArgs } from 'node:util';
import { makeLegs } from './legs.ts';
import { findProgram } from './pinned-process.ts';
import { TARGET_NAMES } from './targets.ts';

export interface Options {
  readonly legs: readonly string[];
  readonly targets: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly generator: 'autocannon' | 'wrk';
  readonly json: boolean;
}

const GENERATORS = ['autocannon', 'wrk'] as const;

export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      legs: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '64' },
      generator: { type: 'string', default: findProgram('wrk') === null ? 'autocannon' : 'wrk' },
      json: { type: 'boolean', default: false },
    },
  });
  const generator = GENERATORS.find((name) => name === values.generator);
  if (generator === undefined) throw unexpected('--generator', values.generator, GENERATORS);
  const legNames = makeLegs(generator).map(({ name }) => name);
  return {
    legs: readNames('--legs', values.legs, legNames),
    targets: readNames('--only', values.only, TARGET_NAMES),
    rounds: readCount('--rounds', values.rounds),
    seconds: readCount('--seconds', values.seconds),
    connections: readCount('--connections', values.connections),
    generator,
    json: values.json,
  };
}

export function readCount(flag: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`${flag}: expected an integer of at least 1, got "${text}"`);
}

/** Names divided by commas; all of `allowed` when there is no text. */
export function readNames(flag: string, text: string | undefined, allowed: readonly string[]): readonly string[] {
  const names = text?.split(',') ?? allowed;
  for (const name of names) if (!allowed.includes(name)) throw unexpected(flag, name, allowed);
  return names;
}

function unexpected(flag: string, value: string, allowed: readonly string[]): Error {
  return new Error(`${flag}: expected one of ${allowed.join(', ')}, got "${value}"`);
}
