/** Flags of the admission webhook. */
import { defineFlag, type Flag } from './flag.ts';
import * as parse from './flag-parsers.ts';
import { isServiceLink } from './process-flags.ts';

const WEBHOOK = 'Admission webhook:';

export const webhookPortFlag: Flag<number | null> = defineFlag<number | null>(
  {
    name: 'webhook-port',
    placeholder: '<port>',
    group: WEBHOOK,
    doc: 'Port of the admission webhook, on the address of --bind; 0 = any free one. Without it there is none.',
    parse: parse.parsePort,
    // A Service named sluice-webhook is what this port is for.
    ignoreInEnvironment: isServiceLink,
  },
  null,
);

export const webhookCertDirFlag: Flag<string> = defineFlag(
  {
    name: 'webhook-cert-dir',
    placeholder: '<dir>',
    group: WEBHOOK,
    doc: 'Directory of tls.crt and tls.key, as a mounted Secret has them. They are read again when they change.',
    parse: parse.parseText('a directory'),
  },
  '',
);

export const WEBHOOK_FLAGS: readonly Flag<unknown>[] = [webhookPortFlag, webhookCertDirFlag];
