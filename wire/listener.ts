/**
 * Sockets: accepts clients, carries bytes between them and their Connection, finds the target of a CancelRequest, and
 * keeps the limits (connections, time for start-up, message size). Encryption is refused by the protocol ('N').
 */
import { createServer, type Server, type Socket } from 'node:net';
import { SqlError } from '../common/sqlError.ts';
import { ConnectionLost, type SessionFactory } from './port.ts';
import { Connection, type ConnectionHost } from './protocol.ts';
import type { Transport } from './transport.ts';

export interface WireLimits {
  /** Sessions open at once; one more is refused with 53300. */
  readonly maxConnections: number;
  /** Time for a client to finish start-up. */
  readonly startupTimeoutMs: number;
  /** Longest message accepted. */
  readonly maxMessageBytes: number;
}

export const defaultWireLimits: WireLimits = {
  maxConnections: 1000,
  startupTimeoutMs: 60_000,
  maxMessageBytes: 256 * 1024 * 1024,
};

export interface WireOptions {
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  readonly factory: SessionFactory;
  readonly limits?: Partial<WireLimits>;
  /** A random int32 that a CancelRequest must know; from a cryptographic source. */
  readonly newSecretKey: () => number;
  /** Our own mistakes, for the log. */
  readonly onInternalError: (error: unknown) => void;
}

export interface WireListener {
  readonly host: string;
  readonly port: number;
  /** Open connections, those in start-up included. */
  connectionCount(): number;
  /** Stops accepting, ends all connections with 57P01, and resolves when they are gone. */
  close(): Promise<void>;
}

/** Sockets beyond the connection limit that may be in start-up at once (CancelRequests among them). */
const STARTUP_ALLOWANCE = 200;
/** How long a closed connection may take to be read to its end before it is cut. */
const LINGER_MS = 2000;

interface Client {
  readonly connection: Connection;
  readonly socket: Socket;
  readonly secretKey: number;
  readonly done: Promise<void>;
  admitted: boolean;
}

/** Listens; rejects with the system's error when the address cannot be had. */
export async function startListener(options: WireOptions): Promise<WireListener> {
  const clients = new Clients(options);
  // Half-open: a client that stops sending still gets its answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
    clients.accept(socket),
  );
  await listen(server, options);
  const address = server.address();
  const bound =
    address !== null && typeof address === 'object' ? address : { address: options.host, port: options.port };
  return {
    host: bound.address,
    port: bound.port,
    connectionCount: () => clients.count,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await clients.shutDown();
      await closed;
    },
  };
}

function listen(server: Server, options: WireOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      server.on('error', options.onInternalError);
      resolve();
    });
  });
}

/** All clients by process id. Invariant: a client is in the map until its connection has run to its end. */
class Clients {
  private readonly options: WireOptions;
  private readonly limits: WireLimits;
  private readonly byProcessId = new Map<number, Client>();
  private lastProcessId = 0;
  private admittedCount = 0;
  private closing = false;

  constructor(options: WireOptions) {
    this.options = options;
    this.limits = { ...defaultWireLimits, ...options.limits };
  }

  get count(): number {
    return this.byProcessId.size;
  }

  accept(socket: Socket): void {
    if (this.closing || this.byProcessId.size >= this.limits.maxConnections + STARTUP_ALLOWANCE) {
      socket.destroy();
      return;
    }
    const processId = this.nextProcessId();
    const secretKey = this.options.newSecretKey();
    const timer = setTimeout(
      () => connection.terminate(new SqlError('57014', 'canceling authentication due to timeout')),
      this.limits.startupTimeoutMs,
    );
    const host: ConnectionHost = {
      factory: this.options.factory,
      maxMessageBytes: this.limits.maxMessageBytes,
      cancelRequest: (target, secret) => this.cancel(target, secret),
      admit: () => this.admit(processId),
      started: () => clearTimeout(timer),
      internalError: this.options.onInternalError,
    };
    const transport = new SocketTransport(socket);
    const identity = { processId, secretKey, remoteAddress: socket.remoteAddress ?? null };
    const connection = new Connection(transport, identity, host);
    socket.on('data', (chunk) => connection.receive(chunk));
    socket.on('end', () => connection.ended());
    // The error itself says nothing that 'close' does not.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      transport.lost();
      connection.closed();
    });
    const done = connection.run().finally(() => {
      clearTimeout(timer);
      this.remove(processId);
    });
    this.byProcessId.set(processId, { connection, socket, secretKey, done, admitted: false });
  }

  async shutDown(): Promise<void> {
    this.closing = true;
    const open = [...this.byProcessId.values()];
    const error = new SqlError('57P01', 'terminating connection due to administrator command');
    for (const client of open) client.connection.terminate(error);
    // A client that does not read keeps its session waiting; after a while it is cut off.
    const timer = setTimeout(() => {
      for (const client of open) client.socket.destroy();
    }, LINGER_MS);
    await Promise.all(open.map((client) => client.done));
    clearTimeout(timer);
    for (const client of open) client.socket.destroySoon();
  }

  private nextProcessId(): number {
    do {
      this.lastProcessId = this.lastProcessId >= 0x7fffffff ? 1 : this.lastProcessId + 1;
    } while (this.byProcessId.has(this.lastProcessId));
    return this.lastProcessId;
  }

  private admit(processId: number): SqlError | null {
    if (this.closing) return new SqlError('57P03', 'the database system is shutting down');
    if (this.admittedCount >= this.limits.maxConnections) {
      return new SqlError('53300', 'sorry, too many clients already');
    }
    const client = this.byProcessId.get(processId);
    if (client !== undefined) client.admitted = true;
    this.admittedCount++;
    return null;
  }

  private remove(processId: number): void {
    if (this.byProcessId.get(processId)?.admitted) this.admittedCount--;
    this.byProcessId.delete(processId);
  }

  /** A wrong key is ignored, so that nobody learns which process ids exist. */
  private cancel(processId: number, secretKey: number): void {
    const target = this.byProcessId.get(processId);
    if (target !== undefined && target.secretKey === secretKey) target.connection.cancel();
  }
}

/** A socket as the protocol sees it. State: who waits for the socket to drain, and whether it is gone. */
class SocketTransport implements Transport {
  private readonly socket: Socket;
  private waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  private gone = false;
  private ending = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('drain', () => {
      const waiting = this.waiting;
      this.waiting = [];
      for (const one of waiting) setImmediate(one.resolve);
    });
  }

  write(bytes: Uint8Array): boolean {
    return this.gone || this.ending || this.socket.write(bytes);
  }

  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.gone) reject(new ConnectionLost());
      else if (this.socket.writableNeedDrain) this.waiting.push({ resolve, reject });
      else setImmediate(resolve);
    });
  }

  setReading(reading: boolean): void {
    if (reading) this.socket.resume();
    else this.socket.pause();
  }

  end(): void {
    if (this.gone || this.ending) return;
    this.ending = true;
    this.socket.end();
    // What the client still sends is read and dropped: closing on unread bytes would reset the connection and could
    // lose the last message.
    this.socket.resume();
    const timer = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(timer));
  }

  /** The socket has closed. */
  lost(): void {
    this.gone = true;
    const waiting = this.waiting;
    this.waiting = [];
    for (const one of waiting) one.reject(new ConnectionLost());
  }
}
