/** How much of a client connection is held, read on for, and thrown away. */

/** A request body that fits travels as text in the same write as its head, and can be sent again in a retry. */
export const INLINE_BODY_BYTES = 4_096;
/** Unread body up to which reading on costs less than a new connection. */
export const DISCARD_BODY_BYTES = 65_536;
/** Pipelined bytes behind which the client is not read any more. */
export const PIPELINE_PAUSE_BYTES = 32_768;
/** How long, and for how many bytes, input is thrown away after the last answer. */
export const LINGER_MS = 2_000;
export const LINGER_BYTES = 1_048_576;
