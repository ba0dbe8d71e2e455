/**
 * Messages to the client, collected in one buffer and handed to the transport at flush points or when the buffer is
 * full. Back-pressure is a promise to await; without one the caller may go on at once.
 */
import { ByteWriter } from './bytes.ts';
import { encodeMessage } from './encode.ts';
import type { BackendMessage } from './message.ts';
import { ConnectionLost } from './port.ts';
import type { Transport } from './transport.ts';

/** Buffered bytes that are sent without waiting for a flush point. */
const SEND_BYTES = 64 * 1024;
/** After this many bytes without a pause others get a turn, even if this client keeps up. */
const YIELD_BYTES = 1024 * 1024;

/** A promise whose rejection may go unobserved: the loss of the connection is also seen elsewhere. */
export function guarded(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

export class Outbound {
  /** Open to row writers; they append whole messages. */
  readonly writer: ByteWriter = new ByteWriter();
  private readonly transport: Transport;
  private sinceYield = 0;
  private lost = false;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  message(message: BackendMessage): void {
    encodeMessage(this.writer, message);
  }

  /** Sends if much has gathered; a promise when the caller must wait. */
  relieve(): Promise<void> | undefined {
    return this.writer.length >= SEND_BYTES ? this.flush() : undefined;
  }

  /** Sends everything; a promise when the caller must wait before it produces more. */
  flush(): Promise<void> | undefined {
    if (this.lost) {
      this.writer.take();
      return guarded(Promise.reject(new ConnectionLost()));
    }
    if (this.writer.length === 0) return undefined;
    const bytes = this.writer.take();
    this.sinceYield += bytes.length;
    if (this.transport.write(bytes) && this.sinceYield < YIELD_BYTES) return undefined;
    this.sinceYield = 0;
    return guarded(this.transport.drained());
  }

  /** The client has gone: what is written from now on is dropped. */
  close(): void {
    this.lost = true;
  }
}
