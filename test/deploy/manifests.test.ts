/** The manifests in `deploy/`: each overlay can be built, holds what Kubernetes understands, and agrees with itself. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { readVersion } from '../../src/cli/version.ts';
import { DEPLOY, Deployment } from '../support/deployment.ts';
import { modelNameOf, schemaFaults } from '../support/kubernetes-schema.ts';
import type { Manifest } from '../support/kustomize.ts';

const OVERLAYS = readdirSync(path.join(DEPLOY, 'overlays'));

/** Kinds that other projects define, with the fields theirs require. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  'cert-manager.io/v1 Issuer': ['selfSigned'],
  'cert-manager.io/v1 Certificate': ['secretName', 'issuerRef'],
  'monitoring.coreos.com/v1 ServiceMonitor': ['selector', 'endpoints'],
};

/** What API servers demand beside the names of fields. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  ClusterRole: ['rules'],
  ClusterRoleBinding: ['roleRef', 'subjects'],
  Role: ['rules'],
  RoleBinding: ['roleRef', 'subjects'],
  Deployment: ['spec.selector.matchLabels', 'spec.template.spec.containers'],
  DaemonSet: ['spec.selector.matchLabels', 'spec.template.spec.containers'],
  HorizontalPodAutoscaler: ['spec.scaleTargetRef.apiVersion', 'spec.scaleTargetRef.name', 'spec.maxReplicas'],
  IngressClass: ['spec.controller'],
  NetworkPolicy: ['spec.podSelector'],
  PodDisruptionBudget: ['spec.selector', 'spec.maxUnavailable'],
  Service: ['spec.ports', 'spec.selector'],
  ValidatingWebhookConfiguration: ['webhooks'],
};

const CLUSTER_KINDS = new Set(
  'ClusterRole ClusterRoleBinding IngressClass Namespace ValidatingWebhookConfiguration'.split(' '),
);

/** The value at `spec.a.b`; undefined where the path ends before. */
function at(value: unknown, field: string): unknown {
  let found: unknown = value;
  for (const step of field.split('.')) {
    found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[step] : undefined;
  }
  return found;
}

function only(deployment: Deployment, kind: string): Manifest {
  const [found, second] = deployment.ofKind(kind);
  assert.ok(found !== undefined && second === undefined, `one ${kind}`);
  return found;
}

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

function rulesOf(deployment: Deployment, kind: string, name: string): readonly Rule[] {
  const role = deployment.ofKind(kind).find(({ metadata }) => metadata.name === name);
  assert.ok(role !== undefined, `${kind} ${name}`);
  return role['rules'] as readonly Rule[];
}

test('every directory with a kustomization is part of an overlay', () => {
  const used = new Set<string>();
  const follow = (directory: string): void => {
    used.add(directory);
    const text = readFileSync(path.join(directory, 'kustomization.yaml'), 'utf8');
    for (const [, target = ''] of text.matchAll(/^ {2}- (\.\.\/.+)$/gm)) follow(path.join(directory, target));
  };
  for (const overlay of OVERLAYS) follow(path.join(DEPLOY, 'overlays', overlay));
  const there = globSync('**/kustomization.yaml', { cwd: DEPLOY }).map((file) => path.dirname(path.join(DEPLOY, file)));
  assert.deepEqual([...used].toSorted(), there.toSorted());
});

const kubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0;

function sorted(objects: readonly Manifest[]): readonly Manifest[] {
  return objects.toSorted((a, b) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));
}

test('kubectl makes the same objects', { skip: kubectl ? false : 'kubectl is not installed' }, () => {
  for (const overlay of OVERLAYS) {
    const text = execFileSync('kubectl', ['kustomize', path.join(DEPLOY, 'overlays', overlay)], { encoding: 'utf8' });
    const built = parseAllDocuments(text).map((document): Manifest => document.toJS());
    assert.deepEqual(sorted(new Deployment(overlay).objects), sorted(built), overlay);
  }
});

test('the overlay for one namespace holds and grants nothing outside of it', () => {
  const kinds = new Deployment('one-namespace').objects.map(({ kind }) => kind);
  assert.deepEqual(
    kinds.filter((kind) => CLUSTER_KINDS.has(kind)),
    [],
  );
  assert.deepEqual(new Deployment('one-namespace').settings().watchNamespaces, ['sluice']);
});

test('while traffic moves away from ingress-nginx, the status of Ingresses stays as it is', () => {
  assert.equal(new Deployment('nginx-parallel').settings().publishService, 'ingress-nginx/ingress-nginx-controller');
  assert.equal(new Deployment('nginx-takeover').settings().publishService, 'sluice/sluice');
});

test('rights are those that the documents name', () => {
  const page = readFileSync(path.join(DEPLOY, '../docs/reference/cluster-access.md'), 'utf8');
  const [, block = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const [cluster, election] = parseAllDocuments(block).map((document): Manifest => document.toJS());
  const deployment = new Deployment('default');
  assert.deepEqual(rulesOf(deployment, 'ClusterRole', 'sluice'), cluster?.['rules']);
  assert.deepEqual(rulesOf(deployment, 'Role', 'sluice-election'), election?.['rules']);
  const inNamespace = rulesOf(new Deployment('one-namespace'), 'Role', 'sluice');
  assert.deepEqual(
    inNamespace.flatMap(({ resources, verbs }) => resources.map((resource) => `${resource} ${verbs.join()}`)),
    rulesOf(deployment, 'ClusterRole', 'sluice')
      .flatMap(({ resources, verbs }) => resources.map((resource) => `${resource} ${verbs.join()}`))
      .filter((line) => !line.startsWith('ingressclasses')),
  );
});

for (const overlay of OVERLAYS) {
  describe(`the overlay ${overlay}`, () => {
    const deployment = new Deployment(overlay);
    const { container, pod } = deployment;
    const settings = deployment.settings();

    test('has no field that Kubernetes does not know, and those it requires', () => {
      for (const object of deployment.objects) {
        const name = `${object.kind} ${object.metadata.name}`;
        assert.equal(object.metadata.namespace, CLUSTER_KINDS.has(object.kind) ? undefined : 'sluice', name);
        const model = modelNameOf(object);
        if (model !== undefined) assert.deepEqual(schemaFaults(object, model), [], name);
        const foreign = FOREIGN[`${object.apiVersion} ${object.kind}`];
        assert.ok(model !== undefined || foreign !== undefined, `${object.apiVersion} ${name} is not known`);
        const required = REQUIRED[object.kind] ?? (foreign ?? []).map((field) => `spec.${field}`);
        for (const field of required) assert.notEqual(at(object, field), undefined, `${name}: ${field}`);
      }
    });

    test('starts the program of this version, with ports that probes, Services and policies lead to', () => {
      assert.equal(container.image, `sluice:${readVersion()}`);
      assert.equal(deployment.port('http'), settings.httpPort);
      assert.equal(deployment.port('https'), settings.httpsPort);
      assert.equal(deployment.port('admin'), settings.adminPort);
      assert.equal(deployment.port('webhook'), settings.webhook?.port);
      const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
      const targets = probes.map((probe) => `${probe?.httpGet?.port} ${probe?.httpGet?.path}`);
      assert.deepEqual(targets, ['admin /healthz', 'admin /readyz', 'admin /healthz']);
      for (const service of deployment.ofKind('Service')) {
        const ports = at(service, 'spec.ports') as readonly { readonly name: string; readonly targetPort: string }[];
        for (const { name, targetPort } of ports) {
          assert.ok(deployment.port(targetPort) !== undefined, `${service.metadata.name}: ${targetPort}`);
          assert.equal(deployment.port(targetPort), deployment.port(name));
        }
      }
      const policy = at(only(deployment, 'NetworkPolicy'), 'spec.ingress') as readonly {
        readonly ports: readonly { readonly port: number }[];
      }[];
      const admitted = policy.flatMap(({ ports }) => ports.map(({ port }) => port));
      const listening = container.ports?.map(({ containerPort }) => containerPort);
      assert.deepEqual(new Set(admitted), new Set(listening));
      const everybody = policy.filter((rule) => !('from' in rule)).flatMap(({ ports }) => ports);
      assert.ok(everybody.every(({ port }) => port !== settings.adminPort));
    });

    test('gives a pod the time to drain, and traffic until balancers have noticed', () => {
      const { shutdownDelayMs, drainTimeoutMs } = settings;
      assert.equal(pod.terminationGracePeriodSeconds, (shutdownDelayMs + drainTimeoutMs) / 1_000 + 10);
      const { failureThreshold = 3, periodSeconds = 10 } = container.readinessProbe ?? {};
      assert.equal((failureThreshold - 1) * periodSeconds, shutdownDelayMs / 1_000);
    });

    test('selects its own pods everywhere', () => {
      const selectors = deployment.objects.flatMap((object) => {
        if (object.kind === 'Service') return [at(object, 'spec.selector')];
        const field = object.kind === 'NetworkPolicy' ? 'spec.podSelector.matchLabels' : 'spec.selector.matchLabels';
        return object.kind === 'ServiceMonitor' ? [] : [at(object, field)].filter((found) => found !== undefined);
      });
      const spread = pod.topologySpreadConstraints?.map(({ labelSelector }) => labelSelector?.matchLabels) ?? [];
      assert.ok(selectors.length >= 2);
      for (const selector of [...selectors, ...spread]) assert.deepEqual(selector, deployment.labels);
    });

    test('runs without privileges, and writes to the snapshot volume only', () => {
      assert.equal(pod.securityContext?.runAsNonRoot, true);
      assert.equal(pod.securityContext?.seccompProfile?.type, 'RuntimeDefault');
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const mounts = container.volumeMounts ?? [];
      assert.deepEqual(
        mounts.map(({ name }) => name),
        pod.volumes?.map(({ name }) => name),
      );
      const writable = mounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
      assert.deepEqual(writable, [path.dirname(settings.snapshotDir ?? '')]);
      const read = mounts.filter(({ readOnly }) => readOnly === true).map(({ mountPath }) => mountPath);
      assert.deepEqual(read, settings.webhook === null ? [] : [settings.webhook.certificateDirectory]);
    });

    test('keeps to the level of Pod Security that its namespace enforces', () => {
      const [namespace] = deployment.ofKind('Namespace');
      const level = namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'] ?? 'restricted';
      const hostPorts = (container.ports ?? []).flatMap(({ hostPort }) => hostPort ?? []);
      assert.deepEqual([level, hostPorts], overlay === 'host-ports' ? ['privileged', [80, 443]] : ['restricted', []]);
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(at(pod, field), undefined);
      for (const volume of pod.volumes ?? []) assert.ok('emptyDir' in volume || 'secret' in volume, volume.name);
    });

    test('binds each role to the account of its pods, and the Lease it may write is the one it wants', () => {
      for (const kind of ['Role', 'ClusterRole']) {
        const bindings = deployment.ofKind(`${kind}Binding`);
        assert.deepEqual(
          bindings.map((binding) => binding['roleRef']),
          deployment.ofKind(kind).map(({ metadata: { name } }) => {
            return { apiGroup: 'rbac.authorization.k8s.io', kind, name };
          }),
        );
        const subjects = [{ kind: 'ServiceAccount', name: pod.serviceAccountName, namespace: deployment.namespace }];
        for (const binding of bindings) assert.deepEqual(binding['subjects'], subjects);
      }
      assert.equal(only(deployment, 'ServiceAccount').metadata.name, pod.serviceAccountName);
      const leases = rulesOf(deployment, 'Role', 'sluice-election').flatMap(({ resourceNames = [] }) => resourceNames);
      assert.deepEqual(leases, [settings.electionId]);
    });

    test('serves the class it brings, and publishes addresses of a Service that is there', () => {
      const { ingressClass, controllerName, publishService } = settings;
      for (const { metadata, spec } of deployment.ofKind('IngressClass')) {
        assert.equal(metadata.name, ingressClass);
        assert.deepEqual(spec, { controller: controllerName });
      }
      const services = deployment.ofKind('Service').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
      const own = publishService.startsWith(`${deployment.namespace}/`);
      assert.equal(own, overlay !== 'nginx-parallel' && overlay !== 'host-ports');
      if (own) assert.ok(services.includes(publishService), publishService);
    });

    test('leaves the number of replicas to whoever scales it', () => {
      const [scaler] = deployment.ofKind('HorizontalPodAutoscaler');
      const isDeployment = deployment.workload.kind === 'Deployment';
      assert.equal(at(deployment.workload, 'spec.replicas'), scaler === undefined && isDeployment ? 2 : undefined);
      if (scaler === undefined) return;
      assert.equal(at(scaler, 'spec.scaleTargetRef.name'), deployment.workload.metadata.name);
      const [metric] = at(scaler, 'spec.metrics') as readonly unknown[];
      assert.equal(at(metric, 'resource.target.averageValue'), `${settings.workers * 600}m`);
    });
  });
}
