/** The Dockerfile: what it copies is there and let through, and it agrees with the package and the manifests. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readVersion } from '../../src/cli/version.ts';
import { Deployment } from '../support/deployment.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Instructions of the Dockerfile with their arguments, without comments and line continuations. */
const instructions: readonly (readonly [string, string])[] = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const end = line.indexOf(' ');
    return [line.slice(0, end), line.slice(end + 1)];
  });

function argumentsOf(name: string): readonly string[] {
  return instructions.filter(([instruction]) => instruction === name).map(([, rest]) => rest);
}

test('what is copied into the image is there, and is all that .dockerignore lets through', () => {
  const copied = argumentsOf('COPY')
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(' ').slice(0, -1));
  for (const source of copied) assert.ok(existsSync(path.join(ROOT, source)), source);
  const [all, ...exceptions] = read('.dockerignore').trim().split('\n').slice(1);
  assert.equal(all, '*');
  assert.deepEqual(new Set(exceptions), new Set(copied.map((source) => `!${source}`)));
});

test('the image has the version of the package and a Node.js that it accepts', () => {
  assert.ok(argumentsOf('ARG').includes(`VERSION=${readVersion()}`));
  const { engines }: { engines: { node: string } } = JSON.parse(read('package.json'));
  const least = Number(/^>=(\d+)$/.exec(engines.node)?.[1]);
  for (const image of ['BUILD_IMAGE', 'RUN_IMAGE']) {
    const [, major] = new RegExp(`${image}=node:(\\d+)-slim`).exec(argumentsOf('ARG').join('\n')) ?? [];
    assert.ok(Number(major) >= least, image);
  }
});

test('the image runs as the user of the manifests, and opens their ports', () => {
  const { pod, container } = new Deployment('default');
  const { runAsUser, runAsGroup } = pod.securityContext ?? {};
  assert.deepEqual(argumentsOf('USER'), [`${runAsUser}:${runAsGroup}`]);
  assert.deepEqual(argumentsOf('EXPOSE'), [container.ports?.map(({ containerPort }) => containerPort).join(' ')]);
});
