/** What text input and output of values depends on. */
export interface TextContext {
  /** IANA name or offset specification of the session's time zone. */
  readonly timeZone: string;
  /** Microseconds since the epoch, for 'now', 'today' and the like. */
  now(): bigint;
  readonly intervalStyle: 'postgres' | 'postgres_verbose' | 'sql_standard' | 'iso_8601';
  readonly byteaOutput: 'hex' | 'escape';
  readonly extraFloatDigits: number;
}

/** The part that the input of dates and times depends on. */
export type DateTimeContext = Pick<TextContext, 'timeZone' | 'now'>;
