/**
 * The phases of a request, in order, from a parsed head to the first attempt. Reads the running configuration once.
 * Hot.
 */
import type { LiveRoute } from '../live/live-route.ts';
import type { LiveSplit, SplitTarget } from '../live/live-split.ts';
import type { Downstream } from './downstream.ts';
import { type LocalResponse, localResponse, redirectResponse } from './error-response.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeRequest, RequestFactsForLog } from './exchange-request.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE } from './http1/request-head.ts';
import { toRoutingHost } from './http1/request-target.ts';
import type { JudgedRequest } from './judged-request.ts';
import { tagLane } from './lane.ts';
import { toLaneAnswer } from './lane-answer.ts';
import { copyRequest, MirroredExchange } from './mirror/mirrored-exchange.ts';
import { Outcome } from './outcome.ts';
import { isSecure, type RequestOrigin } from './request-origin.ts';
import { StickySession } from './sticky-session.ts';
import { refuseClient } from './tls/client-identity.ts';
import { logUnrouted } from './unrouted-log.ts';
import type { WorkerContext } from './worker-context.ts';

/** Longest request id taken over from a client. */
const MAX_REQUEST_ID = 128;

/**
 * @returns the exchange, on its way; null when the request was answered without one
 */
export function handleRequest(
  worker: WorkerContext,
  downstream: Downstream,
  head: JudgedRequest,
  origin: RequestOrigin,
): Exchange | null {
  if (head.target === '*' || head.maxForwards === 0) {
    downstream.answer({ status: 204, reason: 'No Content', fields: '', body: '' });
    return null;
  }
  const { tables, formerTable, clientCertificates } = worker.live.current;
  if (clientCertificates !== null) {
    const response = refuseClient(clientCertificates, origin);
    if (response !== null) return refuse(worker, downstream, head, response);
  }
  const own = tables.get(origin.listener);
  // Nobody knows any more what a listener that is gone demanded of its clients.
  if (own === undefined && origin.identity !== null) return refuse(worker, downstream, head, localResponse(421));
  const table = own ?? formerTable;
  const route = table === null ? null : table.match(origin.routingHost, head.target, head.pathEnd, head);
  if (route === null) return refuse(worker, downstream, head, localResponse(404));
  if (route.slashRedirectLength !== 0 && redirectMissingSlash(downstream, head, route, origin)) return null;
  const { affinity, split } = route;
  const session = affinity === null ? null : new StickySession(worker, affinity, head, origin);
  const draw = worker.draw();
  const { clientIp } = origin;
  const target =
    session === null ? split.choose(head, clientIp, draw) : split.chooseFor(session.upstreamHash, head, clientIp, draw);
  const { laneHeaders } = route;
  const plain = toExchangeRequest(worker, head, origin, target, session);
  const request =
    laneHeaders === null
      ? plain
      : tagLane(plain, { names: laneHeaders, lane: target.lane, answer: toLaneAnswer(route, head, origin) });
  if (request.logFacts !== null) noteSplit(request.logFacts, split);
  const copy = route.mirror === null ? null : copyRequest(worker, route, head, origin, request);
  const exchange =
    copy === null
      ? new Exchange(worker, downstream, route, target, request)
      : new MirroredExchange(copy, worker, downstream, { route, target, request });
  const { closed, maxRequestBodyBytes } = route.policy;
  if (closed !== null) exchange.answerClosed(closed.status);
  else if (maxRequestBodyBytes !== 0 && head.contentLength > maxRequestBodyBytes) exchange.fail(Outcome.BodyTooLarge);
  else exchange.begin();
  return exchange.finished ? null : exchange;
}

function refuse(worker: WorkerContext, downstream: Downstream, head: JudgedRequest, response: LocalResponse): null {
  worker.countUnrouted(response.status);
  logUnrouted(worker, downstream.clientIp, head, response.status);
  downstream.answer(response);
  return null;
}

function toExchangeRequest(
  worker: WorkerContext,
  head: JudgedRequest,
  origin: RequestOrigin,
  { hashKey }: SplitTarget,
  session: StickySession | null,
): ExchangeRequest {
  const taken = head.requestId !== '' && head.requestId.length <= MAX_REQUEST_ID;
  const id = taken ? head.requestId : worker.requestIds.next();
  const inline = origin.inlineBody;
  return {
    method: head.method,
    text: toUpstreamText(head, origin.forwarded, id) + inline,
    id,
    inlineBytes: inline.length,
    body: inline === '' ? head.body : BODY_NONE,
    expectContinue: head.expectContinue && inline === '',
    upgrade: head.upgrade,
    acceptsTrailers: head.acceptsTrailers,
    bindsConnection: head.bindsConnection,
    session,
    hashKey: hashKey === null ? 0 : hashKey.of(head, origin, id),
    logFacts: worker.onAccess === null ? null : toLogFacts(head, origin.clientIp),
    lane: null,
  };
}

function toLogFacts(head: JudgedRequest, clientIp: string): RequestFactsForLog {
  return {
    timeMs: Date.now(),
    clientIp,
    host: head.host,
    target: head.target,
    protocol: head.protocol,
    userAgent: head.header('user-agent') ?? '',
    referer: head.header('referer') ?? '',
    split: '',
    bucket: -1,
  };
}

function noteSplit(facts: RequestFactsForLog, { reason, bucket }: LiveSplit): void {
  facts.split = reason;
  facts.bucket = bucket;
}

/** Everything after the client's own fields is ours, so nothing the client sends can remove or precede it. */
function toUpstreamText(head: JudgedRequest, forwarded: string, id: string): string {
  let text = `${head.toForwardedHead() + forwarded}X-Request-ID: ${id}\r\n`;
  if (head.forwardedFor !== '') text += `X-Original-Forwarded-For: ${head.forwardedFor}\r\n`;
  if (head.forwardedHost !== '') text += `X-Original-Forwarded-Host: ${head.forwardedHost}\r\n`;
  if (head.maxForwards > 0) text += `Max-Forwards: ${head.maxForwards - 1}\r\n`;
  if (head.body === BODY_CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
  if (head.expectContinue) text += 'Expect: 100-continue\r\n';
  if (head.upgrade !== '') text += `Connection: upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  return `${text}\r\n`;
}

/** Prefix `/foo/` and a GET for `/foo`: clients of the nginx dialect expect to be sent to `/foo/`. */
function redirectMissingSlash(
  downstream: Downstream,
  head: JudgedRequest,
  route: LiveRoute,
  origin: RequestOrigin,
): boolean {
  if (head.pathEnd !== route.slashRedirectLength - 1) return false;
  if (head.method !== 'GET' && head.method !== 'HEAD') return false;
  const path = head.target.slice(0, head.pathEnd);
  const { told } = origin;
  const host = told === null ? origin.routingHost : toRoutingHost(told.host);
  const base = host === '' ? '' : `${isSecure(origin) ? 'https' : 'http'}://${host}`;
  const location = `${base}${path}/${head.target.slice(head.pathEnd)}`;
  downstream.answer(redirectResponse(301, location));
  return true;
}

/** Whether the body that follows the head came along with it, small enough to travel as text. */
export function isInlineBody(head: JudgedRequest, availableBytes: number, limit: number): boolean {
  return head.body === BODY_LENGTH && head.contentLength <= availableBytes && head.contentLength <= limit;
}
