/** What the protocol needs of a connection to a client: bytes out, flow control, an end. Sockets implement it. */
export interface Transport {
  /** Sends bytes, which the caller never changes again. False when the client reads more slowly: await `drained`. */
  write(bytes: Uint8Array): boolean;
  /**
   * Resolves when what was written has left and other connections have had a turn; rejects with ConnectionLost when
   * the client has gone.
   */
  drained(): Promise<void>;
  /** Stops or resumes the delivery of received bytes. */
  setReading(reading: boolean): void;
  /** Sends what is left and closes. */
  end(): void;
}
