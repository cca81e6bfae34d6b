/** What the requests of this worker have told about one endpoint. Numbers only; `outlier-detector.ts` makes sense of them. */
import type { EjectionReason } from '../model/outlier-detection.ts';

/** It takes requests like any other. */
export const IN_SERVICE = 0;
/** Until `untilMs` it gets no requests. */
export const EJECTED = 1;
/** Its time is over: one request may try it. */
export const TRIAL_DUE = 2;
/** That request is under way. */
export const ON_TRIAL = 3;

export class PassiveHealth {
  /** Of endpoints of which no request has told anything yet: never to be written to. `OutlierDetector` gives them their own. */
  static readonly UNTOLD: PassiveHealth = new PassiveHealth();

  phase: number;
  /** Of the present or last ejection; null = never. */
  reason: EjectionReason | null;
  /** When the phase began. */
  sinceMs: number;
  untilMs: number;
  /** Ejections that still count for the length of the next. */
  level: number;
  connectFailures: number;
  gatewayFailures: number;
  serverErrors: number;
  /** Decided here, so that the sum over workers counts each once. */
  readonly ejections: Record<EjectionReason, number>;
  /** In the interval under way. */
  requests: number;
  successes: number;

  constructor() {
    this.phase = IN_SERVICE;
    this.reason = null;
    this.sinceMs = 0;
    this.untilMs = 0;
    this.level = 0;
    this.connectFailures = 0;
    this.gatewayFailures = 0;
    this.serverErrors = 0;
    this.ejections = { 'connect-failures': 0, 'gateway-failures': 0, 'server-errors': 0, 'success-rate': 0 };
    this.requests = 0;
    this.successes = 0;
  }

  get ejected(): boolean {
    return this.phase !== IN_SERVICE;
  }

  forgetStreaks(): void {
    this.connectFailures = 0;
    this.gatewayFailures = 0;
    this.serverErrors = 0;
  }

  forgetInterval(): void {
    this.requests = 0;
    this.successes = 0;
  }
}
