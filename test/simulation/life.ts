/** Who has been told something: a target has changes, a broker may forget messages, a client has his answer, the journal has rows. */
export type Told = 'target' | 'broker' | 'client' | 'rows';

/** A server's life as those outside see it: what they do with it are events at which it may die, as those of its disk are. */
export interface Life {
  /** Somebody knows now what must not be lost. */
  told(who: Told): void;
  /** False: the server has died, now or before. */
  event(): boolean;
  isAlive(): boolean;
}
