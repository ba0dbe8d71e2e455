/** What text input and output of values depends on. */
export interface TextContext {
  /** IANA name or offset specification of the session's time zone. */
  readonly timeZone: string;
  /** Microseconds since the epoch, for 'now', 'today' and the like. */
  now(): bigint;
  readonly intervalStyle: 'postgres' | 'postgres_verbose' | 'sql_standard' | 'iso_8601';
  readonly byteaOutput: 'hex' | 'escape';
  readonly extraFloatDigits: number;
  /** Names of catalog objects, for regclass and its kin; absent where no catalog is at hand. */
  readonly objects?: ObjectNames;
}

export type ObjectKind = 'regclass' | 'regproc' | 'regnamespace';

export interface ObjectNames {
  /** The object's OID, or null when there is none of that name (possibly qualified, as written). */
  oidOf(kind: ObjectKind, name: string): number | null;
  /** The name to print, qualified where needed, or null when there is no such object. */
  nameOf(kind: ObjectKind, oid: number): string | null;
}

/** The part that the input of dates and times depends on. */
export type DateTimeContext = Pick<TextContext, 'timeZone' | 'now'>;
