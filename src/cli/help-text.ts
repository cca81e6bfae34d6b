/** The words of `--help`: what each command is for, examples, environment variables and exit codes. */
import type { Mode } from './flag.ts';

export const PROGRAM: string =
  'Edge ingress and service load balancer: a Kubernetes Ingress controller, a standalone reverse proxy,\n' +
  'and weighted, header- or cookie-driven canary releases in front of either.';

const ENVIRONMENT = `
Environment:
  Each flag also reads SLUICE_<FLAG>: upper case, "-" becomes "_" (SLUICE_HTTP_PORT=8080).
  A flag beats its variable; an empty variable counts as absent; repeatable flags take a comma-separated list.
`;

export const PROGRAM_FOOTER: string = `${ENVIRONMENT}
Examples:
  sluice serve --config sluice.yaml                     a reverse proxy from one file, reloaded when it changes
  sluice serve --manifests ./k8s --log-format text      Kubernetes manifests without a cluster
  sluice controller --ingress-class nginx --controller-name k8s.io/ingress-nginx
  sluice check --manifests ./k8s                        what would be rejected or ignored, with file and line
  sluice explain --url http://shop.example/cart -H 'X-Canary: always' --config sluice.yaml
  sluice canary status --watch                          where releases stand, until none is under way

sluice <command> --help lists the flags of a command.`;

export const CANARY = 'follow canaries whose share a plan raises';

interface CommandHelp {
  readonly summary: string;
  readonly description: string;
  readonly footer: string;
}

export const COMMANDS: Readonly<Record<Mode, CommandHelp>> = {
  controller: {
    summary: 'serve the Ingresses of a Kubernetes cluster',
    description:
      'Serve the Ingresses of a Kubernetes cluster. Credentials come from the service account of the pod, or from --kubeconfig.\n' +
      'Changes of endpoints and routes take effect without closing a connection.',
    footer: `${ENVIRONMENT}
Signals:
  SIGTERM and SIGINT stop accepting, finish open requests (--drain-timeout) and exit 0. A second one exits at once.
  SIGTERM first waits for --shutdown-delay, in which everything but /readyz goes on.

Exit codes:
  0  stopped by a signal      1  could not start or stay up      2  wrong flag or variable

Examples:
  sluice controller
  sluice controller --kubeconfig ~/.kube/config --watch-namespace shop --watch-namespace blog
  sluice controller --ingress-class nginx --controller-name k8s.io/ingress-nginx --publish-service ingress/sluice`,
  },
  serve: {
    summary: 'serve what a file or a directory of manifests describes',
    description:
      'Serve what a static configuration file (--config) or Kubernetes manifests on disk (--manifests) describe.\n' +
      'Files are watched; an invalid edit is reported and the running configuration stays.',
    footer: `${ENVIRONMENT}
Signals:
  SIGTERM and SIGINT stop accepting, finish open requests (--drain-timeout) and exit 0. A second one exits at once.
  SIGTERM first waits for --shutdown-delay, in which everything but /readyz goes on.

Exit codes:
  0  stopped by a signal      1  could not start or stay up      2  wrong flag or variable

Examples:
  sluice serve --config sluice.yaml
  sluice serve --config sluice.yaml --http-port 80 --https-port 443 --access-log text
  sluice serve --manifests ./k8s --ingress-class sluice --log-format text`,
  },
  check: {
    summary: 'report what is wrong with a configuration, with file and line',
    description:
      'Read a configuration as serve would, and report everything that would be rejected or not served as written:\n' +
      'file:line:column: rejected|warning code: message (object, field).',
    footer: `${ENVIRONMENT}
Exit codes:
  0  nothing is rejected (there may be warnings)      1  something is rejected      2  cannot read, or wrong flag

Examples:
  sluice check --config sluice.yaml
  sluice check --manifests ./k8s --ingress-class nginx --output json`,
  },
  explain: {
    summary: 'say which route takes a request, where it goes, and why',
    description:
      'Say which route, split and upstream take a request, what is set for that upstream (hash key, limits, retry budget,\n' +
      'backup, health check, affinity), and why the other routes do not take it. Nothing is sent anywhere;\n' +
      'with --admin the running configuration and the health of its endpoints are asked from a sluice process.',
    footer: `${ENVIRONMENT}
Exit codes:
  0  a route takes the request      1  none does (404)      2  cannot read, or wrong flag

Examples:
  sluice explain --url http://shop.example/cart --config sluice.yaml
  sluice explain --url https://shop.example/ -H 'Cookie: canary=always' --manifests ./k8s
  sluice explain --url http://shop.example/pay -X POST --admin http://127.0.0.1:10254 --output json`,
  },
  'canary status': {
    summary: 'say where releases stand, what they wait for, and how the canary does',
    description:
      'Say where each release of a running sluice stands, what its next step waits for, and how canary and stable do since\n' +
      'the step began. With --watch it looks again every second and ends when no release is under way.',
    footer: `${ENVIRONMENT}
Exit codes:
  0  no canary was aborted, and none has expired      1  one was, or has      2  cannot read, or wrong flag

Examples:
  sluice canary status
  sluice canary status --admin http://127.0.0.1:10254 --watch
  sluice canary status --output json`,
  },
};
