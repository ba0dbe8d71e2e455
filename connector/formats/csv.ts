/** ENCODE CSV: one record per line, RFC 4180 quoting. Options: without_header (true), delimiter (,). */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { Value } from '../../common/value.ts';
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

const SAMPLE = 100;

const nothing = (): null => null;

/** Where each column is in a record; the header's columns are reported where they are not the relation's. */
function headerOrder(names: readonly string[], { columns, report }: FormatConfig): readonly number[] {
  for (const name of names)
    if (!columns.some((c) => c.name === name)) report?.drift('unknown field', name, nothing);
  return columns.map(({ name }) => {
    const at = names.indexOf(name);
    if (at < 0) report?.drift('missing field', name, nothing);
    return at;
  });
}

function field(text: string | null, { name, type }: Column, config: FormatConfig): Value {
  if (text === null) return null;
  const { context, onError = 'skip', report } = config;
  try {
    return parseValue(text, type, context);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    report?.drift('type changed', name, () => text.slice(0, SAMPLE));
    if (onError !== 'null') throw error.with({ column: name });
    report?.nulled(error, name);
    return null;
  }
}

export function csvDecoder(config: FormatConfig): RecordDecoder {
  const delimiter = config.options.get('delimiter') ?? ',';
  const hasHeader = (config.options.get('without_header') ?? 'true') !== 'true';
  const { columns, report } = config;
  let order: readonly number[] | null = hasHeader ? null : columns.map((_, i) => i);
  let width = columns.length;
  return {
    decode(record) {
      const fields = splitCsv(record, delimiter);
      if (order === null) {
        order = headerOrder(
          fields.map((f) => (f ?? '').trim()),
          config,
        );
        width = fields.length;
        return null;
      }
      const places = order;
      if (!hasHeader && fields.length < columns.length) {
        throw new SqlError('22P04', `expected ${columns.length} fields, found ${fields.length}`);
      }
      for (let i = width; i < fields.length; i++)
        report?.drift('unknown field', `field ${i + 1}`, () => fields[i]?.slice(0, SAMPLE) ?? null);
      return columns.map((column, i) => {
        const at = places[i] ?? -1;
        if (at >= fields.length) report?.drift('missing field', column.name, nothing);
        return field(fields[at] ?? null, column, config);
      });
    },
    complete: (record) => {
      let quotes = 0;
      for (let i = record.indexOf('"'); i >= 0; i = record.indexOf('"', i + 1)) quotes++;
      return quotes % 2 === 0;
    },
  };
}
