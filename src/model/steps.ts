/** Work that others may interrupt between two of its steps; what it returns is there after the last one. */
export type Steps<T> = Generator<undefined, T>;

/** All of it at once. */
export function takeAll<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
