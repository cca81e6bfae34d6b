/**
 * One request and its response: picks an endpoint, carries bytes between the two sides, repeats failed attempts where
 * that is safe (what is safe: `retry.ts`), and closes exactly once on every path, client abort included.
 * Hot: one object per request; everything else it needs belongs to connections.
 */
import { performance } from 'node:perf_hooks';
import type { Place, Waiter } from '../balancer/admission.ts';
import { AttemptResult } from '../balancer/attempt-result.ts';
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Upstream } from '../balancer/upstream.ts';
import type { RetryReason } from '../balancer/upstream-traffic.ts';
import type { LiveRoute } from '../live/live-route.ts';
import type { SplitReason, SplitTarget } from '../live/live-split.ts';
import { endAttempt, recordAttempt, sendTo } from './attempt.ts';
import type { Downstream } from './downstream.ts';
import { findEndpoint, leaveEmpty } from './endpoint-room.ts';
import { localResponse, overloadResponse } from './error-response.ts';
import { settle } from './exchange-end.ts';
import type { ExchangeRequest, RequestFactsForLog } from './exchange-request.ts';
import { BODY_NONE } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-head.ts';
import { KeptBody, keepSent, mayKeep } from './kept-body.ts';
import type { LaneMark } from './lane.ts';
import { Outcome, statusOf, toAttemptResult } from './outcome.ts';
import { addOwnFields, withOwnFields, withoutForged } from './own-fields.ts';
import { conditionOf, conditionOfStatus, refundTry, reserveTry, type Tries } from './retry.ts';
import type { StickySession } from './sticky-session.ts';
import { handOver, leaveUnhealthy } from './takeover.ts';
import type { UpstreamConnection } from './upstream-transport.ts';
import type { WorkerContext } from './worker-context.ts';

export class Exchange implements Waiter {
  readonly worker: WorkerContext;
  readonly downstream: Downstream;
  readonly route: LiveRoute;
  readonly target: SplitTarget;
  readonly method: string;
  /** Complete head for an HTTP/1.1 back end, with the empty line, and the body where that came along whole. */
  requestText: string;
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
  readonly session: StickySession | null;
  hashKey: number;
  readonly logFacts: RequestFactsForLog | null;
  readonly lane: LaneMark | null;
  /** Weights alone decided: `LiveSplit.comparable`. */
  readonly comparable: boolean;
  readonly splitReason: SplitReason;
  /** That of the split, or who took over from it. */
  upstream: Upstream;
  /** The main upstream took over from a canary. */
  fellBack: boolean;
  /** `upstream` is the backup of another one. */
  onBackup: boolean;
  endpoint: Endpoint | null;
  connection: UpstreamConnection | null;
  attempts: number;
  attemptStartMs: number;
  /** One of them, by a fault of its endpoint. */
  attemptFailed: boolean;
  /** All of the request was handed to the back end's connection. */
  requestSent: boolean;
  responseStarted: boolean;
  finished: boolean;
  status: number;
  requestBytes: number;
  responseBytes: number;
  upstreamMs: number;
  /** Null until an attempt has failed. */
  tries: Tries | null;
  /** Where it waits for room at the upstream. */
  place: Place | null;
  /** The client's side has delivered the whole body. */
  #requestComplete: boolean;
  /** Body bytes that are gone reached the back end or an interim response the client: it cannot be repeated unseen. */
  committed: boolean;
  /** Trailers of the request, judged, for the connection that gets its body. */
  #requestTrailers: readonly string[] | null;
  /** The body so far; null while there is none, and when it is no longer kept. */
  kept: KeptBody | null;

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
    this.session = request.session;
    this.hashKey = request.hashKey;
    this.logFacts = request.logFacts;
    this.lane = request.lane;
    // Of the decision that has just been made for this request.
    this.comparable = route.split.comparable;
    this.splitReason = route.split.reason;
    this.upstream = target.upstream;
    this.fellBack = false;
    this.onBackup = false;
    this.endpoint = null;
    this.connection = null;
    this.attempts = 0;
    this.attemptStartMs = this.startMs;
    this.attemptFailed = false;
    this.requestSent = false;
    this.responseStarted = false;
    this.finished = false;
    this.status = 0;
    this.requestBytes = request.inlineBytes;
    this.responseBytes = 0;
    this.upstreamMs = -1;
    this.tries = null;
    this.place = null;
    this.#requestComplete = request.body === BODY_NONE;
    this.committed = false;
    this.#requestTrailers = null;
    this.kept = null;
    worker.activeRequests++;
    worker.totalRequests++;
    target.stats.requests++;
  }

  /** Begins the first attempt. */
  begin(): void {
    const { upstream } = this;
    upstream.traffic.budget.countRequest(this.worker.clock.nowMs);
    if (!upstream.hasHealthy) leaveUnhealthy(this);
    this.#attempt();
  }

  /** Picks an endpoint and hands the request to a connection of it, or waits until there is room. */
  #attempt(): void {
    let endpoint = findEndpoint(this);
    if (endpoint === null && leaveEmpty(this)) endpoint = findEndpoint(this);
    if (endpoint !== null) sendTo(this, endpoint);
    else if (this.upstream.hasEndpoints) this.#wait();
    else this.fail(Outcome.NoEndpoint);
  }

  #wait(): void {
    const { admission } = this.upstream.traffic;
    this.place = admission?.join(this, this.worker.clock) ?? null;
    if (this.place === null) this.fail(Outcome.UpstreamOverloaded);
  }

  onRoom(): boolean {
    const endpoint = findEndpoint(this);
    if (endpoint === null && this.upstream.hasEndpoints) return false;
    this.#leaveLine();
    // Its waiting is not the endpoint's slowness.
    this.attemptStartMs = performance.now();
    if (endpoint === null) this.#attempt();
    else sendTo(this, endpoint);
    return true;
  }

  onSentAway(overdue: boolean): void {
    this.place = null;
    this.fail(overdue ? Outcome.UpstreamQueueTimeout : Outcome.UpstreamOverloaded);
  }

  #leaveLine(): void {
    if (this.place === null) return;
    this.upstream.traffic.admission?.leave(this.place);
    this.place = null;
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
      this.kept ??= new KeptBody(this.worker);
      this.kept.add(buffer, start, end);
      this.downstream.pauseRequest();
      return;
    }
    if (!this.committed && !keepSent(this, connection, buffer, start, end)) this.#commit();
    if (!connection.writeBody(buffer, start, end)) this.downstream.pauseRequest();
  }

  #commit(): void {
    this.committed = true;
    this.kept?.release();
    this.kept = null;
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
    // What the client has read may be the end of the response before this one.
    if (this.responseStarted) this.connection?.resumeResponse();
  }

  // From the back end's side.

  /** The connection can take the request: it writes `requestText`, then what was held of the body. */
  onConnectionReady(connection: UpstreamConnection): void {
    const kept = this.kept;
    const flowing = kept === null || kept.writeTo(connection);
    if (!mayKeep(this, connection, 0)) this.#commit();
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
    this.committed = true;
    this.lane?.answer?.dropForged(head);
    this.downstream.sendInformational(head);
  }

  onResponseHead(head: ResponseHead): void {
    if (this.route.retriesStatuses && this.#retryStatus(head.status)) return;
    this.responseStarted = true;
    this.#commit();
    if (this.tries !== null && head.status < 500) refundTry(this, this.tries);
    this.status = head.status;
    this.upstreamMs = performance.now() - this.startMs;
    this.addFields(head);
    this.downstream.startResponse(head);
  }

  /** The connection leaves HTTP. It may last for days: what that says about its endpoint must not wait for its end. */
  onSwitch(): void {
    this.status = 101;
    recordAttempt(this, AttemptResult.Ok, performance.now());
  }

  /** What the client is to get with the final head, beside what the back end says. */
  addFields(head: ResponseHead): void {
    if (this.session !== null || this.lane !== null) addOwnFields(this, head);
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    this.downstream.writeResponse(buffer, start, end);
  }

  /** The response is complete and the connection has already been given back or closed. */
  onResponseEnd(trailers: readonly string[] | null): void {
    this.connection = null;
    const nowMs = performance.now();
    endAttempt(this, this.status >= 500 ? AttemptResult.ServerError : AttemptResult.Ok, nowMs);
    this.finish(Outcome.Ok, nowMs);
    this.downstream.endResponse(trailers === null ? null : withoutForged(this, trailers));
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
    endAttempt(this, stale ? AttemptResult.Neutral : toAttemptResult(outcome));
    if (this.responseStarted) {
      this.finish(outcome);
      this.downstream.abortResponse();
      return;
    }
    const condition = conditionOf(outcome);
    const next = condition === null ? null : reserveTry(this, condition, sent, stale);
    if (next === null) this.fail(outcome);
    else this.#repeat(next, stale ? 'stale' : (condition as RetryReason));
  }

  /** The route must not be served (fail closed): the status it was closed with, and no attempt. */
  answerClosed(status: number): void {
    this.status = status;
    this.finish(Outcome.RouteClosed);
    this.downstream.answer(withOwnFields(this, localResponse(status)));
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
    const isOverload = outcome === Outcome.UpstreamOverloaded || outcome === Outcome.UpstreamQueueTimeout;
    this.downstream.answer(withOwnFields(this, isOverload ? overloadResponse() : localResponse(this.status)));
  }

  /** A connection that left HTTP has ended. */
  onTunnelEnd(): void {
    if (this.finished) return;
    this.connection = null;
    endAttempt(this, AttemptResult.Neutral);
    this.finish(Outcome.Ok);
  }

  /** Counts and logs, once. */
  finish(outcome: Outcome, nowMs: number = performance.now()): void {
    if (this.finished) return;
    this.finished = true;
    this.worker.activeRequests--;
    this.#leaveLine();
    this.kept?.release();
    settle(this, outcome, nowMs);
    this.upstream.traffic.admission?.admit();
  }

  #repeat(next: Upstream, reason: RetryReason): void {
    const { upstream, endpoint } = this;
    const tries = this.tries as Tries;
    upstream.traffic.countRetry(reason);
    if (endpoint !== null) {
      endpoint.retries++;
      if (reason !== 'stale') tries.failed.push(endpoint);
    }
    if (next !== upstream) handOver(this, next);
    this.#attempt();
    upstream.traffic.admission?.admit();
  }

  /** True: the response is given up, and another try is under way. */
  #retryStatus(status: number): boolean {
    const condition = conditionOfStatus(status);
    const next = condition === null ? null : reserveTry(this, condition, true, false);
    if (next === null) return false;
    const connection = this.connection;
    this.connection = null;
    connection?.abandon();
    endAttempt(this, status >= 500 ? AttemptResult.ServerError : AttemptResult.Ok);
    if (next !== this.upstream) this.attemptFailed = true;
    this.#repeat(next, condition as RetryReason);
    return true;
  }

  #abandonAttempt(): void {
    const connection = this.connection;
    if (connection === null) return;
    this.connection = null;
    connection.abandon();
    endAttempt(this, AttemptResult.Neutral);
  }
}
