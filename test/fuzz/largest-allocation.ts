/** Notes the largest buffer anything in this process asked for outside of the pool, as the buffers of heads are. */

export const largestAllocation: { bytes: number } = { bytes: 0 };

const allocate = Buffer.allocUnsafeSlow.bind(Buffer);

Buffer.allocUnsafeSlow = (bytes: number) => {
  if (bytes > largestAllocation.bytes) largestAllocation.bytes = bytes;
  return allocate(bytes);
};
