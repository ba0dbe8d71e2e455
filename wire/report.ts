/** Errors and notices as the fields of ErrorResponse and NoticeResponse. */
import { SqlError } from '../common/sqlError.ts';
import type { ReportFields } from './message.ts';
import type { Notice } from './port.ts';

export type Severity = 'ERROR' | 'FATAL';

/** Whatever was thrown as a SqlError: what is not one is our bug, XX000. */
export function toSqlError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SqlError('XX000', `internal error: ${message}`);
}

/** The 1-based position in characters (code points) of a 0-based UTF-16 offset. */
export function characterPosition(sql: string, offset: number): number {
  const end = Math.min(offset, sql.length);
  let count = 1;
  for (let i = 0; i < end; i++) {
    const unit = sql.charCodeAt(i);
    const paired = unit >= 0xd800 && unit < 0xdc00 && i + 1 < end;
    const next = paired ? sql.charCodeAt(i + 1) : 0;
    if (next >= 0xdc00 && next < 0xe000) i++;
    count++;
  }
  return count;
}

/** Fields of an error; `sql` is the text its position refers to, when there is one. */
export function errorFields(error: SqlError, severity: Severity, sql: string | null): ReportFields {
  const fields = new Map<string, string>();
  fields.set('S', severity).set('V', severity).set('C', error.state).set('M', error.message);
  const add = (code: string, value: string | undefined): void => {
    if (value !== undefined) fields.set(code, value);
  };
  add('D', error.detail);
  add('H', error.hint);
  if (error.position !== undefined && sql !== null) add('P', String(characterPosition(sql, error.position)));
  add('W', error.where);
  add('t', error.table);
  add('c', error.column);
  add('n', error.constraint);
  return fields;
}

/** Fields of a notice. */
export function noticeFields(notice: Notice, sql: string | null): ReportFields {
  const fields = new Map<string, string>();
  fields.set('S', notice.severity).set('V', notice.severity).set('C', notice.state).set('M', notice.message);
  if (notice.detail !== undefined) fields.set('D', notice.detail);
  if (notice.hint !== undefined) fields.set('H', notice.hint);
  if (notice.position !== undefined && sql !== null) {
    fields.set('P', String(characterPosition(sql, notice.position)));
  }
  return fields;
}
