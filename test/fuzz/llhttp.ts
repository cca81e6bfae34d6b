/**
 * The other opinion: llhttp, the parser of Node, in its strict mode. Driven as the WebAssembly build that undici carries,
 * because that is the bare C interface: it can be paused behind each message, so it tells where messages end, which the
 * parser of `node:http` (reachable only through a deprecated internal module) does not, and takes a fraction of its time.
 */
import { createRequire } from 'node:module';
import { CLOSED, CUT_OFF, OPEN, ParsedMessage, REFUSED, Trace, TUNNEL } from './trace.ts';

const require = createRequire(import.meta.url);
const MEMORY_BYTES = 65_536;

const OK = 0;
const PAUSED = 21;
const PAUSED_UPGRADE = 22;
const REQUEST = 1;
const RESPONSE = 2;
const SKIP_BODY = 1;

/** Known to llhttp, but not as methods of ordinary HTTP/1.1 requests. */
const OTHER_METHODS: ReadonlySet<string> = new Set(['PRI', 'SOURCE']);

interface Constants {
  readonly METHODS_HTTP: readonly number[];
  readonly METHODS: Readonly<Record<string, number>>;
}

type Callbacks = Readonly<Record<string, (parser: number, first: number, second: number, third: number) => number>>;

/** The part of the global `WebAssembly` used here; the types of Node do not describe it. */
interface WasmApi {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { readonly env: Callbacks }) => { readonly exports: unknown };
}

const wasmApi: WasmApi = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

function ignore(): number {
  return 0;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly malloc: (bytes: number) => number;
  readonly llhttp_alloc: (type: number) => number;
  readonly llhttp_reset: (parser: number) => void;
  readonly llhttp_execute: (parser: number, at: number, bytes: number) => number;
  readonly llhttp_finish: (parser: number) => number;
  readonly llhttp_resume: (parser: number) => void;
  readonly llhttp_resume_after_upgrade: (parser: number) => void;
  readonly llhttp_get_method: (parser: number) => number;
  readonly llhttp_get_error_pos: (parser: number) => number;
  readonly llhttp_get_error_reason: (parser: number) => number;
  readonly llhttp_set_lenient_chunked_length: (parser: number, on: number) => void;
  readonly llhttp_set_lenient_data_after_close: (parser: number, on: number) => void;
}

export class Llhttp {
  /** Methods of HTTP it knows; it refuses every other token. */
  readonly methods: ReadonlySet<string>;
  readonly #exports: Exports;
  readonly #methodNames: readonly string[];
  readonly #reasons: Map<number, string>;
  readonly #requestParser: number;
  readonly #responseParser: number;
  readonly #input: number;
  readonly #memory: Uint8Array;
  readonly #text: Buffer;
  #trace: Trace;
  #url: string;
  #toHead: boolean;

  constructor() {
    const constants = require('undici/lib/llhttp/constants.js') as Constants;
    const names: string[] = [];
    for (const [name, index] of Object.entries(constants.METHODS)) names[index] = name;
    this.#methodNames = names;
    const methods = constants.METHODS_HTTP.map((index) => names[index] as string);
    this.methods = new Set(methods.filter((name) => !OTHER_METHODS.has(name)));
    this.#reasons = new Map();
    this.#trace = new Trace();
    this.#url = '';
    this.#toHead = false;
    const module = new wasmApi.Module(require('undici/lib/llhttp/llhttp_simd-wasm.js') as Uint8Array);
    const instance = new wasmApi.Instance(module, { env: this.#callbacks() });
    this.#exports = instance.exports as Exports;
    this.#requestParser = this.#exports.llhttp_alloc(REQUEST);
    this.#responseParser = this.#exports.llhttp_alloc(RESPONSE);
    // Transfer-Encoding beside Content-Length: we serve such a response once (the coding counts), so its end is compared.
    this.#exports.llhttp_set_lenient_chunked_length(this.#responseParser, 1);
    // `Connection: close` in an interim response does not keep the final one from coming.
    this.#exports.llhttp_set_lenient_data_after_close(this.#responseParser, 1);
    this.#input = this.#exports.malloc(MEMORY_BYTES);
    // No run allocates, so the memory never grows and views of it stay valid.
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
    this.#text = Buffer.from(this.#exports.memory.buffer);
  }

  /** Requests of one connection, up to the one that ends it. */
  requests(bytes: Buffer): Trace {
    const parser = this.#requestParser;
    const trace = this.#begin(parser, bytes, false);
    let position = 0;
    while (position < bytes.length && trace.ending === OPEN) {
      position = this.#step(parser, position, bytes.length);
      if (trace.current === null && trace.last?.keepAlive === false) trace.ending = CLOSED;
    }
    return trace;
  }

  /** Interim responses and the final one, as the answer to one request; then the connection ends. */
  response(bytes: Buffer, toHead: boolean): Trace {
    const parser = this.#responseParser;
    const trace = this.#begin(parser, bytes, toHead);
    let position = 0;
    while (position < bytes.length && trace.ending === OPEN) {
      position = this.#step(parser, position, bytes.length);
      const last = trace.last;
      if (last === null || !last.complete) continue;
      if (last.verb === '101') trace.ending = TUNNEL;
      else if (last.verb.charCodeAt(0) !== 49) trace.ending = CLOSED;
    }
    if (trace.ending !== OPEN) return trace;
    this.#exports.llhttp_finish(parser);
    const last = trace.last;
    trace.ending = last?.complete === true && last.verb.charCodeAt(0) !== 49 ? CLOSED : CUT_OFF;
    if (trace.ending === CLOSED && last !== null) last.end = bytes.length;
    return trace;
  }

  #begin(parser: number, bytes: Buffer, toHead: boolean): Trace {
    if (bytes.length > MEMORY_BYTES) throw new Error(`${bytes.length} bytes of input; at most ${MEMORY_BYTES} fit`);
    this.#exports.llhttp_reset(parser);
    this.#memory.set(bytes, this.#input);
    this.#toHead = toHead;
    this.#url = '';
    this.#trace = new Trace();
    return this.#trace;
  }

  /** @returns where to go on: behind a message that is now complete, or the end */
  #step(parser: number, position: number, length: number): number {
    const wasm = this.#exports;
    const code = wasm.llhttp_execute(parser, this.#input + position, length - position);
    if (code === OK) return length;
    const stoppedAt = wasm.llhttp_get_error_pos(parser) - this.#input;
    if (code === PAUSED) {
      (this.#trace.last as ParsedMessage).end = stoppedAt;
      wasm.llhttp_resume(parser);
    } else if (code === PAUSED_UPGRADE) wasm.llhttp_resume_after_upgrade(parser);
    else {
      this.#trace.ending = REFUSED;
      this.#trace.reason = this.#reasonAt(wasm.llhttp_get_error_reason(parser));
    }
    return stoppedAt;
  }

  #callbacks(): Callbacks {
    return {
      wasm_on_message_begin: ignore,
      wasm_on_status: ignore,
      wasm_on_header_field: ignore,
      wasm_on_header_value: ignore,
      wasm_on_url: (_parser: number, at: number, bytes: number): number => {
        this.#url += this.#text.toString('latin1', at, at + bytes);
        return 0;
      },
      wasm_on_headers_complete: (parser: number, status: number, _upgrade: number, keepAlive: number): number => {
        const isRequest = parser === this.#requestParser;
        const verb = isRequest ? this.#methodNames[this.#exports.llhttp_get_method(parser)] : String(status);
        this.#trace.messages.push(new ParsedMessage(verb ?? '', this.#url, keepAlive === 1));
        this.#url = '';
        return this.#toHead ? SKIP_BODY : 0;
      },
      wasm_on_body: (_parser: number, at: number, bytes: number): number => {
        this.#trace.last?.addBody(this.#memory, at, at + bytes);
        return 0;
      },
      wasm_on_message_complete: (): number => {
        (this.#trace.last as ParsedMessage).complete = true;
        return PAUSED;
      },
    };
  }

  /** Reasons are constants of the module. */
  #reasonAt(address: number): string {
    let reason = this.#reasons.get(address);
    if (reason === undefined) {
      reason = this.#text.toString('latin1', address, this.#memory.indexOf(0, address));
      this.#reasons.set(address, reason);
    }
    return reason;
  }
}
