/** Whether end-to-end tests can run in this process. `e2e-namespace.ts` makes the place for them. */

/** Set by `e2e-namespace.ts` inside the network namespace it made. */
export const E2E_NAMESPACE_VARIABLE = 'SLUICE_E2E_NAMESPACE';

/** Directory with `etcd` and `kube-apiserver`; empty = there is none. */
export const envtestAssets: string = process.env['KUBEBUILDER_ASSETS'] ?? '';

/** For the `skip` option of a test: false = run it. */
export const e2eSkip: string | false =
  envtestAssets === ''
    ? 'KUBEBUILDER_ASSETS is not set'
    : process.env[E2E_NAMESPACE_VARIABLE] === undefined
      ? 'needs a network namespace of its own: npm run test:e2e'
      : false;

/** Local inside the namespace, up to 10.77.255.255: pods listen here, because API servers refuse loopback endpoints. */
export function podAddress(index: number): string {
  return `10.77.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
}
