/** What the upstreams answer with. */

export const SMALL_BODY = 'forty bytes of an answer, and not more.!';
export const LARGE_BODY_PATH = '/files/large';
export const LARGE_BODY_BYTES = 1_048_576;
