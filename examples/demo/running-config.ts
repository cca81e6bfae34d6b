/** Asks the admin port of Sluice what is in force now. */

interface ConfigDump {
  readonly routes?: readonly {
    readonly split: { readonly canaries: readonly { readonly weight: number; readonly weightTotal: number }[] };
  }[];
}

/** `20 of 100`; `none` without a canary; empty when nobody answers, as while Sluice stops. */
export async function readCanaryWeight(adminPort: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${adminPort}/debug/config`);
    const { routes = [] } = (await response.json()) as ConfigDump;
    const canary = routes.flatMap(({ split }) => split.canaries)[0];
    return canary === undefined ? 'none' : `${canary.weight} of ${canary.weightTotal}`;
  } catch {
    return '';
  }
}
