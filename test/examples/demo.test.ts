/** The demo does what it says: every command it prints is typed into a shell and its answer checked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Script } from 'node:vm';
import { DemoSession, runInShell } from './demo-session.ts';

interface Expectation {
  readonly name: string;
  /** Finds the printed command. */
  readonly command: RegExp;
  readonly check: (output: string) => void;
}

const BACKEND = /^(stable-1|stable-2|canary)\n$/;

const expectations: readonly Expectation[] = [
  {
    name: 'a plain request is answered by one of the backends',
    command: /^curl -s \S+:\d+\/$/,
    check: (output) => assert.match(output, BACKEND),
  },
  {
    name: 'the header takes the canary',
    command: /^curl -s -H 'X-Canary: always'/,
    check: (output) => assert.equal(output, 'canary\n'),
  },
  {
    name: 'the header refuses the canary',
    command: /^curl -s -H 'X-Canary: never'/,
    check: (output) => assert.match(output, /^stable-[12]\n$/),
  },
  {
    name: 'the cookie takes the canary',
    command: /^curl -s --cookie canary=always/,
    check: (output) => assert.equal(output, 'canary\n'),
  },
  {
    name: 'the loop counts twenty answers',
    command: /^for i in/,
    check: (output) => {
      const counts = Array.from(output.matchAll(/^ *(\d+) (?:stable-1|stable-2|canary)$/gm), ([, count]) =>
        Number(count),
      );
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        20,
      );
    },
  },
  {
    name: 'TLS works without a certificate of our own',
    command: /^curl -sk https:/,
    check: (output) => assert.match(output, BACKEND),
  },
  {
    name: 'explain names the rule and the backend',
    command: / explain --url /,
    check: (output) => assert.match(output, /header x-canary=always -> canary[^]*demo\/canary/),
  },
  {
    name: 'the metrics count both sides of the split',
    command: /\/metrics \| grep/,
    check: (output) => {
      assert.match(output, /upstream="demo\/stable\/http",canary="false"/);
      assert.match(output, /upstream="demo\/canary\/http",canary="true"/);
    },
  },
  {
    name: 'the slow page is answered in the end',
    command: /\/slow$/,
    check: (output) => assert.match(output, BACKEND),
  },
  {
    name: 'without a plan there is no release to follow',
    command: / canary status --watch /,
    check: (output) => assert.equal(output, 'no release is configured\n'),
  },
  {
    name: 'the file to edit exists',
    command: /^ls /,
    check: (output) => assert.match(output, /canary-ingress\.yaml\n$/),
  },
];

function findCommand(commands: readonly string[], wanted: RegExp): string {
  const found = commands.find((command) => wanted.test(command));
  assert.ok(found, `no command like ${wanted} among:\n${commands.join('\n')}`);
  return found;
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function isRefused(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(false);
  });
  socket.once('error', () => resolve(true));
  return promise;
}

const skip = hasCurl() ? false : 'curl is not installed, and the commands of the demo need it';

test('the demo', { skip }, async (t: TestContext) => {
  const demo = new DemoSession();
  t.after(() => demo.interrupt());
  const commands = await demo.commands();
  let socket: WebSocket | null = null;

  await t.test('every printed command is one that is checked here', () => {
    for (const command of commands) {
      assert.ok(
        expectations.some((expectation) => expectation.command.test(command)),
        command,
      );
    }
  });

  for (const { name, command, check } of expectations) {
    await t.test(name, async () => check(await runInShell(findCommand(commands, command))));
  }

  await t.test('a browser gets a page, and its WebSocket stays open', async () => {
    const url = /http:\S+/.exec(await demo.line('In a browser:'))?.[0] ?? '';
    const page = await (await fetch(url, { headers: { Accept: 'text/html' } })).text();
    assert.match(page, /<h1>(?:stable-[12]|canary)<\/h1>/);
    assert.match(page, /<td>x-forwarded-for<\/td><td>127\.0\.0\.1<\/td>/);
    const script = /<script>([^]*)<\/script>/.exec(page)?.[1] ?? '';
    assert.doesNotThrow(() => new Script(script));
    socket = new WebSocket(new URL('/socket', url));
    const [greeting] = (await once(socket, 'message')) as [MessageEvent];
    assert.match(String(greeting.data), /^(?:stable-[12]|canary): /);
  });

  await t.test('an edited weight is in force once the file is saved', async () => {
    const file = findCommand(commands, /^ls /).slice('ls '.length);
    writeFileSync(file, readFileSync(file, 'utf8').replace('canary-weight: "20"', 'canary-weight: "100"'));
    await demo.line('canary weight 100 of 100');
    const loop = findCommand(commands, /^for i in/);
    assert.match(await runInShell(loop), /^ *20 canary\n$/);
    socket?.send('still here');
    const [echo] = (await once(socket as WebSocket, 'message')) as [MessageEvent];
    assert.equal(echo.data, 'still here');
    socket?.close();
  });

  await t.test('Ctrl-C lets the open request finish, stops everything and exits 0', async () => {
    const slow = findCommand(commands, /\/slow$/);
    const seen = demo.lines.length;
    const answer = runInShell(slow);
    await demo.line('GET /slow -> ', seen);
    demo.interrupt();
    assert.match(await answer, BACKEND);
    assert.equal(await demo.exited, 0);
    const ports = new Set(
      commands.flatMap((command) => Array.from(command.matchAll(/127\.0\.0\.1:(\d+)/g), ([, port]) => port)),
    );
    assert.equal(ports.size, 3);
    for (const port of ports) assert.ok(await isRefused(Number(port)), `port ${port} is still open`);
  });
});
