/**
 * ENCODE JSON from bytes into columns: the usual message of the usual types becomes no text and no row. Whatever is not as usual, the
 * decoder of rows (rows.ts) reads again, and tells of it.
 */
import { isUtf8 } from 'node:buffer';
import { SqlError } from '../../../common/sqlError.ts';
import type { RecordMemory } from '../../remote.ts';
import type { RowColumns } from '../columnWriters.ts';
import type { ColumnDecoder, EncodeConfig } from '../encode.ts';
import type { Drift } from '../message.ts';
import { byteField, isForBytes } from './byteReaders.ts';
import { byteInput, wide } from './byteScanner.ts';
import { jsonConverter } from './convert.ts';
import type { JsonContext, JsonForms } from './forms.ts';
import { objectScanner } from './objectScanner.ts';

const isSpace = (c: number): boolean => c === 32 || c === 10 || c === 13 || c === 9;

/** Null: there are columns whose values are better read from text. */
export function jsonColumns(
  config: EncodeConfig,
  forms: JsonForms,
  columns: RowColumns,
): ColumnDecoder | null {
  /** Of the message at hand: it counts when that is a row. */
  let drifts: (readonly [kind: Drift, field: string])[] = [];
  const context: JsonContext = {
    forms,
    text: config.context,
    drift: (kind, field) => void drifts.push([kind, field]),
  };
  const own = config.positions.map((position) => ({ position, column: config.columns[position] }));
  const fields = own.flatMap(({ position, column }) => {
    const writer = columns.writers[position];
    if (column === undefined || writer === undefined || !isForBytes(column.type)) return [];
    const { name, type } = column;
    const of = byteField(type, writer, jsonConverter(type, name, context), context);
    return [{ name, optional: config.optional.has(position), of }];
  });
  if (fields.length < own.length) return null;
  const scanner = objectScanner(byteInput, fields, '', context);
  /** After the object and what may follow it; -1: it cannot be told. */
  const scanned = (memory: RecordMemory, from: number, to: number, row: number): number => {
    const { bytes } = memory;
    let at = from;
    while (at < to && isSpace(bytes[at] as number)) at++;
    if (at >= to || bytes[at] !== 123) return -1;
    try {
      at = scanner.scan(memory, at, row);
    } catch (error) {
      if (error instanceof SqlError || error instanceof RangeError) return -1;
      throw error;
    }
    while (at >= 0 && at < to && isSpace(bytes[at] as number)) at++;
    return at;
  };
  return {
    begin: () => scanner.reset(),
    read(memory, from, to, row, report) {
      wide.seen = false;
      const isRead =
        scanned(memory, from, to, row) === to && (!wide.seen || isUtf8(memory.bytes.subarray(from, to)));
      if (drifts.length === 0) return isRead;
      if (isRead) for (const [kind, field] of drifts) report.drift(kind, field);
      else scanner.reset();
      drifts = [];
      return isRead;
    },
  };
}
