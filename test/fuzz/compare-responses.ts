/** Judges our reading of a back end's byte stream against llhttp's: we may be stricter for a named reason, never laxer. */
import { type Finding, failure, SAME, UNDECIDED } from './finding.ts';
import { type Asked, repeatsLength, ruleOfResponse } from './response-rules.ts';
import { MAX_RESPONSE_FIELDS } from './response-subject.ts';
import { CUT_OFF, type ParsedMessage, REFUSED, type Trace } from './trace.ts';

export function compareResponses(bytes: Buffer, asked: Asked, ours: Trace, theirs: Trace): Finding {
  if (theirs.ending === REFUSED) return judgeTheirRefusal(bytes, asked, ours, theirs);
  if (ours.ending === REFUSED) {
    const rule = ruleOfResponse(bytes.toString('latin1'), asked, MAX_RESPONSE_FIELDS);
    return rule === null ? failure('refused without a reason') : { kind: 'stricter', label: rule };
  }
  if (ours.messages.length !== theirs.messages.length) return failure('numbers of responses differ');
  for (let i = 0; i < ours.messages.length; i++) {
    const label = differenceOfResponses(ours.messages[i] as ParsedMessage, theirs.messages[i] as ParsedMessage);
    if (label !== null) return failure(label);
  }
  return ours.ending === theirs.ending ? SAME : failure('one side sees a complete response, the other does not');
}

function judgeTheirRefusal(bytes: Buffer, asked: Asked, ours: Trace, theirs: Trace): Finding {
  if (ours.ending === REFUSED) return SAME;
  // Cut off inside a head: nothing of it was taken for a response.
  if (ours.ending === CUT_OFF && ours.current === null) return UNDECIDED;
  const text = bytes.toString('latin1');
  const rule = ruleOfResponse(text, asked, MAX_RESPONSE_FIELDS);
  if (rule === null && repeatsLength(text) && theirs.reason.startsWith('Content-Length')) {
    return { kind: 'known', label: 'equal Content-Length repeated' };
  }
  return failure(`accepted, while llhttp says: ${theirs.reason}`);
}

function differenceOfResponses(ours: ParsedMessage, theirs: ParsedMessage): string | null {
  if (ours.verb !== theirs.verb) return 'statuses differ';
  if (ours.complete !== theirs.complete) return 'a response is complete for one side only';
  if (ours.bodyBytes !== theirs.bodyBytes) return 'body lengths differ';
  if (ours.bodyHash !== theirs.bodyHash) return 'body bytes differ';
  const isFinal = ours.verb.charCodeAt(0) !== 49;
  return isFinal && ours.keepAlive && !theirs.keepAlive ? 'reusable, while llhttp would close' : null;
}
