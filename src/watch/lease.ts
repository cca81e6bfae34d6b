/** The `coordination.k8s.io/v1` Lease that an election is about: reading an untyped one, and writing ours. */
import { asRecord } from './kube-error.ts';
import { toMicroTime } from './micro-time.ts';
import type { JsonRecord } from './narrow-object.ts';

export interface Lease {
  /** Empty: nobody; it was given back. */
  readonly holder: string;
  /** How long the holder may be silent. */
  readonly durationMs: number;
  readonly transitions: number;
  /** Equal for two readings between which nobody touched the record, whatever happened to labels. */
  readonly record: string;
  /** As read, for writing it back: a newer server knows fields that we do not. */
  readonly raw: JsonRecord;
}

/** Whoever writes nonsense there must not keep everybody from leading for years. */
const MAX_DURATION_S = 600;
const DEFAULT_DURATION_S = 15;

export function readLease(raw: unknown): Lease {
  const lease = asRecord(raw);
  const spec = asRecord(lease['spec']);
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = spec;
  const seconds = isPositive(leaseDurationSeconds) ? leaseDurationSeconds : DEFAULT_DURATION_S;
  return {
    holder: typeof holderIdentity === 'string' ? holderIdentity : '',
    durationMs: Math.min(seconds, MAX_DURATION_S) * 1000,
    transitions: isPositive(leaseTransitions) ? leaseTransitions : 0,
    record: JSON.stringify(spec),
    raw: lease,
  };
}

export interface LeaseClaim {
  readonly holder: string;
  readonly durationMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function newLease(name: string, namespace: string, claim: LeaseClaim): JsonRecord {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: { ...toSpec(claim), acquireTime: toMicroTime(claim.now), leaseTransitions: 0 },
  };
}

/** With the resource version as it was read: a lease that changed meanwhile is not overwritten. */
export function takeOver(lease: Lease, claim: LeaseClaim): JsonRecord {
  const acquireTime = toMicroTime(claim.now);
  return withSpec(lease, { ...toSpec(claim), acquireTime, leaseTransitions: lease.transitions + 1 });
}

export function renew(lease: Lease, claim: LeaseClaim): JsonRecord {
  return withSpec(lease, toSpec(claim));
}

/** For whoever comes next, who then need not wait. */
export function giveBack(lease: Lease, now: number): JsonRecord {
  return withSpec(lease, toSpec({ holder: '', durationMs: 1000, now }));
}

function toSpec({ holder, durationMs, now }: LeaseClaim): JsonRecord {
  const leaseDurationSeconds = Math.ceil(durationMs / 1000);
  return { holderIdentity: holder, leaseDurationSeconds, renewTime: toMicroTime(now) };
}

function withSpec(lease: Lease, spec: JsonRecord): JsonRecord {
  return { ...lease.raw, spec: { ...asRecord(lease.raw['spec']), ...spec } };
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}
