/** A server's life as those outside see it: what they do with it are events at which it may die, as those of its disk are. */
export interface Life {
  /** False: the server has died, now or before. */
  event(): boolean;
  isAlive(): boolean;
}
