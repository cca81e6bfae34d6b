/**
 * Lets accepted connections read into one buffer of ours, as `net.connect({ onread })` does for outgoing ones, and spares
 * them what the listening socket can do for all. A server has no such options: it allocates 64 KiB for each read and copies
 * what came, about a tenth of the cost of a small request, and sets the options of each connection by itself
 * (`docs/adr/0009-accepted-sockets-read-into-our-buffer.md`, `bench/macro`). The way there is private to Node, so where it
 * looks different only the saving is lost.
 */
import net from 'node:net';

/** Bytes `[0, length)` of the buffer are valid during the call only. */
export type OnRead = (buffer: Buffer, length: number) => void;

/** What `onread` sets on a socket that is made with it, by symbols of Node's own. */
interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
}

interface ReadingHandle {
  useUserBuffer?: (buffer: Buffer) => void;
}

interface ListeningHandle {
  setNoDelay?: (on: boolean) => number;
  setKeepAlive?: (on: boolean, delaySeconds: number) => number;
}

/** Null until the first connection; false where this runtime has no such thing. */
let readSymbols: ReadSymbols | false | null = null;

/** Has what `socket` reads, decrypted where it speaks TLS, handed to `onRead`. Nothing must have been read from it yet. */
export function readInto(socket: net.Socket, buffer: Buffer, onRead: OnRead): void {
  readSymbols ??= findReadSymbols();
  const handle = (socket as unknown as { readonly _handle: ReadingHandle | null })._handle;
  if (readSymbols === false || typeof handle?.useUserBuffer !== 'function' || socket.readableLength !== 0) {
    socket.on('data', (chunk: Buffer) => onRead(chunk, chunk.length));
    return;
  }
  const fields = socket as unknown as Record<symbol, unknown>;
  fields[readSymbols.buffer] = buffer;
  fields[readSymbols.callback] = (length: number): boolean => {
    onRead(buffer, length);
    return true;
  };
  handle.useUserBuffer(buffer);
  // It reads from the start, unless somebody read from it before and stopped.
  if (socket.readableFlowing === false) socket.resume();
}

/**
 * To be called once `server` listens: sends small packets at once and looks after silent peers on every connection it
 * accepts. These options are inherited from the listening socket; three system calls a connection are saved.
 */
export function setConnectionOptions(server: net.Server): void {
  const handle = (server as unknown as { readonly _handle: ListeningHandle | null })._handle;
  if (typeof handle?.setNoDelay === 'function' && typeof handle.setKeepAlive === 'function') {
    handle.setNoDelay(true);
    // A delay of 0 stands for the system's own.
    handle.setKeepAlive(true, 0);
  } else Object.assign(server, { noDelay: true, keepAlive: true });
}

function findReadSymbols(): ReadSymbols | false {
  const names = Object.getOwnPropertySymbols(new net.Socket());
  const buffer = names.find(({ description }) => description === 'kBuffer');
  const callback = names.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? false : { buffer, callback };
}
