/** What crosses from the control plane to a worker where only a part of the configuration changes. Plain data, like all that does. */
import type { CertificateConfig, RouteConfig, UpstreamConfig, UpstreamId } from './proxy-config.ts';

/** Turns the configuration `base` into `generation`. Listeners are the same in both, and every route is served on all of them. */
export interface ConfigPatch {
  /** The generation it must be applied to, and to no other. */
  readonly base: number;
  readonly generation: number;
  /** Each host with any difference. */
  readonly hosts: readonly HostRoutes[];
  /** New or changed ones. Routes in `hosts` may refer to others that run already. */
  readonly upstreams: readonly UpstreamConfig[];
  readonly removedUpstreams: readonly UpstreamId[];
  /** Null = the same as before. */
  readonly certificates: CertificatePatch | null;
}

export interface HostRoutes {
  /** As in `RouteConfig`. */
  readonly host: string;
  /** All routes of the host, in order; none = nothing serves it any more. */
  readonly routes: readonly RouteConfig[];
}

export interface CertificatePatch {
  /** Ids of all certificates, in order. */
  readonly ids: readonly string[];
  /** New or changed ones. */
  readonly changed: readonly CertificateConfig[];
}

/** As it crosses: one text for all workers, where each would have its own copy made of the objects. */
export interface WrittenPatch {
  readonly base: number;
  readonly text: string;
}

export function writePatch(patch: ConfigPatch): WrittenPatch {
  return { base: patch.base, text: JSON.stringify(patch) };
}

export function readPatch({ text }: WrittenPatch): ConfigPatch {
  return JSON.parse(text) as ConfigPatch;
}
