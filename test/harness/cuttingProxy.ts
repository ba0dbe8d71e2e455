/** Passes bytes on to a server of this machine until it is told to cut. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  /** Port of the server. */
  to: number;
  /** Bytes of clients after which all connections are cut; null: none are. */
  cutAfter: number | null = null;

  private constructor(to: number) {
    this.to = to;
    this.#server = createServer((client) => this.#join(client));
  }

  static async start(to: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(to);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    const address = proxy.#server.address();
    proxy.#port = typeof address === 'object' && address !== null ? address.port : 0;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  #join(client: Socket): void {
    const target = connect(this.to, '127.0.0.1');
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on('drain', () => other.resume());
    }
    const pass = (to: Socket, from: Socket, chunk: Buffer): void => {
      if (!to.write(chunk)) from.pause();
    };
    target.on('data', (chunk: Buffer) => pass(client, target, chunk));
    client.on('data', (chunk: Buffer) => {
      if (this.cutAfter !== null) {
        this.cutAfter -= chunk.length;
        if (this.cutAfter <= 0) {
          this.cutAfter = null;
          // What arrives of it is done by the server; nobody hears of it.
          target.end(chunk);
          client.destroy();
          return;
        }
      }
      pass(target, client, chunk);
    });
  }

  /** Cuts what is open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
