/**
 * The handshake of WebSocket over HTTP/1.1 (RFC 6455 §4): what a client of HTTP/2 does not send, because its stream needs
 * none (RFC 8441 §5), and a back end that speaks HTTP/1.1 insists on.
 */
import { createHash, randomBytes } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY_BYTES = 16;

/** A fresh `Sec-WebSocket-Key`. */
export function createWebSocketKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/** The `Sec-WebSocket-Accept` that proves the other side read the key as one. */
export function toWebSocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}
