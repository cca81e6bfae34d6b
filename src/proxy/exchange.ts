/**
 * One request and its response: picks an endpoint, carries bytes between the two sides, repeats failed attempts where
 * that is safe, and closes exactly once on every path, client abort included.
 * Hot: one object per request; everything else it needs belongs to connections.
 */

import { AttemptResult, isFailure } from '../balancer/attempt-result.ts';
import { NONE_TRIED } from '../balancer/balancer.ts';
import type { Endpoint } from '../balancer/endpoint.ts';
import type { LiveRoute } from '../live/live-route.ts';
import type { SplitTarget } from '../live/live-split.ts';
import type { Downstream } from './downstream.ts';
import { localResponse } from './error-response.ts';
import type { ExchangeRequest, RequestFactsForLog } from './exchange-request.ts';
import { BODY_NONE } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-head.ts';
import { Outcome, statusOf, toAttemptResult } from './outcome.ts';
import { mayRetry } from './retry.ts';
import type { UpstreamConnection, UpstreamTransport } from './upstream-transport.ts';
import type { WorkerContext } from './worker-context.ts';

export class Exchange {
  readonly worker: WorkerContext;
  readonly downstream: Downstream;
  readonly route: LiveRoute;
  readonly target: SplitTarget;
  readonly method: string;
  /** Complete head for an HTTP/1.1 back end, with the empty line, and the body where that came along whole. */
  readonly requestText: string;
  readonly requestId: string;
  readonly startMs: number;
  /** How the body that follows `requestText` is framed. */
  readonly body: number;
  readonly expectContinue: boolean;
  /** Non-empty: the client offered to switch to this. */
  readonly upgrade: string;
  readonly acceptsTrailers: boolean;
  /** No other request may use the connection that carries this one. */
  readonly bindsConnection: boolean;
  readonly logFacts: RequestFactsForLog | null;
  endpoint: Endpoint | null;
  connection: UpstreamConnection | null;
  attempts: number;
  /** All of the request was handed to the back end's connection. */
  requestSent: boolean;
  responseStarted: boolean;
  finished: boolean;
  status: number;
  requestBytes: number;
  responseBytes: number;
  upstreamMs: number;
  /** Endpoints this request has failed on; made at the first failure. */
  #failed: Endpoint[] | null;
  /** The client's side has delivered the whole body. */
  #requestComplete: boolean;
  /** Body bytes went to the back end or an interim response to the client: the request cannot be repeated unseen. */
  #committed: boolean;
  /** Trailers of the request, judged, for the connection that gets its body. */
  #requestTrailers: readonly string[] | null;
  /** Body bytes waiting for a connection; at most one read of the client's socket. */
  #heldBody: Buffer[] | null;
  #staleRetryUsed: boolean;
  #attemptStartMs: number;

  constructor(
    worker: WorkerContext,
    downstream: Downstream,
    route: LiveRoute,
    target: SplitTarget,
    request: ExchangeRequest,
  ) {
    this.worker = worker;
    this.downstream = downstream;
    this.route = route;
    this.target = target;
    this.method = request.method;
    this.requestText = request.text;
    this.requestId = request.id;
    this.startMs = performance.now();
    this.body = request.body;
    this.expectContinue = request.expectContinue;
    this.upgrade = request.upgrade;
    this.acceptsTrailers = request.acceptsTrailers;
    this.bindsConnection = request.bindsConnection;
    this.logFacts = request.logFacts;
    this.endpoint = null;
    this.connection = null;
    this.attempts = 0;
    this.requestSent = false;
    this.responseStarted = false;
    this.finished = false;
    this.status = 0;
    this.requestBytes = request.inlineBytes;
    this.responseBytes = 0;
    this.upstreamMs = -1;
    this.#failed = null;
    this.#requestComplete = request.body === BODY_NONE;
    this.#committed = false;
    this.#requestTrailers = null;
    this.#heldBody = null;
    this.#staleRetryUsed = false;
    this.#attemptStartMs = this.startMs;
    worker.activeRequests++;
    worker.totalRequests++;
    target.stats.requests++;
  }

  /** Picks an endpoint and hands the request to a connection of it. Also the way back in for a retry. */
  attempt(): void {
    const { upstream } = this.target;
    const trial = upstream.trialsDue > 0 && this.#failed === null ? upstream.takeTrial(this.#isRepeatable) : null;
    const endpoint = trial ?? upstream.pick(0, this.#failed ?? NONE_TRIED);
    if (endpoint === null) {
      this.fail(Outcome.NoEndpoint);
      return;
    }
    this.endpoint = endpoint;
    endpoint.inFlight++;
    endpoint.requests++;
    if (this.attempts > 0) this.#attemptStartMs = performance.now();
    this.attempts++;
    (endpoint.transport as UpstreamTransport).dispatch(this, !this.#staleRetryUsed);
  }

  /** Whether it is the back end whose silence counts: it has the whole request, or has begun to answer. */
  get awaitsUpstream(): boolean {
    return this.requestSent || this.responseStarted;
  }

  // From the client's side.

  /** Bytes `[start, end)` are valid during the call only. */
  onRequestData(buffer: Buffer, start: number, end: number): void {
    if (this.finished) return;
    this.requestBytes += end - start;
    const limit = this.route.policy.maxRequestBodyBytes;
    if (limit !== 0 && this.requestBytes > limit) {
      this.fail(Outcome.BodyTooLarge);
      return;
    }
    const connection = this.connection;
    if (connection === null || !connection.ready) {
      this.#heldBody ??= [];
      this.#heldBody.push(Buffer.from(buffer.subarray(start, end)));
      this.downstream.pauseRequest();
      return;
    }
    this.#committed = true;
    if (!connection.writeBody(buffer, start, end)) this.downstream.pauseRequest();
  }

  /** @param trailers names and values in turn, judged by the client's side */
  onRequestEnd(trailers: readonly string[] | null): void {
    this.#requestComplete = true;
    this.#requestTrailers = trailers;
    if (this.finished || this.connection?.ready !== true) return;
    this.requestSent = true;
    this.connection.endBody(trailers);
  }

  onClientGone(outcome: Outcome): void {
    if (this.finished) return;
    this.status = this.responseStarted ? this.status : 499;
    this.#abandonAttempt();
    this.finish(outcome);
  }

  onDownstreamDrain(): void {
    this.connection?.resumeResponse();
  }

  // From the back end's side.

  /** The connection can take the request: it writes `requestText`, then what was held of the body. */
  onConnectionReady(connection: UpstreamConnection): void {
    const held = this.#heldBody;
    this.#heldBody = null;
    let flowing = true;
    if (held !== null) {
      this.#committed = true;
      for (const piece of held) flowing = connection.writeBody(piece, 0, piece.length) && flowing;
    }
    if (this.#requestComplete) {
      this.requestSent = true;
      connection.endBody(this.#requestTrailers);
    } else if (flowing) this.downstream.resumeRequest();
  }

  onUpstreamDrain(): void {
    if (!this.#requestComplete) this.downstream.resumeRequest();
  }

  onInformational(head: ResponseHead): void {
    if (head.status === 100 && !this.expectContinue) return;
    this.#committed = true;
    this.downstream.sendInformational(head);
  }

  onResponseHead(head: ResponseHead): void {
    this.responseStarted = true;
    this.status = head.status;
    this.upstreamMs = performance.now() - this.startMs;
    this.downstream.startResponse(head);
  }

  /** The connection leaves HTTP. It may last for days: what that says about its endpoint must not wait for its end. */
  onSwitch(): void {
    this.status = 101;
    this.#record(AttemptResult.Ok);
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    this.downstream.writeResponse(buffer, start, end);
  }

  /** The response is complete and the connection has already been given back or closed. */
  onResponseEnd(trailers: readonly string[] | null): void {
    this.connection = null;
    this.#releaseEndpoint(this.status >= 500 ? AttemptResult.ServerError : AttemptResult.Ok);
    this.finish(Outcome.Ok);
    this.downstream.endResponse(trailers);
  }

  /**
   * The attempt failed and its connection is closed.
   * @param sent whether a byte of the request may have reached the back end
   * @param reused whether the connection had served another request before
   */
  onAttemptFailed(outcome: Outcome, sent: boolean, reused: boolean): void {
    const endpoint = this.endpoint as Endpoint;
    this.connection = null;
    if (outcome === Outcome.ConnectFailed || outcome === Outcome.ConnectTimeout) endpoint.connectFailures++;
    // A kept-alive connection that its back end closed in the meantime says nothing about that back end.
    const stale = reused && outcome === Outcome.UpstreamClosed && !this.responseStarted;
    this.#releaseEndpoint(stale ? AttemptResult.Neutral : toAttemptResult(outcome));
    if (this.responseStarted) {
      this.finish(outcome);
      this.downstream.abortResponse();
      return;
    }
    if (!this.#committed && mayRetry(this.method, outcome, sent) && this.#hasTriesLeft(stale)) {
      if (!stale) (this.#failed ??= []).push(endpoint);
      endpoint.retries++;
      this.attempt();
      return;
    }
    this.fail(outcome);
  }

  /** The route must not be served (fail closed): the status it was closed with, and no attempt. */
  answerClosed(status: number): void {
    this.status = status;
    this.finish(Outcome.RouteClosed);
    this.downstream.answer(localResponse(status));
  }

  /** Ends the exchange with an answer of our own, or by cutting the response that has begun. */
  fail(outcome: Outcome): void {
    if (this.finished) return;
    this.#abandonAttempt();
    if (this.responseStarted) {
      this.finish(outcome);
      this.downstream.abortResponse();
      return;
    }
    this.status = statusOf(outcome);
    this.finish(outcome);
    this.downstream.answer(localResponse(this.status));
  }

  /** A connection that left HTTP has ended. */
  onTunnelEnd(): void {
    if (this.finished) return;
    this.connection = null;
    this.#releaseEndpoint(AttemptResult.Neutral);
    this.finish(Outcome.Ok);
  }

  /** Counts and logs, once. */
  finish(outcome: Outcome): void {
    if (this.finished) return;
    this.finished = true;
    this.worker.activeRequests--;
    const stats = this.route.stats;
    const durationMs = performance.now() - this.startMs;
    if (this.status === 499) stats.clientAborts++;
    else {
      const statusClass = Math.floor(this.status / 100) - 1;
      stats.statusClasses[statusClass] = (stats.statusClasses[statusClass] as number) + 1;
    }
    if (this.status >= 500) this.target.stats.failures++;
    stats.requestBytes += this.requestBytes;
    stats.responseBytes += this.responseBytes;
    stats.countDuration(durationMs);
    if (this.logFacts !== null) this.#log(this.logFacts, durationMs, outcome);
  }

  /** The retry on a stale connection is free, once: the first was no fault of the request or the endpoint. */
  #hasTriesLeft(stale: boolean): boolean {
    if (stale && !this.#staleRetryUsed) {
      this.#staleRetryUsed = true;
      this.attempts--;
    }
    return this.attempts < this.route.policy.retryAttempts;
  }

  /** Whether another endpoint could take it if this attempt fails without an answer. */
  get #isRepeatable(): boolean {
    const hasTries = this.route.policy.retryAttempts > 1;
    return hasTries && this.#requestComplete && mayRetry(this.method, Outcome.UpstreamClosed, true);
  }

  #abandonAttempt(): void {
    const connection = this.connection;
    if (connection === null) return;
    this.connection = null;
    connection.abandon();
    this.#releaseEndpoint(AttemptResult.Neutral);
  }

  #releaseEndpoint(result: AttemptResult): void {
    (this.endpoint as Endpoint).inFlight--;
    this.#record(result);
  }

  #record(result: AttemptResult): void {
    const endpoint = this.endpoint as Endpoint;
    if (isFailure(result)) endpoint.failures++;
    const endMs = this.responseStarted ? this.startMs + this.upstreamMs : performance.now();
    this.target.upstream.record(endpoint, result, endMs - this.#attemptStartMs, this.worker.clock.nowMs);
  }

  #log(facts: RequestFactsForLog, durationMs: number, outcome: Outcome): void {
    this.worker.onAccess?.({
      timeMs: facts.timeMs,
      clientIp: facts.clientIp,
      method: this.method,
      host: facts.host,
      target: facts.target,
      protocol: facts.protocol,
      status: this.status,
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      durationMs,
      upstreamMs: this.upstreamMs,
      routeId: this.route.id,
      upstreamId: this.target.upstream.id,
      endpointId: this.endpoint?.id ?? '',
      canary: this.target.stats.canary,
      attempts: this.attempts,
      userAgent: facts.userAgent,
      referer: facts.referer,
      requestId: this.requestId,
      outcome,
    });
  }
}
