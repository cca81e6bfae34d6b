/** What the demo tells people to try. The block is valid shell: comments and commands that can be pasted line by line. */
import { isAbsolute, relative } from 'node:path';
import { SLUICE_MAIN } from './sluice-process.ts';

export interface InstructionFacts {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly adminPort: number;
  /** Path of canary-ingress.yaml. */
  readonly canaryFile: string;
}

export function renderInstructions({ httpPort, httpsPort, adminPort, canaryFile }: InstructionFacts): string {
  const url = `http://127.0.0.1:${httpPort}/`;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const sluice = `${toShellPath(process.execPath)} ${toShellPath(SLUICE_MAIN)}`;
  return `
In a browser:    ${url}    https://127.0.0.1:${httpsPort}/ (self-signed)
Admin:           ${adminUrl}/readyz  /metrics  /debug/config

In another terminal:

# one request: four of five go to stable, one to the canary
curl -s ${url}
# a header decides, and so does a cookie
curl -s -H 'X-Canary: always' ${url}
curl -s -H 'X-Canary: never' ${url}
curl -s --cookie canary=always ${url}
# the split of 20 requests
for i in $(seq 20); do curl -s ${url}; done | sort | uniq -c
# the same over TLS
curl -sk https://127.0.0.1:${httpsPort}/
# which rule takes a request, and why
${sluice} explain --url ${url} -H 'X-Canary: always' --admin ${adminUrl}
# counted by route and upstream
curl -s ${adminUrl}/metrics | grep ^sluice_split_requests_total
# takes 2 seconds; press Ctrl-C here meanwhile: it is still answered
curl -s ${url}slow
# then change canary-weight in this file and save: the split follows, and no connection is closed
ls ${toShellPath(canaryFile)}
# or write sluice.dev/canary-plan: "10%/20s, 50%/20s, 100%" there instead of the weight: the share grows by itself
${sluice} canary status --watch --admin ${adminUrl}

Ctrl-C stops everything.
`;
}

/** Relative where that is shorter, quoted where a shell would misread it. */
function toShellPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  const shown = fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
  return /^[\w./@+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}
