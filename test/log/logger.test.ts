/** Log lines as JSON and as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { LogDestination } from '../../src/log/destination.ts';
import { createLogger, NULL_LOGGER } from '../../src/log/logger.ts';

function capture(): LogDestination & { readonly text: string } {
  return {
    text: '',
    write(lines: string): void {
      (this as { text: string }).text += lines;
    },
  };
}

function parseOnlyLine(text: string): Record<string, unknown> {
  assert.match(text, /^[^\n]*\n$/);
  const line: Record<string, unknown> = JSON.parse(text);
  return line;
}

test('a JSON line has level as a word, ISO time, the fields and msg', () => {
  const destination = capture();
  createLogger({ level: 'info', format: 'json', destination }).info('ready', { httpPort: 8080 });
  const line = parseOnlyLine(destination.text);
  const { time, ...rest } = line;
  assert.deepEqual(rest, { level: 'info', httpPort: 8080, msg: 'ready' });
  assert.equal(new Date(String(time)).toISOString(), time);
});

test('fields cannot replace level, time and msg of a JSON line', () => {
  const destination = capture();
  const fields = { level: 'fatal', time: 0, msg: 'forged' };
  createLogger({ level: 'info', format: 'json', destination }).child(fields).error('real', fields);
  const line = parseOnlyLine(destination.text);
  assert.equal(line['level'], 'error');
  assert.equal(line['msg'], 'real');
  assert.equal(line['msg_'], 'forged');
});

test('an error among the fields is printed with type, message, code, stack and cause', () => {
  const destination = capture();
  const error = Object.assign(new TypeError('refused', { cause: new Error('below') }), { code: 'ECONNREFUSED' });
  createLogger({ level: 'info', format: 'json', destination }).warn('upstream failed', { error });
  const printed = parseOnlyLine(destination.text)['error'];
  assert.ok(typeof printed === 'object' && printed !== null);
  const { stack, ...rest } = { stack: '', ...printed };
  assert.deepEqual(rest, { type: 'TypeError', message: 'refused', code: 'ECONNREFUSED', cause: 'below' });
  assert.match(stack, /logger\.test/);
});

for (const format of ['json', 'text'] as const) {
  test(`${format}: lines below the level are dropped, those at and above it are written`, () => {
    const destination = capture();
    const logger = createLogger({ level: 'warn', format, destination });
    logger.debug('one');
    logger.info('two');
    logger.warn('three');
    logger.error('four');
    assert.doesNotMatch(destination.text, /one|two/);
    assert.match(destination.text, /three[^]*four/);
  });

  test(`${format}: a child adds its fields to each of its lines, a grandchild adds to those`, () => {
    const destination = capture();
    const child = createLogger({ level: 'debug', format, destination }).child({ worker: 1 }).child({ part: 'probe' });
    child.debug('one', { at: 2 });
    assert.match(destination.text, format === 'json' ? /"worker":1,"part":"probe","at":2/ : /worker=1 part=probe at=2/);
  });

  test(`${format}: values that JSON cannot express do not break a line`, () => {
    const destination = capture();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    createLogger({ level: 'info', format, destination }).info('odd', {
      cyclic,
      big: 1n,
      none: undefined,
      nothing: null,
    });
    assert.match(destination.text, /odd/);
    assert.doesNotMatch(destination.text, /none/);
  });

  test(`${format}: whatever message and fields hold, a call writes one line without control characters`, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
        const destination = capture();
        createLogger({ level: 'info', format, destination }).info(message, { value });
        const line = destination.text.slice(0, -1);
        assert.equal(destination.text.at(-1), '\n');
        // oxlint-disable-next-line no-control-regex -- control characters are what this is about
        assert.doesNotMatch(line, /[\u0000-\u001f]/);
      }),
    );
  });
}

test('a text line reads HH:MM:SS.mmm LEVEL message key=value', () => {
  const destination = capture();
  createLogger({ level: 'info', format: 'text', destination }).info('ready', { httpPort: 80, host: 'a b', empty: '' });
  assert.match(destination.text, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}ready httpPort=80 host="a b" empty=""\n$/);
});

test('a text line shows escape sequences of terminals instead of sending them', () => {
  const destination = capture();
  createLogger({ level: 'info', format: 'text', destination }).info('m', { path: '/\u001b[31m\r\n\u009b\u202e"' });
  assert.match(destination.text, /path="?\/\\x1b\[31m\\r\\n\\x9b\\u202e\\""?\n$/);
});

test('the stack of an error follows its text line, indented', () => {
  const destination = capture();
  createLogger({ level: 'info', format: 'text', destination }).error('failed', { error: new Error('boom') });
  const [first, ...frames] = destination.text.trimEnd().split('\n');
  assert.match(first ?? '', /ERROR failed error=boom$/);
  assert.ok(frames.length > 0);
  for (const frame of frames) assert.match(frame, /^ {4}at /);
});

test('the null logger accepts everything and stays itself', () => {
  assert.equal(NULL_LOGGER.child({ a: 1 }), NULL_LOGGER);
  assert.doesNotThrow(() => {
    NULL_LOGGER.debug('a');
    NULL_LOGGER.info('a');
    NULL_LOGGER.warn('a');
    NULL_LOGGER.error('a');
  });
});
