/** Who decides what an upstream does with its endpoints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompileMemory } from '../../src/config/compile-memory.ts';
import { createDraft, type Draft } from '../../src/config/draft.ts';
import { claimUpstream, policyOfService } from '../../src/config/upstream-claims.ts';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import type { ObjectRef } from '../../src/model/object-ref.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { service, settings, snapshot } from '../support/fixtures.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

const CHECK: HealthCheckConfig = { ...DEFAULT_HEALTH_CHECK, path: '/live' };

function draftWith(id: string): Draft {
  const draft = createDraft(snapshot({}), settings(), new CompileMemory(settings()));
  draft.upstreams.set(id, upstreamConfig(id));
  return draft;
}

function ref(name: string): ObjectRef {
  return { kind: 'Ingress', namespace: 'shop', name };
}

test('the first claim decides a setting, and an equal one is fine', () => {
  const draft = draftWith('u');
  claimUpstream(draft, 'u', { ref: ref('old'), settings: { healthCheck: CHECK } });
  claimUpstream(draft, 'u', { ref: ref('new'), settings: { healthCheck: { ...CHECK }, balancer: 'round-robin' } });
  assert.deepEqual(draft.upstreams.get('u')?.healthCheck, CHECK);
  assert.deepEqual(draft.problems, []);
});

test('a later claim that differs is reported on its object and changes nothing', () => {
  const draft = draftWith('u');
  claimUpstream(draft, 'u', { ref: ref('old'), settings: { healthCheck: CHECK } });
  claimUpstream(draft, 'u', { ref: ref('new'), settings: { healthCheck: { ...CHECK, path: '/other' } } });
  assert.equal(draft.upstreams.get('u')?.healthCheck?.path, '/live');
  const [problem] = draft.problems;
  assert.equal(draft.problems.length, 1);
  assert.deepEqual([problem?.code, problem?.severity, problem?.source.name], ['upstream-conflict', 'warning', 'new']);
  assert.match(problem?.message ?? '', /healthCheck of upstream u is already decided by Ingress shop\/old/);
});

test('upstreams begin with what their service says, and its faults are its own', () => {
  const annotations = { 'sluice.dev/balancer': 'fastest', 'example.com/other': 'x', 'sluice.dev/ballancer': 'x' };
  const web = { ...service('shop/web'), annotations };
  const draft = createDraft(snapshot({ services: [web] }), settings(), new CompileMemory(settings()));
  assert.deepEqual(policyOfService(draft, { namespace: 'shop', service: 'web', port: 80 }), DEFAULT_UPSTREAM_POLICY);
  assert.deepEqual(
    draft.problems.map(({ code, source, field }) => [code, source.kind, field]),
    [
      ['annotation-invalid', 'Service', 'metadata.annotations[sluice.dev/balancer]'],
      ['annotation-unsupported', 'Service', 'metadata.annotations[sluice.dev/ballancer]'],
    ],
  );
});

test('what counts on an ingress only is reported on a service', () => {
  const web = { ...service('shop/web'), annotations: { 'sluice.dev/upstream-proxy-protocol': 'v2' } };
  const draft = createDraft(snapshot({ services: [web] }), settings(), new CompileMemory(settings()));
  policyOfService(draft, { namespace: 'shop', service: 'web', port: 80 });
  assert.match(draft.problems[0]?.message ?? '', /has no effect on a service; it counts on an ingress/);
});
