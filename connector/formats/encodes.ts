/** Every ENCODE that sources take, and the check of its options. */
import { SqlError } from '../../common/sqlError.ts';
import type { OptionSpec } from '../connector.ts';
import { checkOptions } from '../options.ts';
import { avroEncode } from './avro/encode.ts';
import { csvEncode } from './csvRows.ts';
import { debeziumJsonChanges, jsonKeyRows } from './debezium/json.ts';
import type { Encode } from './encode.ts';
import { jsonOptions } from './json/forms.ts';
import { jsonRows } from './json/rows.ts';
import { bytesEncode, textEncode } from './plainBytes.ts';
import { protobufEncode } from './protobuf/rows.ts';

const jsonEncode: Encode = {
  name: 'JSON',
  doc: 'An object a message; fields are found by name, in nested objects (struct) and arrays too.',
  options: jsonOptions,
  formats: ['PLAIN', 'UPSERT', 'DEBEZIUM'],
  asKey: true,
  rows: (config) => (config.part === 'key' ? jsonKeyRows(config) : jsonRows(config)),
  changes: debeziumJsonChanges,
};

export const encodes: readonly Encode[] = [
  jsonEncode,
  avroEncode,
  protobufEncode,
  csvEncode,
  bytesEncode,
  textEncode,
];

export function findEncode(name: string): Encode {
  const encode = encodes.find((e) => e.name === name.toUpperCase());
  if (encode !== undefined) return encode;
  throw new SqlError('0A000', `ENCODE ${name} is not supported`, {
    hint: `Encodings: ${encodes.map((e) => e.name).join(', ')}.`,
  });
}

/** Options of an ENCODE clause with defaults; 22023 for one that is unknown or wrong. `also`: of its KEY ENCODE. */
export function checkEncodeOptions(
  name: string,
  given: ReadonlyMap<string, string>,
  also: string | null = null,
): ReadonlyMap<string, string> {
  const encode = findEncode(name);
  const options: OptionSpec[] = [...encode.options];
  for (const spec of also === null ? [] : findEncode(also).options) {
    if (!options.some((o) => o.name === spec.name)) options.push({ ...spec, required: false });
  }
  return checkOptions({ name: `ENCODE ${encode.name}`, options }, given);
}
