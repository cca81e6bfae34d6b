/** Makes a failing input small enough to read. */

/** Cuts pieces out as long as the input still fails, from halves down to single bytes; never more than `maxTrials` tries. */
export function minimise(input: Buffer, fails: (candidate: Buffer) => boolean, maxTrials: number): Buffer {
  let smallest = input;
  let trials = 0;
  for (let piece = smallest.length >> 1; piece >= 1; piece >>= 1) {
    for (let at = 0; at < smallest.length && trials < maxTrials; trials++) {
      const candidate = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + piece)]);
      if (fails(candidate)) smallest = candidate;
      else at += piece;
    }
  }
  return smallest;
}
