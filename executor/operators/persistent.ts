/** How operators say what they remember (Operator.persistent): structures of storage/state in a fixed order, and small values. */
import type { DataType, Schema } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import type { NonNullValue, Row, Value } from '../../common/value.ts';
import { boxedCodec } from '../../storage/state/boxedCodec.ts';
import type { Persistent } from '../../storage/state/persist.ts';

/** All of these, in this order; null for what this operator does not have. */
export function persistentParts(...parts: readonly (Persistent | null)[]): Persistent {
  return {
    save(out) {
      for (const part of parts) part?.save(out);
    },
    restore(from) {
      for (const part of parts) part?.restore(from);
    },
  };
}

/** A small value that structured cloning keeps: numbers, bigints, strings, arrays, maps and plain objects of them. */
export function persistentValue<T>(read: () => T, write: (value: T) => void): Persistent {
  return {
    save: (out) => out.value(read()),
    restore: (from) => write(from.value() as T),
  };
}

/** A value of an SQL type, or NULL. */
export function persistentSqlValue<T extends NonNullValue>(
  type: DataType,
  read: () => T | null,
  write: (value: T | null) => void,
): Persistent {
  const codec = boxedCodec(type);
  return persistentValue<Uint8Array | null>(
    () => {
      const value: Value = read();
      return value === null ? null : Uint8Array.from(codec.encode(value));
    },
    (bytes) => write(bytes === null ? null : (codec.decode(bytes) as T)),
  );
}

/** An SqlError as a plain value; its place in a statement is not kept. */
export interface SavedError {
  readonly state: SqlState;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

export function savedError({ state, message, detail, hint }: SqlError): SavedError {
  return { state, message, detail, hint };
}

export function loadedError({ state, message, detail, hint }: SavedError): SqlError {
  return new SqlError(state, message, {
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A row as plain values. */
export function savedRow(row: Row, schema: Schema): readonly (Uint8Array | null)[] {
  return schema.map(({ type }, c) => {
    const value = row[c] ?? null;
    return value === null ? null : Uint8Array.from(boxedCodec(type).encode(value));
  });
}

export function loadedRow(cells: readonly (Uint8Array | null)[], schema: Schema): Row {
  return schema.map(({ type }, c) => {
    const bytes = cells[c] ?? null;
    return bytes === null ? null : boxedCodec(type).decode(bytes);
  });
}

/** An error that concerns all rows of a partition: how many, and its key. */
export interface PartitionFailure {
  readonly error: SqlError;
  readonly weight: number;
  readonly row: Row;
}

/** Failures by partition; `schema`: of the key. */
export function persistentPartitionFailures(
  failures: Map<number, PartitionFailure>,
  schema: Schema,
): Persistent {
  type Saved = readonly (readonly [number, SavedError, number, readonly (Uint8Array | null)[]])[];
  return persistentValue<Saved>(
    () =>
      [...failures].map(([partition, { error, weight, row }]) => [
        partition,
        savedError(error),
        weight,
        savedRow(row, schema),
      ]),
    (saved) => {
      for (const [partition, error, weight, row] of saved) {
        failures.set(partition, { error: loadedError(error), weight, row: loadedRow(row, schema) });
      }
    },
  );
}

/** Errors by slot. */
export function persistentErrors(errors: Map<number, SqlError>): Persistent {
  return persistentValue<readonly (readonly [number, SavedError])[]>(
    () => [...errors].map(([slot, error]) => [slot, savedError(error)]),
    (saved) => {
      for (const [slot, error] of saved) errors.set(slot, loadedError(error));
    },
  );
}

/** Errors by slot, with the name of the operator that they were reported under. */
export function persistentFailures(
  failures: Map<number, { readonly error: SqlError; readonly operator: string }>,
): Persistent {
  return persistentValue<readonly (readonly [number, SavedError, string])[]>(
    () => [...failures].map(([slot, { error, operator }]) => [slot, savedError(error), operator]),
    (saved) => {
      for (const [slot, error, operator] of saved)
        failures.set(slot, { error: loadedError(error), operator });
    },
  );
}
