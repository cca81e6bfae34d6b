/** Which flags each command has. Those that only `check` and `explain` know, and the configuration sources, are defined here. */
import { CLIENT_FLAGS } from './client-flags.ts';
import { defineFlag, type Flag, type Mode } from './flag.ts';
import * as parse from './flag-parsers.ts';
import { CONTROLLER_FLAGS, INGRESS_FLAGS } from './ingress-flags.ts';
import { PROCESS_FLAGS } from './process-flags.ts';
import { WEBHOOK_FLAGS } from './webhook-flags.ts';

const SOURCE = 'Configuration source:';
const PROCESS = 'Process:';
const REQUEST = 'Request:';
const OUTPUT = 'Output:';

export const configFlag: Flag<string> = defineFlag(
  {
    name: 'config',
    placeholder: '<file>',
    group: SOURCE,
    doc: 'Static configuration file (YAML).',
    parse: parse.parseText('a file name'),
  },
  '',
);

export const manifestsFlag: Flag<string> = defineFlag(
  {
    name: 'manifests',
    placeholder: '<path>',
    group: SOURCE,
    doc: 'Directory or file of Ingress, Service, EndpointSlice and Secret manifests.',
    parse: parse.parseText('a directory or file'),
  },
  '',
);

export const releaseStateFlag: Flag<string> = defineFlag(
  {
    name: 'release-state',
    placeholder: '<file|off>',
    group: SOURCE,
    doc: 'File for the progress of releases, so that they go on after a restart. Without it: the path of --config or --manifests with .releases.json behind it. off: kept in memory only.',
    parse: parse.parseText('a file name or "off"'),
  },
  '',
);

export const adminFlag: Flag<string> = defineFlag(
  {
    name: 'admin',
    placeholder: '<url>',
    group: SOURCE,
    doc: 'Admin port of a running sluice, like http://127.0.0.1:10254. Its health is taken into account.',
    parse: parse.parseHttpUrl,
  },
  '',
);

export const outputFlag: Flag<'text' | 'json'> = defineFlag(
  {
    name: 'output',
    placeholder: '<text|json>',
    group: OUTPUT,
    doc: 'text: for people; json: for programs.',
    parse: parse.parseWord(['text', 'json']),
  },
  'text',
);

export const urlFlag: Flag<string> = defineFlag(
  {
    name: 'url',
    placeholder: '<url>',
    group: REQUEST,
    doc: 'URL of the request to explain. Required.',
    parse: parse.parseHttpUrl,
  },
  '',
);

export const methodFlag: Flag<string> = defineFlag(
  {
    name: 'method',
    short: 'X',
    placeholder: '<method>',
    group: REQUEST,
    doc: 'Method of the request.',
    parse: parse.parseMethod,
  },
  'GET',
);

export const headerFlag: Flag<{ readonly name: string; readonly value: string }> = defineFlag(
  {
    name: 'header',
    short: 'H',
    placeholder: '<"name: value">',
    group: REQUEST,
    doc: 'Header of the request. Repeatable (in the environment: one a line).',
    parse: parse.parseHeader,
    // Header values hold commas, so the environment form needs another separator.
    separator: '\n',
    fallbackText: () => '',
  },
  { name: '', value: '' },
);

export const clientIpFlag: Flag<string> = defineFlag(
  {
    name: 'client-ip',
    placeholder: '<address>',
    group: REQUEST,
    doc: 'IP address that the client would have.',
    parse: parse.parseAddress,
  },
  '127.0.0.1',
);

export const canaryAdminFlag: Flag<string> = defineFlag(
  {
    name: 'admin',
    placeholder: '<url>',
    group: PROCESS,
    doc: 'Admin port of a running sluice.',
    parse: parse.parseHttpUrl,
  },
  'http://127.0.0.1:10254',
);

export const watchFlag: Flag<boolean> = defineFlag(
  {
    name: 'watch',
    placeholder: '[true|false]',
    group: OUTPUT,
    doc: 'Look again every second, until no release is under way.',
    parse: parse.parseBoolean,
  },
  false,
);

/** The flags of each command, in the order of its help. */
export const FLAGS: Readonly<Record<Mode, readonly Flag<unknown>[]>> = {
  controller: [...CONTROLLER_FLAGS, ...WEBHOOK_FLAGS, ...INGRESS_FLAGS, ...PROCESS_FLAGS, ...CLIENT_FLAGS],
  serve: [configFlag, manifestsFlag, releaseStateFlag, ...INGRESS_FLAGS, ...PROCESS_FLAGS, ...CLIENT_FLAGS],
  check: [configFlag, manifestsFlag, ...INGRESS_FLAGS, outputFlag],
  explain: [
    urlFlag,
    methodFlag,
    headerFlag,
    clientIpFlag,
    configFlag,
    manifestsFlag,
    adminFlag,
    ...INGRESS_FLAGS,
    outputFlag,
  ],
  'canary status': [canaryAdminFlag, watchFlag, outputFlag],
};
