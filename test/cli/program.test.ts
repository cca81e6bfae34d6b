/** What the command line takes, and what it says to everything else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputStreams } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';

interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Result> {
  const written = { stdout: '', stderr: '' };
  const io: OutputStreams = {
    stdout: { write: (text) => void (written.stdout += text) },
    stderr: { write: (text) => void (written.stderr += text) },
  };
  const exitCode = await runProgram(args, environment, io);
  return { exitCode, ...written };
}

test('--version prints the version and exits 0', async () => {
  const { exitCode, stdout } = await run(['--version']);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('--help names every command, the environment and examples', async () => {
  const { exitCode, stdout } = await run(['--help']);
  assert.equal(exitCode, 0);
  for (const word of ['controller', 'serve', 'check', 'explain', 'canary', 'SLUICE_', 'Examples:'])
    assert.ok(stdout.includes(word), word);
});

const helpCases: readonly (readonly [string, readonly RegExp[]])[] = [
  [
    'controller',
    [/--kubeconfig <file>/, /--watch-namespace/, /default: json/, /default: 443/, /SIGTERM/, /Exit codes/],
  ],
  [
    'serve',
    [/--config <file>/, /--manifests <path>/, /default:\s+127\.0\.0\.1/, /default: off/, /Listeners:/, /Exit codes/],
  ],
  ['check', [/--output <text\|json>/, /1 {2}something is rejected/]],
  ['explain', [/-X, --method <method>/, /-H, --header/, /--admin <url>/, /1 {2}none does/]],
  ['canary status', [/--admin <url>/, /default: http:\/\/127\.0\.0\.1:10254/, /--watch/, /1 {2}one was, or has/]],
];

for (const [command, patterns] of helpCases) {
  test(`${command} --help shows flags, defaults, exit codes and examples`, async () => {
    const { exitCode, stdout } = await run([...command.split(' '), '--help']);
    assert.equal(exitCode, 0);
    for (const pattern of patterns) assert.match(stdout, pattern);
    assert.match(stdout, new RegExp(`Examples:\\n {2}sluice ${command}`));
    assert.doesNotMatch(stdout, /preset/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 120, line);
  });
}

test('an unknown flag is refused with exit code 2 and the nearest one', async () => {
  const { exitCode, stderr, stdout } = await run(['serve', '--htt-port', '80']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /unknown option '--htt-port'[^]*Did you mean --http-port\?/);
  assert.equal(stdout, '');
});

test('an unknown command is refused with exit code 2 and the nearest one', async () => {
  const { exitCode, stderr } = await run(['explane']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /Did you mean explain\?/);
});

test('no command at all shows the help and exits 2', async () => {
  const { exitCode, stderr } = await run([]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /Usage: sluice/);
});

test('a flag without its value and an argument too many are refused', async () => {
  assert.equal((await run(['serve', '--config'])).exitCode, 2);
  assert.equal((await run(['check', '--config', 'a.yaml', 'b.yaml'])).exitCode, 2);
});

test('wrong values are listed one a line, from flags and environment', async () => {
  const { exitCode, stderr } = await run(['serve', '--config', 'a', '--http-port', 'x'], { SLUICE_WORKERS: 'many' });
  assert.equal(exitCode, 2);
  assert.equal(
    stderr,
    'error: SLUICE_WORKERS: expected "auto" or an integer from 1 to 1024, got "many"\n' +
      'error: --http-port: expected an integer from 0 to 65535, got "x"\n',
  );
});
