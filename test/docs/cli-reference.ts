/** Prints `docs/reference/cli.md` from the table of flags and the words of `--help`. */
import { type Flag, type Mode, toEnvironmentName } from '../../src/cli/flag.ts';
import { FLAGS } from '../../src/cli/flag-list.ts';
import { COMMANDS } from '../../src/cli/help-text.ts';

const MODES: readonly Mode[] = ['controller', 'serve', 'check', 'explain', 'canary status'];

export function renderCliReference(): string {
  return [
    '<!-- Generated: node --test --test-update-snapshots test/docs/reference.test.ts -->',
    '# Commands and flags',
    '',
    'Each flag also reads an environment variable: `SLUICE_` and its name in upper case, with `_` for `-`. A flag beats its',
    'variable, and an empty variable counts as absent. Flags that may be repeated take a comma-separated list there.',
    '',
    ...MODES.flatMap(renderCommand),
  ].join('\n');
}

function renderCommand(mode: Mode): readonly string[] {
  const groups = new Set(FLAGS[mode].map(({ group }) => group));
  return [
    `## \`sluice ${mode}\``,
    '',
    COMMANDS[mode].description,
    '',
    ...[...groups].flatMap((group) => renderGroup(mode, group)),
    '```',
    ...withoutEnvironment(COMMANDS[mode].footer),
    '```',
    '',
  ];
}

function renderGroup(mode: Mode, group: string): readonly string[] {
  const flags = FLAGS[mode].filter((flag) => flag.group === group);
  const head = ['| Flag | Variable | Default | Meaning |', '|---|---|---|---|'];
  return [`### ${group.replace(':', '')}`, '', ...head, ...flags.map((flag) => renderFlag(mode, flag)), ''];
}

function renderFlag(mode: Mode, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `;
  const fallback = flag.fallbackText(mode);
  const cells = [
    `\`${short}--${flag.name} ${flag.placeholder}\``,
    `\`${toEnvironmentName(flag.name)}\``,
    fallback === '' ? '' : `\`${fallback}\``,
    flag.doc,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** What it says about the environment stands once, at the top of the page. */
function withoutEnvironment(footer: string): readonly string[] {
  const sections = footer.trim().split('\n\n');
  return sections
    .filter((section) => !section.startsWith('Environment:'))
    .join('\n\n')
    .split('\n');
}
