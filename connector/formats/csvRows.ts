/** ENCODE CSV of messages: one record a message, after a line of names where there is one. */
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import type { Value } from '../../common/value.ts';
import { splitCsv } from './csv.ts';
import { type Encode, type EncodeConfig, FieldFailure, type RowDecoder } from './encode.ts';

/** Lines of a text; line ends within quotes belong to a field. */
export function csvLines(text: string): readonly string[] {
  const lines: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 34) quoted = !quoted;
    else if (c === 10 && !quoted) {
      lines.push(text.slice(from, text.charCodeAt(i - 1) === 13 && i > from ? i - 1 : i));
      from = i + 1;
    }
  }
  if (from < text.length) lines.push(text.slice(from).replace(/\r$/, ''));
  return lines;
}

/** For each position, the field that is its value. */
function fieldsByHeader(names: readonly string[], config: EncodeConfig): readonly number[] {
  return config.positions.map((position) => {
    const name = config.columns[position]?.name ?? '';
    const exact = names.indexOf(name);
    return exact >= 0 ? exact : names.findIndex((n) => n.toLowerCase() === name.toLowerCase());
  });
}

function csvRows(config: EncodeConfig): RowDecoder {
  const { columns, positions, options, context } = config;
  const delimiter = options.get('delimiter') ?? ',';
  const hasHeader = options.get('without_header') === 'false';
  const byPosition = positions.map((_, i) => i);
  let payloads: readonly (Uint8Array | null)[] = [];
  return {
    begin(given) {
      payloads = given;
      return null;
    },
    decode(index, report) {
      const lines = csvLines(decodeUtf8(payloads[index] ?? new Uint8Array()));
      const expected = hasHeader ? 2 : 1;
      if (lines.length !== expected) {
        throw new SqlError('22P04', `expected ${expected} CSV lines in the message, found ${lines.length}`);
      }
      const names = hasHeader ? splitCsv(lines[0] ?? '', delimiter).map((f) => (f ?? '').trim()) : null;
      const order = names === null ? byPosition : fieldsByHeader(names, config);
      const fields = splitCsv(lines[expected - 1] ?? '', delimiter);
      if (names === null && fields.length < positions.length) {
        throw new SqlError('22P04', `expected ${positions.length} fields, found ${fields.length}`);
      }
      if (names === null && fields.length > positions.length) {
        report.drift('unknown field', `#${positions.length + 1}`);
      }
      names?.forEach((name, i) => {
        if (!order.includes(i)) report.drift('unknown field', name);
      });
      const row = new Array<Value>(columns.length).fill(null);
      positions.forEach((position, i) => {
        const column = columns[position];
        const field = order[i] ?? -1;
        const text = fields[field] ?? null;
        if (column === undefined) return;
        if (field < 0 && !config.optional.has(position)) report.drift('missing field', column.name);
        if (text === null) return;
        try {
          row[position] = parseValue(text, column.type, context);
        } catch (error) {
          const failure = FieldFailure.of(error, column.name);
          if (!config.nullOnError || !(failure instanceof SqlError)) throw failure;
          report.nulled(failure, column.name);
        }
      });
      return row;
    },
  };
}

export const csvEncode: Encode = {
  name: 'CSV',
  doc: 'One record a message, fields in the order of the columns or by the names of a first line; RFC 4180 quoting. An empty field is NULL, a quoted empty field an empty string.',
  options: [
    {
      name: 'without_header',
      type: 'boolean',
      default: 'true',
      doc: 'False: a line of column names comes first, in a file once, in messages each time.',
    },
    { name: 'delimiter', type: 'string', default: ',', doc: 'What parts the fields.' },
  ],
  formats: ['PLAIN'],
  asKey: false,
  rows: csvRows,
};
