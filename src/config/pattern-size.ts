/**
 * Estimates how large the program of an RE2 pattern gets, before paying for it. RE2 is linear in the text, but its factor is
 * this size, and counted repetition makes a short pattern huge: `(a{99}b){9}` is a thousand steps for every character.
 */

/** `{3}`, `{3,}`, `{3,5}`; anything else in braces is literal text. */
const COUNT = /\{(\d+)(?:,(\d*))?\}/y;

/** Roughly in instructions, never far below. Malformed patterns give some number: compiling them fails anyway. */
export function estimatePatternSize(pattern: string): number {
  const enclosing: number[] = [];
  let size = 0;
  let last = 0;
  for (let at = 0; at < pattern.length; ) {
    const character = pattern[at];
    const count = character === '{' ? readCount(pattern, at) : null;
    if (count !== null) {
      size += last * (count.times - 1);
      last *= count.times;
      at = count.end;
    } else if (character === '(') {
      enclosing.push(size);
      size = 0;
      last = 0;
      at++;
    } else if (character === ')') {
      // A group that captures marks its start and its end.
      last = size + 2;
      size = (enclosing.pop() ?? 0) + last;
      at++;
    } else {
      const end = character === '[' ? skipClass(pattern, at) : skipCharacter(pattern, at);
      last = character === '[' ? 1 : end - at;
      size += last;
      at = end;
    }
  }
  return enclosing.reduce((sum, outer) => sum + outer, size);
}

function readCount(pattern: string, at: number): { readonly times: number; readonly end: number } | null {
  COUNT.lastIndex = at;
  const match = COUNT.exec(pattern);
  if (match === null) return null;
  const least = Number(match[1]);
  const most = match[2] === undefined || match[2] === '' ? least + 1 : Number(match[2]);
  return { times: Math.max(1, least, most), end: at + match[0].length };
}

/** `\Q…\E` quotes everything between: an instruction for each character, and none of them means a group. */
function skipCharacter(pattern: string, at: number): number {
  if (pattern[at] !== '\\') return at + 1;
  if (pattern[at + 1] !== 'Q') return at + 2;
  const end = pattern.indexOf('\\E', at);
  return end === -1 ? pattern.length : end + 2;
}

/** To behind the closing bracket, which is literal in first place and inside `[:name:]`. */
function skipClass(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '^') at++;
  if (pattern[at] === ']') at++;
  while (at < pattern.length && pattern[at] !== ']') {
    const name = pattern.startsWith('[:', at) ? pattern.indexOf(':]', at + 2) : -1;
    if (name === -1) at += pattern[at] === '\\' ? 2 : 1;
    else at = name + 2;
  }
  return at + 1;
}
