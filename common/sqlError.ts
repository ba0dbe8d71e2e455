/** The user's mistakes: what PostgreSQL reports as an ErrorResponse. */
import type { SqlState } from './sqlStates.ts';

export interface SqlErrorFields {
  /** A sentence with more detail. */
  readonly detail?: string;
  /** A sentence that says what to do. */
  readonly hint?: string;
  /** 0-based offset (UTF-16 units) into the statement text; the wire sends it 1-based in characters. */
  readonly position?: number;
  /** Name of the relation, column or constraint concerned, for ErrorResponse's own fields. */
  readonly table?: string;
  readonly column?: string;
  readonly constraint?: string;
  /** Context: where in the work the error arose, such as `COPY t, line 3, column a: "x"`. */
  readonly where?: string;
}

/** An error with PostgreSQL's SQLSTATE and wording: message in lower case without a full stop. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  readonly state: SqlState;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly position: number | undefined;
  readonly table: string | undefined;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly where: string | undefined;

  constructor(state: SqlState, message: string, fields: SqlErrorFields = {}) {
    super(message);
    this.state = state;
    this.detail = fields.detail;
    this.hint = fields.hint;
    this.position = fields.position;
    this.table = fields.table;
    this.column = fields.column;
    this.constraint = fields.constraint;
    this.where = fields.where;
  }

  /** The same error, placed at `position` unless it already has a place. */
  at(position: number | undefined): SqlError {
    if (this.position !== undefined || position === undefined) return this;
    return this.with({ position });
  }

  /** The same error with some fields replaced. */
  with(changes: SqlErrorFields): SqlError {
    const fields: { -readonly [K in keyof SqlErrorFields]: SqlErrorFields[K] } = { ...changes };
    if (this.detail !== undefined) fields.detail ??= this.detail;
    if (this.hint !== undefined) fields.hint ??= this.hint;
    if (this.position !== undefined) fields.position ??= this.position;
    if (this.table !== undefined) fields.table ??= this.table;
    if (this.column !== undefined) fields.column ??= this.column;
    if (this.constraint !== undefined) fields.constraint ??= this.constraint;
    if (this.where !== undefined) fields.where ??= this.where;
    return new SqlError(this.state, this.message, fields);
  }
}

/** Reports a construct that Millrace parses but does not support, by name. */
export function unsupported(construct: string, position?: number, hint?: string): SqlError {
  return new SqlError('0A000', `${construct} is not supported`, {
    ...(position === undefined ? {} : { position }),
    ...(hint === undefined ? {} : { hint }),
  });
}
