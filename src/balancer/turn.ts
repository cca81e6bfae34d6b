/**
 * When one endpoint is due, for `algorithms/smooth-weighted-round-robin.ts`, which explains the windows.
 * Hot: part of `bench/micro/balancer.bench.ts`.
 */
import type { Endpoint } from './endpoint.ts';

/** Ends a list of places. */
export const NOBODY = -1;

/**
 * Fractions of a slot are whole numbers of 1 / (w · FINENESS) slots: exact, no rounding dust from scaling to and fro, and
 * no boxed doubles, which would cost 16 bytes a pick.
 */
export const FINENESS: number = 2 ** 16;

/** The windows of one endpoint. Times are a whole number of slots and a rest, counted in 1 / `fineWeight` of a slot. */
export class Turn {
  readonly endpoint: Endpoint;
  /** Weight times FINENESS. */
  fineWeight: number;
  windowSlots: number;
  windowRest: number;
  /** Begin of the first window that was not served. */
  opensAt: number;
  opensAtRest: number;
  /** The place behind this one in its bucket. */
  next: number;
  tie: number;
  /** Picks it is behind its share of the picks made while it was there, below 0 ahead of it. As of the last rebuild. */
  lag: number;

  constructor(endpoint: Endpoint, lag: number) {
    this.endpoint = endpoint;
    this.fineWeight = FINENESS;
    this.windowSlots = 0;
    this.windowRest = 0;
    this.opensAt = 0;
    this.opensAtRest = 0;
    this.next = NOBODY;
    this.tie = 0;
    this.lag = lag;
  }

  /** The first slot that lies wholly behind the window. */
  get closesAt(): number {
    const rest = this.opensAtRest + this.windowRest;
    const roundedUp = rest > this.fineWeight ? 2 : 1;
    return this.opensAt + this.windowSlots + (rest === 0 ? 0 : roundedUp);
  }

  toNextWindow(): void {
    const rest = this.opensAtRest + this.windowRest;
    const carry = rest >= this.fineWeight ? 1 : 0;
    this.opensAtRest = rest - carry * this.fineWeight;
    this.opensAt += this.windowSlots + carry;
  }
}
