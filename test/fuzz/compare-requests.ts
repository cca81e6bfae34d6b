/** Judges our reading of a client's byte stream against llhttp's: we may be stricter for a named reason, never laxer. */
import { type Finding, failure, SAME, UNDECIDED } from './finding.ts';
import { knownDifference, PROXY_CONNECTION, TAB_BEHIND_VALUE, TAB_LABEL } from './known-differences.ts';
import { asksToClose, expectedTarget, ruleOfRequest } from './request-rules.ts';
import { LIMITS } from './request-subject.ts';
import { CLOSED, OPEN, type ParsedMessage, REFUSED, type Trace } from './trace.ts';

const LONGER_LIVED = 'kept alive, while llhttp would close';
const KNOWN_METHOD: Finding = { kind: 'known', label: 'a method llhttp does not know' };

/** @param methods those llhttp knows */
export function compareRequests(bytes: Buffer, ours: Trace, theirs: Trace, methods: ReadonlySet<string>): Finding {
  const common = Math.min(ours.completeCount, theirs.completeCount);
  for (let i = 0; i < common; i++) {
    const label = differenceOfRequests(ours.messages[i] as ParsedMessage, theirs.messages[i] as ParsedMessage);
    if (label !== null) return judgeDifference(bytes, label);
    if (closesAlone(ours, theirs, i)) return judgeClose(bytes, ours, i);
  }
  const start = common === 0 ? 0 : (theirs.messages[common - 1] as ParsedMessage).end;
  const next = ours.messages[common];
  if (next !== undefined && !methods.has(next.verb)) return KNOWN_METHOD;
  if (ours.completeCount > common) {
    if (theirs.ending !== REFUSED) return failure('a request ends too early');
    return judgeLaxness(bytes, theirs.reason);
  }
  if (ours.ending === REFUSED) {
    if (theirs.ending === REFUSED && theirs.completeCount === common) return SAME;
    return judgeRefusal(bytes, start);
  }
  if (theirs.completeCount > common) return failure('a request ends too late or not at all');
  return compareOpen(bytes, ours, theirs);
}

function judgeLaxness(bytes: Buffer, reason: string): Finding {
  const label = knownDifference(bytes.toString('latin1'), reason);
  return label === null ? failure(`accepted, while llhttp says: ${reason}`) : { kind: 'known', label };
}

/** Both are inside the same message, or between two. */
function compareOpen(bytes: Buffer, ours: Trace, theirs: Trace): Finding {
  const our = ours.current;
  const their = theirs.current;
  if (theirs.ending === REFUSED) {
    return our === null && ours.ending === OPEN ? UNDECIDED : judgeLaxness(bytes, theirs.reason);
  }
  if (ours.ending !== theirs.ending) return failure('persistence differs');
  if (our === null || their === null) return our === their ? SAME : failure('a head is complete for one side only');
  const label = differenceOfRequests(our, their);
  return label === null ? SAME : judgeDifference(bytes, label);
}

function judgeDifference(bytes: Buffer, label: string): Finding {
  const text = bytes.toString('latin1');
  if (label !== LONGER_LIVED) return failure(label);
  if (TAB_BEHIND_VALUE.test(text)) return { kind: 'known', label: TAB_LABEL };
  return PROXY_CONNECTION.test(text) ? { kind: 'known', label: 'Proxy-Connection' } : failure(label);
}

function differenceOfRequests(ours: ParsedMessage, theirs: ParsedMessage): string | null {
  if (ours.verb !== theirs.verb) return 'methods differ';
  if (ours.target !== theirs.target && ours.target !== expectedTarget(theirs.verb, theirs.target))
    return 'targets differ';
  if (ours.bodyBytes !== theirs.bodyBytes) return 'body lengths differ';
  if (ours.bodyHash !== theirs.bodyHash) return 'body bytes differ';
  if (ours.end !== theirs.end) return 'ends differ';
  return ours.keepAlive && !theirs.keepAlive ? LONGER_LIVED : null;
}

function closesAlone(ours: Trace, theirs: Trace, index: number): boolean {
  const isLast = index === ours.messages.length - 1;
  return isLast && ours.ending === CLOSED && (theirs.messages[index] as ParsedMessage).keepAlive;
}

function judgeClose(bytes: Buffer, ours: Trace, index: number): Finding {
  const start = index === 0 ? 0 : (ours.messages[index - 1] as ParsedMessage).end;
  if (!asksToClose(bytes.toString('latin1', start))) return failure('closed without being asked to');
  return { kind: 'known', label: 'a request to close that llhttp does not see' };
}

function judgeRefusal(bytes: Buffer, start: number): Finding {
  const rule = ruleOfRequest(bytes.toString('latin1', start), LIMITS);
  return rule === null ? failure('refused without a reason') : { kind: 'stricter', label: rule };
}

/** Whether what we accepted breaks one of our own rules, whatever llhttp thinks of it. */
export function brokenRule(bytes: Buffer, ours: Trace): string | null {
  let start = 0;
  for (const message of ours.messages) {
    const end = message.end === -1 ? bytes.length : message.end;
    if (message.complete || ours.ending !== REFUSED) {
      const rule = ruleOfRequest(bytes.toString('latin1', start, end), LIMITS);
      if (rule !== null) return `accepted against our own rule: ${rule}`;
    }
    start = end;
  }
  return null;
}
