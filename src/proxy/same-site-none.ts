/** Browsers that take a cookie with `SameSite=None` for a strict one, or for none at all, as the nginx dialect lists them. */

const NAMES: readonly string[] = ['Chrome/4', 'Chrome/5', 'Chrome/6', 'CPU iPhone OS 12', 'iPad; CPU OS 12'];
const OLD_MAC = 'Intel Mac OS X 10_14';

export function isConfusedBySameSiteNone(userAgent: string): boolean {
  if (NAMES.some((name) => userAgent.includes(name))) return true;
  const isSafari = userAgent.includes('Safari') && !userAgent.includes('Chrome');
  const mac = userAgent.indexOf('Macintosh');
  return isSafari && mac !== -1 && userAgent.includes(OLD_MAC, mac);
}
