/** Access-log entries for what never became an exchange: refused heads, unknown hosts and paths. */
import type { JudgedRequest } from './judged-request.ts';
import { Outcome } from './outcome.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * @param head null when it could not be parsed: nothing of it is trusted enough to be logged as fields
 * @param protocol what the connection speaks, for when there is no head to tell
 */
export function logUnrouted(
  worker: WorkerContext,
  clientIp: string,
  head: JudgedRequest | null,
  status: number,
  protocol = 'HTTP/1.1',
): void {
  worker.onAccess?.({
    timeMs: Date.now(),
    clientIp,
    method: head?.method ?? '',
    host: head?.host ?? '',
    target: head?.target ?? '',
    protocol: head?.protocol ?? protocol,
    status,
    requestBytes: 0,
    responseBytes: 0,
    durationMs: 0,
    upstreamMs: -1,
    routeId: '',
    upstreamId: '',
    endpointId: '',
    canary: false,
    split: '',
    bucket: -1,
    fallback: false,
    backup: false,
    attempts: 0,
    userAgent: head?.header('user-agent') ?? '',
    referer: head?.header('referer') ?? '',
    requestId: head?.requestId ?? '',
    outcome: status === 404 ? Outcome.NoRoute : Outcome.LocalAnswer,
  });
}
