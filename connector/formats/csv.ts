/** ENCODE CSV: one record per line, RFC 4180 quoting. Options: without_header (true), delimiter (,). */
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { FormatConfig, RecordDecoder } from './decoder.ts';

/** Splits a record; a quoted field is told from an unquoted one so that only the latter can be NULL. */
export function splitCsv(record: string, delimiter: string): readonly (string | null)[] {
  const fields: (string | null)[] = [];
  let at = 0;
  for (;;) {
    if (record.charAt(at) === '"') {
      let text = '';
      for (at++; ; at++) {
        if (at >= record.length) throw new SqlError('22P04', 'unterminated CSV quoted field');
        if (record.charAt(at) !== '"') text += record.charAt(at);
        else if (record.charAt(at + 1) === '"') text += record.charAt(at++);
        else break;
      }
      at++;
      if (at < record.length && !record.startsWith(delimiter, at)) {
        throw new SqlError('22P04', `unexpected character after CSV quoted field at column ${at + 1}`);
      }
      fields.push(text);
    } else {
      const end = record.indexOf(delimiter, at);
      const text = end < 0 ? record.slice(at) : record.slice(at, end);
      fields.push(text === '' ? null : text);
      at = end < 0 ? record.length : end;
    }
    if (at >= record.length) return fields;
    at += delimiter.length;
    if (at === record.length) return [...fields, null];
  }
}

export function csvDecoder(config: FormatConfig): RecordDecoder {
  const delimiter = config.options.get('delimiter') ?? ',';
  const hasHeader = (config.options.get('without_header') ?? 'true') !== 'true';
  const { columns, context } = config;
  let order: readonly number[] | null = hasHeader ? null : columns.map((_, i) => i);
  return {
    decode(record) {
      const fields = splitCsv(record, delimiter);
      if (order === null) {
        const names = fields.map((f) => (f ?? '').trim());
        order = columns.map((c) => names.indexOf(c.name));
        return null;
      }
      if (!hasHeader && fields.length < columns.length) {
        throw new SqlError('22P04', `expected ${columns.length} fields, found ${fields.length}`);
      }
      return columns.map((column, i) => {
        const text = fields[order?.[i] ?? -1] ?? null;
        return text === null ? null : parseValue(text, column.type, context);
      });
    },
    complete: (record) => {
      let quotes = 0;
      for (let i = record.indexOf('"'); i >= 0; i = record.indexOf('"', i + 1)) quotes++;
      return quotes % 2 === 0;
    },
  };
}
