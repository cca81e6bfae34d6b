/**
 * How much a worker may allocate before its short-lived objects are collected. A request leaves some kilobytes of text behind
 * and nothing that lives on, so each collection costs the same however much garbage there is: fewer are cheaper
 * (`docs/adr/0021-large-young-generations.md`).
 */
import { setFlagsFromString } from 'node:v8';

/** Of one half-space; it begins at the first and may grow to the second. V8 begins at 1 and grows to 16. */
const INITIAL_MEGABYTES = 16;
const MAX_MEGABYTES = 32;

/** Holds for threads started from now on. */
export function enlargeYoungGenerations(): void {
  setFlagsFromString(`--min-semi-space-size=${INITIAL_MEGABYTES}`);
  setFlagsFromString(`--max-semi-space-size=${MAX_MEGABYTES}`);
}
