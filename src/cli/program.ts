/**
 * The command line: splits it with commander, reads settings, runs the command and returns the exit code. What a command
 * needs is imported when it runs, so that `--help` and `check` do not load the data plane.
 */
import { Command, CommanderError, Option } from 'commander';
import { createLogger } from '../log/logger.ts';
import type { Environment, Flag, GivenFlags, Mode } from './flag.ts';
import { FLAGS } from './flag-list.ts';
import * as help from './help-text.ts';
import { EXIT_USAGE, type OutputStreams } from './output.ts';
import {
  readCanaryStatusSettings,
  readCheckSettings,
  readControllerSettings,
  readExplainSettings,
  readServeSettings,
  type SettingsResult,
} from './settings.ts';
import { readVersion } from './version.ts';

const HELP_WIDTH = 110;

const MODES: readonly Mode[] = ['controller', 'serve', 'check', 'explain', 'canary status'];

type Run = (given: GivenFlags) => Promise<number>;

/** Never throws for anything a user typed. `args` are those after the program's name. */
export async function runProgram(
  args: readonly string[],
  environment: Environment,
  io: OutputStreams,
): Promise<number> {
  let exitCode = 0;
  const program = new Command('sluice')
    .description(help.PROGRAM)
    .version(readVersion(), '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help, also for a command: sluice serve --help.')
    .helpCommand('help [command]', 'Print help for a command.')
    .addHelpText('after', help.PROGRAM_FOOTER)
    .showHelpAfterError('(--help lists what there is)')
    // The default leaves out what commander knows of defaults and presets: our own words are in the description.
    .configureHelp({ optionDescription: (option) => option.description })
    .configureOutput({
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .exitOverride();

  const runs = commandRuns(environment, io);
  for (const mode of MODES) {
    const command = addCommand(program, mode)
      .summary(help.COMMANDS[mode].summary)
      .description(help.COMMANDS[mode].description)
      .addHelpText('after', help.COMMANDS[mode].footer)
      .allowExcessArguments(false);
    for (const flag of FLAGS[mode]) command.addOption(toOption(flag, mode));
    command.action(async () => {
      exitCode = await runs[mode](collectGiven(command, mode));
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed its message already; help and version arrive here with 0.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}

/** One of two words stands below a command of the first. */
function addCommand(program: Command, mode: Mode): Command {
  const [first = '', second] = mode.split(' ');
  if (second === undefined) return program.command(first);
  const group = program.command(first).summary(help.CANARY).description(help.CANARY);
  return group.command(second);
}

function commandRuns(environment: Environment, io: OutputStreams): Readonly<Record<Mode, Run>> {
  return {
    controller: (given) =>
      withSettings(readControllerSettings(given, environment), io, async (settings) => {
        const { runController } = await import('./run.ts');
        return runController(settings, createLogger({ level: settings.logLevel, format: settings.logFormat }));
      }),
    serve: (given) =>
      withSettings(readServeSettings(given, environment), io, async (settings) => {
        const { runServe } = await import('./run.ts');
        return runServe(settings, createLogger({ level: settings.logLevel, format: settings.logFormat }));
      }),
    check: (given) =>
      withSettings(readCheckSettings(given, environment), io, async (settings) => {
        const { runCheck } = await import('./check-command.ts');
        return runCheck(settings, io);
      }),
    explain: (given) =>
      withSettings(readExplainSettings(given, environment), io, async (settings) => {
        const { runExplain } = await import('./explain-command.ts');
        return runExplain(settings, io);
      }),
    'canary status': (given) =>
      withSettings(readCanaryStatusSettings(given, environment), io, async (settings) => {
        const { runCanaryStatus } = await import('./canary-status-command.ts');
        return runCanaryStatus(settings, io);
      }),
  };
}

async function withSettings<T>(
  result: SettingsResult<T>,
  io: OutputStreams,
  run: (settings: T) => Promise<number>,
): Promise<number> {
  if ('settings' in result) return run(result.settings);
  for (const error of result.errors) io.stderr.write(`error: ${error}\n`);
  return EXIT_USAGE;
}

function toOption(flag: Flag<unknown>, mode: Mode): Option {
  const names = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
  const fallback = flag.fallbackText(mode);
  const doc = fallback === '' ? flag.doc : `${flag.doc} (default: ${fallback})`;
  return new Option(`${names} ${flag.placeholder}`, doc)
    .helpGroup(flag.group)
    .argParser((text: string, previous: readonly string[] | undefined) => [...(previous ?? []), text])
    .preset('');
}

/** A flag without its optional value arrives as the preset, which commander also sends through the parser above. */
function collectGiven(command: Command, mode: Mode): GivenFlags {
  const values = command.opts<Record<string, readonly string[] | undefined>>();
  const given = new Map<string, readonly string[]>();
  for (const flag of FLAGS[mode]) {
    const texts = values[toPropertyName(flag.name)];
    if (texts !== undefined) given.set(flag.name, texts);
  }
  return given;
}

/** commander stores `--http-port` as `httpPort`. */
function toPropertyName(flagName: string): string {
  return flagName.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
