/**
 * Lets an accepted connection read into one buffer of ours, as `net.connect({ onread })` does for outgoing ones. A server
 * has no such option: it allocates 64 KiB for each read and copies what came, about a tenth of the cost of a small request
 * (`docs/adr`, `bench/macro`). The way there is a private field of `net.Socket`, so its absence only costs the saving.
 */
import net from 'node:net';

/** Bytes `[0, length)` of the buffer are valid during the call only. */
export type OnRead = (buffer: Buffer, length: number) => void;

interface WithHandle {
  _handle: object | null;
}

/** @returns the socket to use from now on, or null when this runtime does not allow it and `socket` must do */
export function readInto(socket: net.Socket, buffer: Buffer, onRead: OnRead): net.Socket | null {
  const accepted = socket as unknown as WithHandle;
  const handle = accepted._handle;
  if (handle === null || typeof handle !== 'object' || !('readStart' in handle)) return null;
  accepted._handle = null;
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer,
      callback: (length: number): boolean => {
        onRead(buffer, length);
        return true;
      },
    },
  };
  return new net.Socket(options as unknown as net.SocketConstructorOpts);
}

/** What `onread` sets on a socket that is made with it, by symbols of Node's own. */
interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Null until the first TLS connection; false where this runtime has no such thing. */
let readSymbols: ReadSymbols | false | null = null;

/**
 * The same for a socket that has decrypted bytes to hand on: Node's server makes it, without a way to pass `onread`.
 * @returns false when this runtime does not allow it; `data` events must do
 */
export function readDecryptedInto(socket: net.Socket, buffer: Buffer, onRead: OnRead): boolean {
  readSymbols ??= findReadSymbols();
  const handle = (socket as unknown as { readonly _handle: { useUserBuffer?: (buffer: Buffer) => void } | null })
    ._handle;
  if (readSymbols === false || typeof handle?.useUserBuffer !== 'function' || socket.readableLength !== 0) return false;
  const fields = socket as unknown as Record<symbol, unknown>;
  fields[readSymbols.buffer] = buffer;
  fields[readSymbols.callback] = (length: number): boolean => {
    onRead(buffer, length);
    return true;
  };
  handle.useUserBuffer(buffer);
  socket.resume();
  return true;
}

function findReadSymbols(): ReadSymbols | false {
  const names = Object.getOwnPropertySymbols(new net.Socket());
  const buffer = names.find(({ description }) => description === 'kBuffer');
  const callback = names.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? false : { buffer, callback };
}
