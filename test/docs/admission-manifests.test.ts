/** The manifests in `deploy/admission` are in step with the compiler and with the webhook. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { ADMISSION_PATH } from '../../src/admission/admission-server.ts';
import { classifyUnsupported, UNSUPPORTED_NAMES } from '../../src/config/annotations/catalogue.ts';
import { toPathMatch } from '../../src/config/passes/add-rules.ts';
import { NGINX_PREFIX } from '../support/fixtures.ts';

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly variables: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly { readonly expression: string }[];
  };
  readonly webhooks: readonly {
    readonly clientConfig: { readonly service: { readonly path: string } };
    readonly failurePolicy: string;
    readonly sideEffects: string;
  }[];
}

/** Of a shape that the API server checks; only what is read here is named. */
function readManifests(file: string): readonly Manifest[] {
  const text = readFileSync(new URL(`../../deploy/admission/${file}`, import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, []);
    const manifest: Manifest = document.toJS();
    return manifest;
  });
}

const policy = onlyOne('policy.yaml', 'ValidatingAdmissionPolicy');

function onlyOne(file: string, kind: string): Manifest {
  const [found, second] = readManifests(file).filter((manifest) => manifest.kind === kind);
  assert.ok(found !== undefined && second === undefined);
  return found;
}

test('the policy refuses the annotations that close a route, and no others', () => {
  const variable = policy.spec.variables.find(({ name }) => name === 'restrictions');
  const listed = Array.from((variable?.expression ?? '').matchAll(/'([^']+)'/g), ([, name]) => name);
  const closing = UNSUPPORTED_NAMES.filter((name) => classifyUnsupported(name) === 'security');
  assert.deepEqual(
    listed,
    closing.map((name) => `${NGINX_PREFIX}/${name}`),
  );
});

/** The patterns of a validation about paths, in the order of the text; `!` = it must not match. */
function patternsOf(expression: string): readonly { readonly wanted: boolean; readonly pattern: RegExp }[] {
  const found = expression.matchAll(/(!?)path\.matches\('([^']+)'\)/g);
  return Array.from(found, ([, not, text = '']) => {
    return { wanted: not === '', pattern: new RegExp(text.replaceAll('\\\\', '\\')) };
  });
}

function compiles(path: string): boolean {
  const backend = { kind: 'service' as const, service: 'a', port: 80 };
  return toPathMatch({ place: 0, path, pathType: 'Prefix', backend }) !== null;
}

test('the policy refuses a path only where the compiler does, and the plainest faults it does refuse', () => {
  const patterns = policy.spec.validations.flatMap(({ expression }) => patternsOf(expression));
  assert.equal(patterns.length, 3);
  const passes = (path: string): boolean =>
    !path.includes('%00') && patterns.every(({ wanted, pattern }) => pattern.test(path) === wanted);
  for (const path of ['/..', '/%2e./a', '/%zz', '/%', '/a%00', '/a b', '/\u007f']) assert.ok(!passes(path), path);
  const pieces = fc.constantFrom('/', '.', '..', '%2e', '%2E', '%41', '%4', '%', 'a', '..a');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
      const path = `/${parts.join('')}`;
      if (compiles(path)) assert.ok(passes(path), path);
    }),
    { numRuns: 1_000 },
  );
});

test('the webhook is registered under the path that it answers, and fails open', () => {
  const { webhooks } = onlyOne('webhook.yaml', 'ValidatingWebhookConfiguration');
  assert.equal(webhooks.length, 2);
  for (const webhook of webhooks) {
    assert.equal(webhook.clientConfig.service.path, ADMISSION_PATH);
    assert.equal(webhook.failurePolicy, 'Ignore');
    assert.equal(webhook.sideEffects, 'None');
  }
});
