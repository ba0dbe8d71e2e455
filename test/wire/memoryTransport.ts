/** A connection without a socket: what the server writes is collected; the client may be slow, or go away. */
import { ConnectionLost, type SessionFactory } from '../../wire/port.ts';
import { Connection, type ConnectionHost } from '../../wire/protocol.ts';
import type { Transport } from '../../wire/transport.ts';

export class MemoryTransport implements Transport {
  private written: Buffer[] = [];
  private waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  private full = false;
  gone = false;
  reading = true;
  ended = false;
  writes = 0;

  write(bytes: Uint8Array): boolean {
    this.writes++;
    this.written.push(Buffer.from(bytes));
    return !this.full;
  }

  drained(): Promise<void> {
    if (this.gone) return Promise.reject(new ConnectionLost());
    if (!this.full) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  setReading(reading: boolean): void {
    this.reading = reading;
  }

  end(): void {
    this.ended = true;
  }

  /** From now on every write finds the client slow, until `drain`. */
  stall(): void {
    this.full = true;
  }

  drain(): void {
    this.full = false;
    const waiting = this.waiting;
    this.waiting = [];
    for (const one of waiting) one.resolve();
  }

  lose(): void {
    this.gone = true;
    const waiting = this.waiting;
    this.waiting = [];
    for (const one of waiting) one.reject(new ConnectionLost());
  }

  /** Everything written since the last call. */
  take(): Buffer {
    const all = Buffer.concat(this.written);
    this.written = [];
    return all;
  }
}

export interface MemoryClient {
  readonly transport: MemoryTransport;
  readonly connection: Connection;
  readonly internalErrors: readonly unknown[];
  readonly cancels: readonly (readonly [number, number])[];
  /** Resolves when the connection is over. */
  readonly done: Promise<void>;
  send(bytes: Buffer): void;
  settle(): Promise<Buffer>;
}

/** Turns of the event loop after which a fake session has nothing left to do. */
const TURNS = 12;

export async function settleTurns(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Opens a connection that has seen no bytes yet. */
export function openMemoryClient(
  factory: SessionFactory,
  changes: Partial<ConnectionHost> = {},
): MemoryClient {
  const transport = new MemoryTransport();
  const internalErrors: unknown[] = [];
  const cancels: (readonly [number, number])[] = [];
  const host: ConnectionHost = {
    factory,
    maxMessageBytes: 1024 * 1024,
    cancelRequest: (processId, secretKey) => cancels.push([processId, secretKey]),
    admit: () => null,
    started: () => undefined,
    internalError: (error) => internalErrors.push(error),
    ...changes,
  };
  const connection = new Connection(transport, { processId: 7, secretKey: 1234, remoteAddress: null }, host);
  const done = connection.run();
  return {
    transport,
    connection,
    internalErrors,
    cancels,
    done,
    send: (bytes) => connection.receive(bytes),
    settle: async () => {
      await settleTurns();
      return transport.take();
    },
  };
}
