/** Whether a certificate with these DNS names is good for a host; `*.example.com` stands for exactly one label (RFC 9525 §6.3). */
export function certificateCovers(dnsNames: readonly string[], host: string): boolean {
  if (dnsNames.includes(host)) return true;
  const dot = host.indexOf('.');
  // A wildcard host is covered by the same wildcard alone: nothing wider may stand for it.
  return dot > 0 && !host.startsWith('*') && dnsNames.includes(`*${host.slice(dot)}`);
}
