/**
 * Received bytes as a queue of messages, decoded on demand. Flow control: when much is waiting that nobody has asked
 * for, reading stops until it was consumed. After a ProtocolError every further request fails with it again.
 */
import { ProtocolError } from './bytes.ts';
import { FrontendDecoder } from './decode.ts';
import type { FrontendMessage, StartupMessage } from './message.ts';
import type { Transport } from './transport.ts';

/** Undecoded bytes at which reading pauses and at which it resumes. */
const PAUSE_BYTES = 256 * 1024;
const RESUME_BYTES = 64 * 1024;

export class Inbound {
  private readonly decoder: FrontendDecoder;
  private readonly transport: Transport;
  private paused = false;
  private ended = false;
  private failure: ProtocolError | null = null;
  private wake: (() => void) | null = null;

  constructor(transport: Transport, maxMessageBytes: number) {
    this.transport = transport;
    this.decoder = new FrontendDecoder(maxMessageBytes);
  }

  receive(chunk: Buffer): void {
    if (this.ended || this.failure !== null) return;
    this.decoder.push(chunk);
    if (!this.paused && this.decoder.buffered > PAUSE_BYTES && !this.decoder.needsMore()) {
      this.paused = true;
      this.transport.setReading(false);
    }
    this.wakeUp();
  }

  /** No more bytes will come; what is complete is still delivered. */
  end(): void {
    this.ended = true;
    this.wakeUp();
  }

  /** Records that the client broke the protocol; returns the error to throw. */
  fail(error: ProtocolError): ProtocolError {
    this.failure = error;
    return error;
  }

  /** True when bytes are waiting. */
  get hasData(): boolean {
    return this.decoder.buffered > 0;
  }

  /** The next start-up packet; null when the client has gone. */
  nextStartup(): Promise<StartupMessage | null> {
    return this.take(() => this.decoder.nextStartup());
  }

  /** The next message; null when the client has gone. */
  next(): Promise<FrontendMessage | null> {
    return this.take(() => this.decoder.next());
  }

  private async take<T>(decode: () => T | null): Promise<T | null> {
    for (;;) {
      const message = this.decode(decode);
      this.resumeReading();
      if (message !== null || this.ended) return message;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private decode<T>(decode: () => T | null): T | null {
    if (this.failure !== null) throw this.failure;
    try {
      return decode();
    } catch (error) {
      if (error instanceof ProtocolError) this.failure = error;
      throw error;
    }
  }

  private resumeReading(): void {
    if (!this.paused || (this.decoder.buffered > RESUME_BYTES && !this.decoder.needsMore())) return;
    this.paused = false;
    this.transport.setReading(true);
  }

  private wakeUp(): void {
    const wake = this.wake;
    this.wake = null;
    if (wake !== null) wake();
  }
}
