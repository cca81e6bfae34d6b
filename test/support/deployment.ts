/** The objects of an overlay in `deploy/`, and what its pods would be started with. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { FLAGS } from '../../src/cli/flag-list.ts';
import { type ControllerSettings, readControllerSettings } from '../../src/cli/settings.ts';
import { buildKustomization, type Manifest } from './kustomize.ts';

export const DEPLOY: string = path.resolve(import.meta.dirname, '../../deploy');

interface WorkloadSpec {
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: V1PodSpec;
  };
}

export class Deployment {
  readonly objects: readonly Manifest[];
  readonly workload: Manifest;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: V1PodSpec;
  readonly container: V1Container;
  /** With `$(POD_NAMESPACE)` in place, as kubelets do it. */
  readonly args: readonly string[];

  constructor(overlay: string) {
    this.objects = buildKustomization(path.join(DEPLOY, 'overlays', overlay));
    const [workload, second] = this.objects.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet');
    assert.ok(workload !== undefined && second === undefined);
    this.workload = workload;
    const { template } = workload['spec'] as WorkloadSpec;
    this.labels = template.metadata.labels;
    this.pod = template.spec;
    const [container, sidecar] = template.spec.containers;
    assert.ok(container !== undefined && sidecar === undefined);
    this.container = container;
    this.args = (container.args ?? []).map((arg) => arg.replaceAll('$(POD_NAMESPACE)', this.namespace));
  }

  get namespace(): string {
    return this.workload.metadata.namespace ?? '';
  }

  ofKind(kind: string): readonly Manifest[] {
    return this.objects.filter((object) => object.kind === kind);
  }

  /** By the program's own parser: a flag that does not exist, or a value it refuses, fails. */
  settings(): ControllerSettings {
    const [command, ...flags] = this.args;
    assert.equal(command, 'controller');
    const given = new Map<string, string[]>();
    for (const flag of flags) {
      const [, name = '', value = ''] = /^--([a-z-]+)=(.+)$/.exec(flag) ?? [];
      assert.ok(
        FLAGS.controller.some((known) => known.name === name),
        `${flag}: there is no such flag`,
      );
      given.set(name, [...(given.get(name) ?? []), value]);
    }
    const result = readControllerSettings(given, {});
    assert.ok('settings' in result, JSON.stringify(result));
    return result.settings;
  }

  /** Number of the container port with this name. */
  port(name: string | number | object | undefined): number | undefined {
    return this.container.ports?.find((port) => port.name === name || port.containerPort === name)?.containerPort;
  }
}
