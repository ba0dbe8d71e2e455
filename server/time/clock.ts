/**
 * The server's clock: the system's, or one that stands still until a test moves it. Everything that shows in results goes
 * by it (now(), ticks, idle timeouts, time to live); waiting for clients and the like does not.
 */
export class ServerClock {
  readonly #system: () => bigint;
  #virtual: bigint | null = null;

  constructor(system: () => bigint) {
    this.#system = system;
  }

  /** Microseconds since the epoch. */
  now(): bigint {
    return this.#virtual ?? this.#system();
  }

  /** The system's clock, whatever the virtual one says: for waiting and measuring. */
  system(): bigint {
    return this.#system();
  }

  get virtual(): boolean {
    return this.#virtual !== null;
  }

  /** Stands still at `at` from now on. */
  set(at: bigint): void {
    this.#virtual = at;
  }

  /** The system's clock again. */
  release(): void {
    this.#virtual = null;
  }
}
