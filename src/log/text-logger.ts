/** Log lines for people: `HH:MM:SS.mmm LEVEL message key=value …` in local time, with nothing a terminal would obey. */
import type { LogDestination } from './destination.ts';
import { escapeText } from './escape-text.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const LABEL: Readonly<Record<LogLevel, string>> = { debug: 'DEBUG', info: 'INFO ', warn: 'WARN ', error: 'ERROR' };

export class TextLogger implements Logger {
  readonly #level: LogLevel;
  readonly #destination: LogDestination;
  readonly #fields: LogFields;

  constructor(level: LogLevel, destination: LogDestination, fields: LogFields = {}) {
    this.#level = level;
    this.#destination = destination;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new TextLogger(this.#level, this.#destination, { ...this.#fields, ...fields });
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    if (RANK[level] < RANK[this.#level]) return;
    let line = `${formatClock(new Date())} ${LABEL[level]} ${escapeText(message)}`;
    let stacks = '';
    const all = { ...this.#fields, ...fields };
    for (const key in all) {
      const value = all[key];
      if (value === undefined) continue;
      if (value instanceof Error) stacks += formatStack(value);
      line += ` ${escapeText(key)}=${formatValue(value)}`;
    }
    this.#destination.write(`${line}\n${stacks}`);
  }
}

function formatClock(date: Date): string {
  const clock = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

function pad(part: number, digits: number): string {
  return String(part).padStart(digits, '0');
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : value instanceof Error ? value.message : toJson(value);
  // Quotes only where the end of the value would be in doubt.
  return text === '' || /[\s"=]/.test(text) ? `"${escapeText(text).replaceAll('"', '\\"')}"` : escapeText(text);
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // Cyclic, or holding a bigint: a log line must never be what breaks.
    return String(value);
  }
}

/** Each frame on a line of its own, indented, so that it cannot be taken for another log line. */
function formatStack(error: Error): string {
  const frames = (error.stack ?? '').split('\n').slice(1);
  return frames.map((frame) => `    ${escapeText(frame.trim())}\n`).join('');
}
