/** timetz: local time of day in microseconds, with its zone's offset in seconds east of UTC. */
export class TimeTz {
  readonly micros: bigint;
  readonly offsetSeconds: number;

  constructor(micros: bigint, offsetSeconds: number) {
    this.micros = micros;
    this.offsetSeconds = offsetSeconds;
  }
}
