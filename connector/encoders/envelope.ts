/**
 * What encodings of bytes have in common: how their parts are called, how their schemas are named (as Debezium names them, for
 * FORMAT DEBEZIUM), and an envelope's operation and time.
 */
import type { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import { recordName } from '../registry/options.ts';
import type { SinkBatch, SinkChange, SinkConfig } from '../sink.ts';

const MICROS = 1000n;

export type RowBytes = (row: Row) => Uint8Array;

/** The value of a change that has one: an envelope (FORMAT DEBEZIUM), or the row that came. */
export type ChangeBytes = (change: SinkChange, batch: SinkBatch) => Uint8Array;

/** The row that a change leaves; only of changes that leave one. */
export function rowOf({ after }: SinkChange): Row {
  return after ?? [];
}

/** Schemas say how many dimensions arrays have; values of a column may have others. An empty array has none. */
export function checkDimensions({ dimensions }: SqlArray, depth: number): void {
  if (dimensions.length === 0 || dimensions.length === depth) return;
  const declared = depth === 1 ? 'one' : String(depth);
  throw new SqlError('2202E', `an array has ${dimensions.length} dimensions, and its type ${declared}`, {
    hint: 'Its schema says how many there are. Cast the column to text or jsonb, or use ENCODE JSON.',
  });
}

/** What was done: created, updated, deleted. */
export function operationOf({ before, after }: SinkChange): 'c' | 'u' | 'd' {
  return before === null ? 'c' : after === null ? 'd' : 'u';
}

/** The time of the tick, in milliseconds. */
export function millisOf({ at }: SinkBatch): bigint {
  return at / MICROS;
}

/**
 * The full name of the schema of values or keys: as the options say, else for FORMAT DEBEZIUM `TOPIC.Envelope` and `TOPIC.Key`, else
 * after the sink.
 */
export function nameOf(config: SinkConfig, topic: string | null, of: 'key' | 'value'): string {
  const given = recordName(config.encodeOptions, of);
  if (given !== null) return given;
  const { name, format } = config;
  if (format === 'DEBEZIUM') return `${topic ?? name}.${of === 'value' ? 'Envelope' : 'Key'}`;
  return of === 'value' ? name : `${name}_key`;
}

/** Another name in the namespace of this one. */
export function siblingName(name: string, last: string): string {
  const dot = name.lastIndexOf('.');
  return `${name.slice(0, dot + 1)}${last}`;
}
