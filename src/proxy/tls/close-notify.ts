/**
 * Tells an end that the peer announced (`close_notify`) from a bare FIN, which anybody on the way can send (RFC 9112 §9.8).
 * Node reports both as `end`, but only the bare FIN comes from below and stops the TCP handle; asking that handle to read
 * tells which it was. The handle is private to Node: where it is missing or looks different, every end counts as announced.
 */
import { constants } from 'node:os';
import type { TLSSocket } from 'node:tls';

/** What `readStart` of a libuv stream returns when it reads already. */
const READS_ALREADY = -constants.errno.EALREADY;

interface WithHandle {
  readonly _handle?: { readonly _parent?: { readStart?(): unknown } | null } | null;
}

/** To be made when the handshake is complete. `announced` is to be asked in an `end` listener. */
export class CloseNotify {
  readonly #socket: TLSSocket;
  #cameWhilePaused: boolean;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#cameWhilePaused = false;
    // A paused TCP handle reads nothing, so an end it has not delivered by now can only have come from a record.
    socket.on('resume', () => {
      // Paused again since: it is asked next time.
      if (!socket.isPaused() && this.#hasStopped()) this.#cameWhilePaused = true;
    });
  }

  get announced(): boolean {
    return this.#cameWhilePaused || !this.#hasStopped();
  }

  #hasStopped(): boolean {
    const parent = (this.#socket as unknown as WithHandle)._handle?._parent;
    return typeof parent?.readStart === 'function' && parent.readStart() !== READS_ALREADY;
  }
}
