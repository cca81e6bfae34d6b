/** Decides whether the `externalName` of a Service may be connected to: whoever writes it must not reach this machine. */

/** Null when usable; else what is wrong with it. */
export function externalNameFault(externalName: string): string | null {
  const name = externalName.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return `externalName "${name}" is this machine`;
  if (!isDnsName(name)) return `externalName "${name.slice(0, 253)}" is not a dns name`;
  const labels = name.split('.');
  if (!isNumeric(labels.at(-1) ?? '')) return null;
  // Resolvers read `127.1`, `0x7f000001` and `017700000001` as addresses, so only the plain form can be judged.
  const bytes = toIpv4Bytes(labels);
  if (bytes === null) return `externalName "${name}" is neither a dns name nor an ipv4 address`;
  return isOwnAddress(bytes) ? `externalName "${name}" is a loopback, link-local or unspecified address` : null;
}

function isDnsName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= 253 &&
    name.split('.').every((label) => label.length <= 63 && /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(label))
  );
}

/** The last label of a real DNS name is never a number. */
function isNumeric(label: string): boolean {
  return /^(?:\d+|0x[0-9a-f]*)$/.test(label);
}

function toIpv4Bytes(labels: readonly string[]): readonly number[] | null {
  if (labels.length !== 4) return null;
  const bytes = labels.map((label) => (/^(?:0|[1-9]\d{0,2})$/.test(label) ? Number(label) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function isOwnAddress(bytes: readonly number[]): boolean {
  const [first, second] = bytes;
  return first === 0 || first === 127 || (first === 169 && second === 254);
}
