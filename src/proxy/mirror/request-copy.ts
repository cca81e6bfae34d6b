/**
 * One request on its way to a mirror target as well: collects what passes to the back end, sends it when it is complete, and
 * forgets the answer, or compares it. Nothing here can hold up or fail the request it copies: whatever goes wrong drops the
 * copy and is counted.
 */
import type { Dispatcher } from 'undici';
import type { LiveMirror } from '../../live/live-mirror.ts';
import type { MirrorDrop, MirrorResult } from '../../model/mirror.ts';
import type { RosterEntry } from '../../model/roster.ts';
import type { ExchangeRequest } from '../exchange-request.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { AnswerFacts, COMPARED_BODY_BYTES, findDifferences } from './answer-facts.ts';
import { toCopiedFields } from './copied-fields.ts';
import type { MirrorTarget } from './mirror-target.ts';
import { COPY_TIMEOUT_MS, MAX_COPY_BYTES, type Mirrors, type Running } from './mirrors.ts';

const WAITING = 0;
const SENT = 1;
const ENDED = 2;
const DROPPED = 3;

/**
 * Of an answer; then its connection is cut. Not earlier, because a new one costs more than reading on: cutting after 64 KiB took
 * three times the CPU of reading 200 KiB.
 */
const MAX_ANSWER_BYTES = COMPARED_BODY_BYTES;
/** Longer paths and queries are not sent. */
const MAX_TARGET_BYTES = 16_384;
/** Of a path in a sample. */
const MAX_SAMPLE_PATH = 256;

export interface CopyOrder {
  readonly mirror: LiveMirror;
  readonly routeId: string;
  /** Path and query of the copy. */
  readonly target: string;
  /** Path of the request. */
  readonly path: string;
  /** Announced; -1 = unknown or none. */
  readonly contentLength: number;
}

export class RequestCopy implements Dispatcher.DispatchHandler {
  readonly #mirrors: Mirrors;
  readonly #order: CopyOrder;
  readonly #request: ExchangeRequest;
  /** Both null where nothing is compared. */
  readonly #production: AnswerFacts | null;
  readonly #mirrored: AnswerFacts | null;
  deadlineMs: number;
  #phase: number;
  #destination: MirrorTarget | null;
  /** Once it was sent. */
  #entry: RosterEntry<Running> | null;
  #controller: Dispatcher.DispatchController | null;
  #pieces: Buffer[];
  #bytes: number;
  #answerBytes: number;
  #productionBytes: number;
  #complete: boolean;
  #timedOut: boolean;
  #productionEnded: boolean;
  /** The answer was cut on purpose, and it is not known yet what that says about the target. */
  #unjudged: boolean;
  /** Production gave an answer whose length means something. */
  #judgeable: boolean;
  /** An answer was abandoned on purpose, or all of it came. */
  #mirroredWhole: boolean;

  constructor(mirrors: Mirrors, order: CopyOrder, request: ExchangeRequest) {
    const { compare } = order.mirror.config;
    this.#mirrors = mirrors;
    this.#order = order;
    this.#request = request;
    this.#production = compare === null ? null : new AnswerFacts();
    this.#mirrored = compare === null ? null : new AnswerFacts();
    this.deadlineMs = 0;
    this.#phase = WAITING;
    this.#destination = null;
    this.#entry = null;
    this.#controller = null;
    this.#pieces = [];
    this.#bytes = 0;
    this.#answerBytes = 0;
    this.#productionBytes = 0;
    this.#complete = false;
    this.#timedOut = false;
    this.#productionEnded = false;
    this.#unjudged = false;
    this.#judgeable = false;
    this.#mirroredWhole = false;
  }

  // From the request.

  /**
   * Drops at once what could not be sent later: then nothing is copied.
   * @param complete there is nothing to wait for before `send`
   */
  begin(complete: boolean): void {
    this.#complete = complete;
    const { mirror, target, contentLength } = this.#order;
    this.#destination = this.#mirrors.targetFor(mirror.config);
    const refusal = this.#refusal();
    if (refusal !== null) this.#drop(refusal);
    else if (target.length > MAX_TARGET_BYTES) this.#drop('target');
    else if (mirror.config.sendBody && contentLength > MAX_COPY_BYTES) this.#drop('body');
  }

  /** Bytes `[start, end)` are valid during the call only. */
  addBody(buffer: Buffer, start: number, end: number): void {
    if (this.#phase !== WAITING || !this.#order.mirror.config.sendBody) return;
    const length = end - start;
    if (this.#bytes + length > MAX_COPY_BYTES) this.#drop('body');
    else if (!this.#mirrors.reserve(length)) this.#drop('memory');
    else {
      this.#bytes += length;
      this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    }
  }

  /** The request is complete. */
  send(): void {
    if (this.#phase !== WAITING) return;
    const refusal = this.#refusal();
    if (refusal !== null) {
      this.#drop(refusal);
      return;
    }
    const { mirror, target } = this.#order;
    const { method, text } = this.#request;
    const destination = this.#destination as MirrorTarget;
    this.#phase = SENT;
    this.deadlineMs = this.#mirrors.nowMs + COPY_TIMEOUT_MS;
    this.#entry = this.#mirrors.enter(this, destination);
    const headers = toCopiedFields(text, mirror.config.host);
    destination.pool.dispatch({ path: target, method, headers, body: this.#body() }, this);
  }

  #refusal(): MirrorDrop | null {
    if (this.#destination === null || this.#mirrors.full) return 'busy';
    return this.#destination.refusal(this.#mirrors.nowMs);
  }

  #body(): Buffer | null {
    const { text, inlineBytes } = this.#request;
    if (!this.#order.mirror.config.sendBody) return null;
    if (inlineBytes > 0) return Buffer.from(text.slice(-inlineBytes), 'latin1');
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length === 0) return null;
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  #drop(reason: MirrorDrop): void {
    this.#order.mirror.counts.drops[reason]++;
    this.#phase = DROPPED;
    this.#release();
  }

  #release(): void {
    this.#mirrors.release(this.#bytes);
    this.#bytes = 0;
    this.#pieces = [];
  }

  // From the answer of production.

  onProductionHead({ status, fields }: ResponseHead): void {
    const facts = this.#production;
    if (facts === null) return;
    facts.status = status;
    facts.values = this.#comparedHeaders.map((name) => fields.find(name));
  }

  onProductionData(buffer: Buffer, start: number, end: number): void {
    this.#productionBytes += end - start;
    this.#production?.addBody(buffer, start, end);
  }

  /**
   * @param status of the answer the client got; 0 = it got none, or not all of it
   * @param local the answer is not that of a back end
   */
  onProductionEnd(status: number, local: boolean): void {
    // One that never began was refused before it would have been copied.
    if (this.#phase === WAITING && !this.#complete && this.#destination !== null) this.#drop('incomplete');
    const facts = this.#production;
    this.#productionEnded = true;
    this.#judgeable = !local && status !== 0 && status !== 304;
    if (this.#unjudged) this.#judgeCut();
    if (facts === null) return;
    facts.status = status;
    facts.local = local;
    if (this.#phase === ENDED) this.#compare();
  }

  get #comparedHeaders(): readonly string[] {
    return this.#order.mirror.config.compare?.headers ?? [];
  }

  // From the target.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#timedOut) controller.abort(new Error('timeout'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    const facts = this.#mirrored;
    if (facts === null) return;
    facts.status = status;
    facts.values = this.#comparedHeaders.map((name) => {
      const value = headers[name];
      return value === undefined ? null : [value].flat().join(', ');
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#mirrored?.addBody(chunk, 0, chunk.length);
    this.#answerBytes += chunk.length;
    if (this.#phase === ENDED || this.#answerBytes <= MAX_ANSWER_BYTES) return;
    this.#mirroredWhole = true;
    this.#unjudged = true;
    this.#end('answered', '');
    if (this.#productionEnded) this.#judgeCut();
    controller.abort(new Error('enough'));
  }

  /**
   * Each cut costs a connection. That is nothing beside a production that answers as long; where it does not, a target that goes
   * on for ever would cost many times the request. Without a whole answer to compare with it is anybody's guess.
   */
  #judgeCut(): void {
    this.#unjudged = false;
    if (!this.#judgeable) return;
    const reason = this.#productionBytes > MAX_ANSWER_BYTES ? '' : 'answer too long';
    this.#mirrors.record(this.#destination as MirrorTarget, reason);
  }

  onResponseEnd(): void {
    this.#mirroredWhole = true;
    this.#end('answered', '');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { readonly code?: string }): void {
    // What the client of the target refuses to send says nothing about the target.
    const isOurs = error.code === 'UND_ERR_INVALID_ARG';
    this.#end(this.#timedOut ? 'timeout' : 'failed', isOurs ? '' : (error.code ?? error.message));
  }

  /** Its place is free when the connection is. */
  onTimeout(): void {
    if (this.#timedOut) return;
    this.#timedOut = true;
    this.#controller?.abort(new Error('timeout'));
  }

  #end(result: MirrorResult, reason: string): void {
    if (this.#phase !== SENT) return;
    this.#phase = ENDED;
    const destination = this.#destination as MirrorTarget;
    this.#order.mirror.counts.results[result]++;
    this.#release();
    if (this.#entry !== null) this.#mirrors.leave(this.#entry, destination);
    if (!this.#unjudged) this.#mirrors.record(destination, reason);
    if (this.#productionEnded) this.#compare();
  }

  /** Once, when nothing more can come of either. */
  #compare(): void {
    const { mirror, routeId, path } = this.#order;
    const { compare } = mirror.config;
    if (compare === null) return;
    const production = this.#production as AnswerFacts;
    const mirrored = this.#mirrored as AnswerFacts;
    if (production.status === 0 || !this.#mirroredWhole) {
      mirror.counts.comparisons.incomplete++;
      return;
    }
    const differences = findDifferences(compare, production, mirrored);
    const [first = 'equal'] = differences;
    mirror.counts.comparisons[first === 'equal' || first === 'status' || first === 'body' ? first : 'headers']++;
    if (differences.length === 0) return;
    this.#mirrors.addSample({
      timeMs: Date.now(),
      routeId,
      requestId: this.#request.id,
      method: this.#request.method,
      path: path.slice(0, MAX_SAMPLE_PATH),
      status: production.status,
      mirrorStatus: mirrored.status,
      differences,
    });
  }
}
