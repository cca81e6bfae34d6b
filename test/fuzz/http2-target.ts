/** Fuzzes what HTTP/2 clients send: a whole session of ours, in any split, against rules about what it sends and keeps. */
import type { Frame } from '../support/http2-frames.ts';
import { SessionHarness, SessionPlane, type StubConnection } from '../support/session-harness.ts';
import { type Finding, failure, SAME } from './finding.ts';
import { drawCuts, everyCut, type FuzzTarget, guarded } from './fuzz-target.ts';
import { HTTP2_DICTIONARY, toWire } from './http2-program.ts';
import { brokenHttp2Rule } from './http2-rules.ts';
import { largestAllocation } from './largest-allocation.ts';
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';

const LARGE = 'x'.repeat(60_000);
/** What of a body waits for credit, doubled by the growth of its buffer; nothing these inputs make may ask for more. */
const MAX_BUFFER_BYTES = 131_072;
const MAX_WAITING_BYTES = 1_048_576;
const MAX_SINGLE_CUTS = 40;

export class Http2Target implements FuzzTarget {
  readonly dictionary: Dictionary = HTTP2_DICTIONARY;
  readonly #plane: SessionPlane;
  #frames: readonly Frame[];

  constructor() {
    this.#plane = new SessionPlane();
    this.#plane.worker.clock.close();
    this.#frames = [];
  }

  get readings(): string {
    return this.#frames.map(toText).join('\n');
  }

  get reading(): string {
    return this.#frames.map(toText).join(', ');
  }

  /** What was sent, without numbers. */
  get signature(): string {
    return this.#frames.map(({ type, flags }) => `${type}.${flags}`).join(' ');
  }

  judge(bytes: Buffer, random: Random): Finding {
    return guarded(() => {
      const wire = toWire(bytes);
      const finding = this.#judgeWhole(wire);
      if (finding.kind === 'failure' || !random.oneIn(4)) return finding;
      return this.#checkSplit(wire, drawCuts(wire.length, random)) ?? finding;
    });
  }

  judgeThoroughly(bytes: Buffer): Finding {
    return guarded(() => {
      const wire = toWire(bytes);
      const finding = this.#judgeWhole(wire);
      if (finding.kind === 'failure') return finding;
      const all = everyCut(wire.length);
      const step = Math.ceil(all.length / MAX_SINGLE_CUTS);
      for (const cuts of [all, ...all.filter((cut) => cut % step === 0).map((cut) => [cut])]) {
        const split = this.#checkSplit(wire, cuts);
        if (split !== null) return split;
      }
      return finding;
    });
  }

  #judgeWhole(wire: Buffer): Finding {
    largestAllocation.bytes = 0;
    this.#frames = this.#run(wire, []);
    if (largestAllocation.bytes > MAX_BUFFER_BYTES) return failure(`a buffer of ${largestAllocation.bytes} bytes`);
    const rule = brokenHttp2Rule(wire, this.#frames);
    if (rule !== null) return failure(rule);
    const last = this.#frames.findLast(({ type }) => type === 7);
    const code = last?.payload.readUInt32BE(4) ?? 0;
    return code === 0 ? SAME : { kind: 'stricter', label: `connection ended with ${code}` };
  }

  #checkSplit(wire: Buffer, cuts: readonly number[]): Finding | null {
    const whole = this.#frames.map(toText);
    const split = this.#run(wire, cuts).map(toText);
    const at = whole.findIndex((text, index) => text !== split[index]);
    if (at === -1 && split.length === whole.length) return null;
    return failure(`split at ${cuts.join(', ')}: ${split[at === -1 ? whole.length : at]} instead of ${whole[at]}`);
  }

  #run(wire: Buffer, cuts: readonly number[]): readonly Frame[] {
    const { worker, logger } = this.#plane;
    logger.lines.length = 0;
    const harness = new SessionHarness({}, this.#plane);
    this.#plane.onDispatch = (connection) => {
      harness.connections.push(connection);
      answerAtOnce(connection);
    };
    let start = 0;
    for (const end of [...cuts, wire.length]) {
      harness.read(wire.subarray(start, end));
      start = end;
    }
    if (harness.session.writer.waitingBytes > MAX_WAITING_BYTES) throw new Error('too much waits');
    for (const connection of harness.connections) answerAtLast(connection);
    harness.turn();
    harness.session.destroy();
    if (worker.activeRequests !== 0 || worker.activeConnections !== 0) throw new Error('something is left over');
    const [endpoint] = [...worker.live.upstreams.all()].flatMap(({ endpoints }) => endpoints);
    if (endpoint?.inFlight !== 0) throw new Error('an endpoint is still in use');
    const fault = logger.lines.find(({ level }) => level === 'error');
    if (fault !== undefined) throw new Error(`logged ${fault.message}: ${String(fault.fields['error'])}`);
    return harness.frames;
  }
}

function pathOf({ exchange }: StubConnection): string {
  return exchange.requestText.split(' ', 2)[1] ?? '';
}

function answerAtOnce(connection: StubConnection): void {
  const path = pathOf(connection);
  if (path === '/stop') connection.flowing = false;
  else if (path === '/large') connection.answer(LARGE, 'Content-Length: 100000\r\n', true);
  else if (path !== '/wait' && path !== '/echo') connection.answer();
}

function answerAtLast(connection: StubConnection): void {
  const { exchange } = connection;
  if (exchange.finished) return;
  if (pathOf(connection) === '/large') connection.piece(LARGE.slice(0, 40_000), false);
  else connection.answer();
}

function toText({ type, flags, streamId, payload }: Frame): string {
  const shown = payload.length > 40 ? `${payload.length} bytes` : payload.toString('latin1');
  return `${type} ${flags} ${streamId} ${JSON.stringify(shown)}`;
}
