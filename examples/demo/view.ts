/** Shows the split while it happens: a block that is redrawn in a terminal, or now and then a line elsewhere. */
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { ServedRequest } from './backends.ts';
import { describeRequest, type Tally } from './tally.ts';

export interface View {
  /** A line that stays. */
  note(text: string): void;
  /** Somebody else than the demo asked. */
  onYours(request: ServedRequest): void;
  /** Leaves what is on the screen and draws no more. */
  close(): void;
}

const REDRAW_MS = 250;
const LINE_MS = 2_000;
const BAR_CELLS = 40;
const COLOURS = ['blue', 'cyan', 'yellow'] as const;

export function openView(output: WriteStream, tally: Tally, status: () => string): View {
  const redraws = output.isTTY && process.env['TERM'] !== 'dumb';
  return redraws ? new BlockView(output, tally, status) : new LineView(output, tally);
}

class BlockView implements View {
  readonly #output: WriteStream;
  readonly #tally: Tally;
  readonly #status: () => string;
  readonly #timer: NodeJS.Timeout;
  /** Lines on the screen that the next drawing replaces. */
  #drawnLines: number;

  constructor(output: WriteStream, tally: Tally, status: () => string) {
    this.#output = output;
    this.#tally = tally;
    this.#status = status;
    this.#drawnLines = 0;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#draw();
  }

  note(text: string): void {
    this.#output.write(`${this.#erase()}${text}\n`);
    this.#drawnLines = 0;
    this.#draw();
  }

  /** The summary shows the newest. */
  onYours(): void {}

  close(): void {
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const lines = ['', ...this.#bars(), this.#strip(), this.#summary(), ''];
    this.#output.write(`${this.#erase()}${lines.join('\n')}\n`);
    this.#drawnLines = lines.length;
  }

  #erase(): string {
    return this.#drawnLines === 0 ? '' : `\u001b[${this.#drawnLines}A\u001b[J`;
  }

  #bars(): readonly string[] {
    // A line that wraps would be more lines than are erased.
    const cells = Math.max(5, Math.min(BAR_CELLS, this.#output.columns - 34));
    return this.#tally.backends.map((backend, index) => {
      const filled = Math.round(this.#tally.share(backend) * cells);
      const bar = paint(this.#output, index, '█'.repeat(filled)) + '░'.repeat(cells - filled);
      const total = String(this.#tally.count(backend)).padStart(8);
      return `  ${backend.padEnd(9)} ${bar} ${percent(this.#tally.share(backend))} ${total}`;
    });
  }

  #strip(): string {
    const backends = this.#tally.backends;
    const wanted = Math.max(5, Math.min(60, this.#output.columns - 14));
    const marks = this.#tally.recent.slice(-wanted).map((backend) => {
      const index = backends.indexOf(backend);
      return paint(this.#output, index, backend === 'canary' ? 'C' : String(index + 1));
    });
    return `  last      ${marks.join('')}`;
  }

  #summary(): string {
    const { total, yours, lastOfYours } = this.#tally;
    const last = lastOfYours === '' ? '' : ` (${lastOfYours})`;
    return `  ${total} requests, ${yours} of them yours${last}; ${this.#status()}`.slice(0, this.#output.columns - 1);
  }
}

class LineView implements View {
  readonly #output: WriteStream;
  readonly #tally: Tally;
  readonly #timer: NodeJS.Timeout;
  #toldTotal: number;

  constructor(output: WriteStream, tally: Tally) {
    this.#output = output;
    this.#tally = tally;
    this.#toldTotal = 0;
    this.#timer = setInterval(() => this.#tell(), LINE_MS);
  }

  note(text: string): void {
    this.#output.write(`${text}\n`);
  }

  onYours(request: ServedRequest): void {
    this.note(describeRequest(request));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#tell();
  }

  #tell(): void {
    const tally = this.#tally;
    if (tally.total === this.#toldTotal) return;
    this.#toldTotal = tally.total;
    const parts = tally.backends.map(
      (backend) => `${backend} ${tally.count(backend)} (${percent(tally.share(backend)).trim()})`,
    );
    this.#output.write(`${parts.join(', ')}; ${tally.yours} of ${tally.total} requests yours\n`);
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0).padStart(3)} %`;
}

/** Respects NO_COLOR. */
function paint(stream: WriteStream, index: number, text: string): string {
  return text === '' ? '' : styleText(COLOURS[index] ?? 'white', text, { stream });
}
