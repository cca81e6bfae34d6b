/** Collects access-log lines of one worker and hands them over in blocks, so that a line costs no message of its own. */
import { type AccessLogEntry, formatAccessLine } from '../log/access-log.ts';

const FLUSH_INTERVAL_MS = 100;
const FLUSH_CHARS = 65_536;

export class AccessLogBuffer {
  readonly #format: 'json' | 'text';
  readonly #onLines: (lines: string) => void;
  readonly #timer: NodeJS.Timeout;
  #lines: string;

  constructor(format: 'json' | 'text', onLines: (lines: string) => void) {
    this.#format = format;
    this.#onLines = onLines;
    this.#lines = '';
    this.#timer = setInterval(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  add(entry: AccessLogEntry): void {
    this.#lines += formatAccessLine(entry, this.#format);
    if (this.#lines.length >= FLUSH_CHARS) this.#flush();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#flush();
  }

  #flush(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#onLines(lines);
  }
}
