/**
 * Tells the client in which lane its request was: by a header of the response, and by a cookie that brings it back. What back
 * ends say under the name of the header is taken off, so a lane in a response is always the word of the split. Only routes that
 * ask for it come here.
 */
import type { LiveLaneAnswer } from '../live/live-lane-answer.ts';
import type { LiveRoute } from '../live/live-route.ts';
import type { LaneConfig } from '../model/lane.ts';
import type { LocalResponse } from './error-response.ts';
import type { Exchange } from './exchange.ts';
import type { ResponseHead } from './http1/response-head.ts';
import type { JudgedRequest } from './judged-request.ts';
import { isSecure, type RequestOrigin } from './request-origin.ts';

/** Of one request. */
export class LaneAnswer {
  readonly #route: LiveLaneAnswer;
  /** What the cookie of the client says; null = it has none. */
  readonly #sent: string | null;
  readonly #secure: boolean;

  constructor(route: LiveLaneAnswer, sent: string | null, secure: boolean) {
    this.#route = route;
    this.#sent = sent;
    this.#secure = secure;
  }

  /** The final head of a back end. */
  addTo(head: ResponseHead, exchange: Exchange): void {
    const { header } = this.#route;
    this.dropForged(head);
    const lane = laneOf(exchange);
    if (lane === null) return;
    if (header !== '') head.addOwn(header, lane.name);
    // Whoever was answered by another side than the one chosen is not moved by that, as sessions are not.
    if (lane.inCookie !== true || exchange.fellBack || this.#sent === lane.name) return;
    head.addOwn('Set-Cookie', this.#route.toSetCookie(lane, this.#secure));
  }

  dropForged({ fields }: ResponseHead): void {
    const { forged } = this.#route;
    if (forged !== null) fields.dropNamed(forged);
  }

  /** @param trailers names and values in turn */
  withoutForged(trailers: readonly string[]): readonly string[] {
    const { forged } = this.#route;
    if (forged === null) return trailers;
    return trailers.filter((_, at) => !forged.has((trailers[at - (at % 2)] as string).toLowerCase()));
  }

  /** An answer of our own: it says whose failure it is, and keeps nobody there. */
  toLocal(response: LocalResponse, exchange: Exchange): LocalResponse {
    const { header } = this.#route;
    const lane = laneOf(exchange);
    if (header === '' || lane === null) return response;
    return { ...response, fields: `${response.fields}${header}: ${lane.name}\r\n` };
  }
}

/** Null = nobody is to be told. */
export function toLaneAnswer({ laneAnswer }: LiveRoute, head: JudgedRequest, origin: RequestOrigin): LaneAnswer | null {
  if (laneAnswer === null) return null;
  const sent = laneAnswer.hasCookie ? laneAnswer.read(head.header('cookie')) : null;
  return new LaneAnswer(laneAnswer, sent, isSecure(origin));
}

/** That the request is in by now: who falls back has left the one of the canary. */
function laneOf({ fellBack, route, target }: Exchange): LaneConfig | null {
  return fellBack ? (route.split.stable?.lane ?? null) : target.lane;
}
