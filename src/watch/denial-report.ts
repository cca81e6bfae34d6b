/** Says, once in the log and as a Problem while it lasts, which resource cannot be read, what is lost, and what to grant. */
import type { Logger } from '../log/logger.ts';
import type { Problem } from '../model/problem.ts';
import { KubeApiError } from './kube-error.ts';
import { describeGrant, type KubernetesResource } from './kubernetes-resources.ts';
import type { ResourceWatch } from './resource-watch.ts';
import type { RetainedObjects } from './retained-objects.ts';
import type { SnapshotBuilder, SnapshotKind } from './snapshot.ts';

export interface DenialReportOptions {
  readonly logger: Logger;
  readonly builder: SnapshotBuilder;
  readonly retained: RetainedObjects;
  readonly ingressClass: string;
  readonly controllerName: string;
}

export class DenialReport {
  readonly #options: DenialReportOptions;
  /** Those in the log. */
  readonly #reported: Set<string>;

  constructor(options: DenialReportOptions) {
    this.#options = options;
    this.#reported = new Set();
  }

  /**
   * Brings Problems in line with the state of `watch`; `serving` = there is a snapshot already. Returns the Problem that
   * keeps us from having one, if it is new.
   */
  update(watch: ResourceWatch, serving: boolean): Problem | null {
    const { logger, builder, retained } = this.#options;
    const { resource } = watch;
    let blocking: Problem | null = null;
    for (const scope of watch.scopes) {
      const { namespace, reflector } = scope;
      const { denied, synced } = reflector.status();
      const owner = ownerOf(resource, namespace);
      if (denied === null) {
        builder.setProblems(owner, []);
        if (this.#reported.delete(owner)) {
          logger.info('kubernetes resource can be read again', { resource: resource.plural, namespace });
        }
        continue;
      }
      const known = synced || retained.has(scope) || (serving && resource.required);
      const problem = this.#describe(resource, namespace, denied, known);
      builder.setProblems(owner, [problem]);
      if (this.#reported.has(owner)) continue;
      this.#reported.add(owner);
      const fields = { resource: resource.plural, namespace, problem: problem.message };
      if (problem.severity === 'rejected') {
        blocking = problem;
        logger.error('kubernetes resource cannot be read', fields);
      } else {
        logger.warn('kubernetes resource cannot be read', fields);
      }
    }
    return blocking;
  }

  /** `watch` has ended, and with it what was wrong. */
  forget(watch: ResourceWatch): void {
    for (const { namespace } of watch.scopes) {
      const owner = ownerOf(watch.resource, namespace);
      this.#reported.delete(owner);
      this.#options.builder.setProblems(owner, []);
    }
  }

  #describe(resource: KubernetesResource<SnapshotKind>, namespace: string, denied: unknown, known: boolean): Problem {
    const scope = namespace === '' ? 'in the whole cluster' : `in namespace ${namespace}`;
    const answer = denied instanceof Error ? denied.message : String(denied);
    const absent = denied instanceof KubeApiError && denied.status === 404;
    const remedy = absent
      ? `the server has no ${resource.apiPath}/${resource.plural}; Kubernetes 1.19 or later is needed`
      : describeGrant(resource, namespace);
    return {
      code: 'resource-denied',
      severity: resource.required && !known ? 'rejected' : 'warning',
      source: { kind: resource.kind, namespace, name: '*' },
      field: '',
      message: `cannot list and watch ${resource.plural} ${scope} (${answer}): ${this.#consequence(resource, known)}; ${remedy}`,
      location: null,
    };
  }

  #consequence(resource: KubernetesResource<SnapshotKind>, known: boolean): string {
    if (known) return 'what was known stays in force';
    if (resource.required) return 'nothing is served without them';
    if (resource.kind !== 'IngressClass') return 'certificates are missing';
    const { ingressClass, controllerName } = this.#options;
    return `an Ingress is taken for ours by the class name "${ingressClass}" alone, without asking for ${controllerName}`;
  }
}

function ownerOf(resource: KubernetesResource<SnapshotKind>, namespace: string): string {
  return `denied ${resource.plural} ${namespace}`;
}
