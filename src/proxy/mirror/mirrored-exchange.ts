/**
 * An exchange whose request goes to a mirror target as well: taps what passes, and leaves everything else as it is. Requests
 * that are not mirrored never meet this class, so mirroring costs them nothing.
 */
import type { LiveRoute } from '../../live/live-route.ts';
import type { SplitTarget } from '../../live/live-split.ts';
import type { Downstream } from '../downstream.ts';
import { Exchange } from '../exchange.ts';
import type { ExchangeRequest } from '../exchange-request.ts';
import { BODY_NONE } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { JudgedRequest } from '../judged-request.ts';
import { Outcome } from '../outcome.ts';
import type { RequestOrigin } from '../request-origin.ts';
import type { WorkerContext } from '../worker-context.ts';
import { MIRROR_FIELD } from './copied-fields.ts';
import { RequestCopy } from './request-copy.ts';

/**
 * Null: this request is not mirrored. The sample is drawn, never taken from the request: whoever sends it must not choose.
 * Upgrades and credentials that belong to a connection mean nothing on another one; copies are not copied again.
 */
export function copyRequest(
  worker: WorkerContext,
  { id: routeId, mirror }: LiveRoute,
  head: JudgedRequest,
  origin: RequestOrigin,
  request: ExchangeRequest,
): RequestCopy | null {
  if (mirror === null || !mirror.takes(worker.draw())) return null;
  if (head.upgrade !== '' || head.bindsConnection || head.header(MIRROR_FIELD) !== null) return null;
  const order = {
    mirror,
    routeId,
    target: mirror.targetOf(head, origin, request.id),
    path: head.target.slice(0, head.pathEnd),
    contentLength: head.contentLength,
  };
  return new RequestCopy(worker.mirrors, order, request);
}

interface MirroredParts {
  readonly route: LiveRoute;
  readonly target: SplitTarget;
  readonly request: ExchangeRequest;
}

export class MirroredExchange extends Exchange {
  readonly #copy: RequestCopy;

  constructor(
    copy: RequestCopy,
    worker: WorkerContext,
    downstream: Downstream,
    { route, target, request }: MirroredParts,
  ) {
    super(worker, downstream, route, target, request);
    this.#copy = copy;
  }

  override begin(): void {
    // What has no body, or came with it, is complete: it is copied whatever becomes of the request.
    const complete = this.body === BODY_NONE || this.route.mirror?.config.sendBody === false;
    this.#copy.begin(complete);
    super.begin();
    if (complete) this.#copy.send();
  }

  override onRequestData(buffer: Buffer, start: number, end: number): void {
    if (!this.finished) this.#copy.addBody(buffer, start, end);
    super.onRequestData(buffer, start, end);
  }

  override onRequestEnd(trailers: readonly string[] | null): void {
    super.onRequestEnd(trailers);
    this.#copy.send();
  }

  override onResponseHead(head: ResponseHead): void {
    super.onResponseHead(head);
    // Else it is one that is not passed on.
    if (this.responseStarted) this.#copy.onProductionHead(head);
  }

  override onResponseData(buffer: Buffer, start: number, end: number): void {
    this.#copy.onProductionData(buffer, start, end);
    super.onResponseData(buffer, start, end);
  }

  override finish(outcome: Outcome, nowMs?: number): void {
    if (this.finished) return;
    super.finish(outcome, nowMs);
    const whole = outcome === Outcome.Ok || (!this.responseStarted && this.status !== 499);
    this.#copy.onProductionEnd(whole ? this.status : 0, !this.responseStarted);
  }
}
