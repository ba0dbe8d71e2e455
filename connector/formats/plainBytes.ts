/** ENCODE BYTES and TEXT: the payload is the value of the only column, as bytes or as text of the column's type. */
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import { formatType } from '../../common/typeTable.ts';
import { decodeUtf8 } from '../../common/utf8.ts';
import type { Value } from '../../common/value.ts';
import { type Encode, type EncodeConfig, FieldFailure, type RowDecoder } from './encode.ts';

function singleColumn(
  name: string,
  config: EncodeConfig,
  value: (bytes: Uint8Array) => Value,
  isFor: boolean,
): RowDecoder {
  const position = config.positions[0];
  const column = config.columns[position ?? -1];
  if (position === undefined || column === undefined || config.positions.length !== 1) {
    throw new SqlError(
      '42P16',
      `ENCODE ${name} needs exactly one column${config.part === 'key' ? ' in the key' : ''}, not ${config.positions.length}`,
      { hint: 'Columns that INCLUDE fills do not count.' },
    );
  }
  if (!isFor) {
    throw new SqlError('42804', `column "${column.name}" is of type ${formatType(column.type)}, not bytea`, {
      hint: `ENCODE ${name} gives bytes; ENCODE TEXT gives values of any type.`,
    });
  }
  let payloads: readonly (Uint8Array | null)[] = [];
  return {
    begin(given) {
      payloads = given;
      return null;
    },
    decode(index, report) {
      const row = new Array<Value>(config.columns.length).fill(null);
      const payload = payloads[index] ?? null;
      if (payload === null) return row;
      try {
        row[position] = value(payload);
      } catch (error) {
        const failure = FieldFailure.of(error, column.name);
        if (!config.nullOnError || !(failure instanceof SqlError)) throw failure;
        report.nulled(failure, column.name);
      }
      return row;
    },
  };
}

export const bytesEncode: Encode = {
  name: 'BYTES',
  doc: 'The message as it is, in one bytea column.',
  options: [],
  formats: ['PLAIN'],
  asKey: true,
  rows: (config) => {
    const column = config.columns[config.positions[0] ?? -1];
    const isFor = column === undefined || column.type.id === 'bytea';
    // A copy: the payload may be a part of a large buffer.
    return singleColumn('BYTES', config, (bytes) => new Uint8Array(bytes), isFor);
  },
};

export const textEncode: Encode = {
  name: 'TEXT',
  doc: "The message as text of the only column's type.",
  options: [],
  formats: ['PLAIN'],
  asKey: true,
  rows: (config) => {
    const column = config.columns[config.positions[0] ?? -1];
    return singleColumn(
      'TEXT',
      config,
      (bytes) => (column === undefined ? null : parseValue(decodeUtf8(bytes), column.type, config.context)),
      true,
    );
  },
};
