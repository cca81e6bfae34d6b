/** Judges our reading of a back end's byte stream against llhttp's: we may be stricter for a named reason, never laxer. */
import { type Finding, failure, SAME, UNDECIDED } from './finding.ts';
import { knownDifference, PROXY_CONNECTION, TAB_BEHIND_VALUE, TAB_LABEL } from './known-differences.ts';
import { type Asked, announcesTwice, ruleOfResponse } from './response-rules.ts';
import { MAX_RESPONSE_FIELDS } from './response-subject.ts';
import { CLOSED, CUT_OFF, type ParsedMessage, REFUSED, type Trace } from './trace.ts';

const LONGER_LIVED = 'reusable, while llhttp would close';
/** llhttp reads nothing behind such a response; we go on to the final one and judge that. */
const CLOSE_IN_INTERIM: Finding = { kind: 'known', label: 'no keep-alive in an interim response' };

export function compareResponses(bytes: Buffer, asked: Asked, ours: Trace, theirs: Trace): Finding {
  if (theirs.ending === REFUSED) return judgeTheirRefusal(bytes, asked, ours, theirs);
  if (ours.ending === REFUSED) {
    const rule = ruleOfResponse(bytes.toString('latin1'), asked, MAX_RESPONSE_FIELDS);
    return rule === null ? failure('refused without a reason') : { kind: 'stricter', label: rule };
  }
  if (closesInInterim(theirs)) return CLOSE_IN_INTERIM;
  const waitsInHead = ours.ending === CUT_OFF && ours.current === null;
  if (waitsInHead && theirs.messages.length > ours.messages.length) return judgeUnfinished(bytes, asked);
  const label = differenceOf(ours, theirs);
  if (label === null) return ours.ending === CLOSED && ours.last?.keepAlive === true ? judgeKeepAlive(bytes) : SAME;
  const text = bytes.toString('latin1');
  if (TAB_BEHIND_VALUE.test(text)) return { kind: 'known', label: TAB_LABEL };
  return label === LONGER_LIVED ? judgeReuse(text, asked) : failure(label);
}

function differenceOf(ours: Trace, theirs: Trace): string | null {
  if (ours.messages.length !== theirs.messages.length) return 'numbers of responses differ';
  for (let i = 0; i < ours.messages.length; i++) {
    const label = differenceOfResponses(ours.messages[i] as ParsedMessage, theirs.messages[i] as ParsedMessage);
    if (label !== null) return label;
  }
  return ours.ending === theirs.ending ? null : 'one side sees a complete response, the other does not';
}

/** llhttp has seen the end of a head that we still wait for, and never took for one. */
function judgeUnfinished(bytes: Buffer, asked: Asked): Finding {
  const rule = ruleOfResponse(bytes.toString('latin1'), asked, MAX_RESPONSE_FIELDS);
  return rule === null ? failure('a head without an end') : { kind: 'stricter', label: rule };
}

function judgeTheirRefusal(bytes: Buffer, asked: Asked, ours: Trace, theirs: Trace): Finding {
  if (ours.ending === REFUSED) return SAME;
  // Cut off inside a head: nothing of it was taken for a response.
  if (ours.ending === CUT_OFF && ours.current === null) return UNDECIDED;
  const text = bytes.toString('latin1');
  const label = ruleOfResponse(text, asked, MAX_RESPONSE_FIELDS) === null ? knownDifference(text, theirs.reason) : null;
  return label === null ? failure(`accepted, while llhttp says: ${theirs.reason}`) : { kind: 'known', label };
}

function closesInInterim(theirs: Trace): boolean {
  return theirs.messages.some((message) => isInterim(message) && !message.keepAlive);
}

function isInterim(message: ParsedMessage): boolean {
  return message.verb.charCodeAt(0) === 49;
}

/** With two lengths announced, the back end may mean the other one (RFC 9112 §6.3): served, but never reused. */
function judgeKeepAlive(bytes: Buffer): Finding {
  return announcesTwice(bytes.toString('latin1')) ? failure('reusable after a response with two lengths') : SAME;
}

/** Whether we may use a connection again that llhttp would close. */
function judgeReuse(text: string, asked: Asked): Finding {
  // A HEAD answer ends with its head, also without a length (RFC 9112 §6.3).
  if (asked === 'head') return { kind: 'known', label: 'reuse after a HEAD answer without length' };
  return PROXY_CONNECTION.test(text) ? { kind: 'known', label: 'Proxy-Connection' } : failure(LONGER_LIVED);
}

function differenceOfResponses(ours: ParsedMessage, theirs: ParsedMessage): string | null {
  if (ours.verb !== theirs.verb) return 'statuses differ';
  if (ours.complete !== theirs.complete) return 'a response is complete for one side only';
  if (ours.bodyBytes !== theirs.bodyBytes) return 'body lengths differ';
  if (ours.bodyHash !== theirs.bodyHash) return 'body bytes differ';
  return !isInterim(ours) && ours.keepAlive && !theirs.keepAlive ? LONGER_LIVED : null;
}
