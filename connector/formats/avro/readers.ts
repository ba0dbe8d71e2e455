/**
 * Readers of Avro values into columns, made once for each pair of a writer's schema and the columns. Fields are found by name, so
 * that older and newer schemas are read alike: what the columns do not have is passed over, what the writer did not have is the
 * default that the latest schema gives, or NULL.
 */
import type { Column, DataType, StructField } from '../../../common/dataType.ts';
import { Jsonb } from '../../../common/jsonb.ts';
import { printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { TextContext } from '../../../common/textContext.ts';
import { parseValue } from '../../../common/textIo.ts';
import { formatType } from '../../../common/typeTable.ts';
import type { Value } from '../../../common/value.ts';
import { type EncodeConfig, FieldFailure, type Report } from '../encode.ts';
import { nodeReaderOf } from './document.ts';
import { type AvroReader, fixedReader, primitiveReader } from './scalars.ts';
import type { AvroField, AvroRecord, AvroType } from './schema.ts';
import { leastSize, type Skipper, skipperOf } from './skip.ts';
import { malformed, type Tap } from './tap.ts';

const MAX_DEPTH = 50;

/** How a writer's type is called in an error. */
function describe(type: AvroType): string {
  if (type.kind === 'union') return `union of ${type.branches.map(describe).join(', ')}`;
  if ('meaning' in type && type.meaning.logical !== null) return `${type.kind} (${type.meaning.logical})`;
  return type.kind;
}

function mismatch(writer: AvroType, type: DataType, path: string): FieldFailure {
  return new FieldFailure(
    '42804',
    `field "${path}": Avro ${describe(writer)} cannot be read as ${formatType(type)}`,
    path,
  );
}

/** The field that is a column's: by name, by an alias, or by a name that differs in case. */
export function avroFieldOf(record: AvroRecord, name: string): AvroField | undefined {
  const folded = name.toLowerCase();
  return (
    record.fields.find((f) => f.name === name) ??
    record.fields.find((f) => f.aliases.includes(name)) ??
    record.fields.find((f) => f.name.toLowerCase() === folded)
  );
}

function unionReader(
  branches: readonly AvroType[],
  type: DataType,
  path: string,
  context: TextContext,
  depth: number,
): AvroReader {
  let fitting = 0;
  const readers = branches.map((branch): AvroReader => {
    try {
      const read = avroReader(branch, type, path, context, depth + 1);
      if (branch.kind !== 'null') fitting++;
      return read;
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // Other branches may do; a message of this one fails.
      return () => {
        throw error;
      };
    }
  });
  if (fitting === 0 && branches.some((b) => b.kind !== 'null')) {
    throw mismatch({ kind: 'union', branches }, type, path);
  }
  return (tap) => {
    const read = readers[tap.index(readers.length)];
    return read === undefined ? null : read(tap);
  };
}

/** Arrays of arrays are one array of more dimensions. */
function arrayReader(
  writer: AvroType,
  type: DataType & { readonly id: 'array' },
  path: string,
  context: TextContext,
  depth: number,
): AvroReader {
  let leafType: DataType = type;
  let leafWriter = writer;
  const least: number[] = [];
  /** Branches of the union that an array within an array may be in. */
  const branches: (readonly AvroType[] | null)[] = [];
  while (leafType.id === 'array') {
    const union = least.length > 0 && leafWriter.kind === 'union' ? leafWriter.branches : null;
    const array = union === null ? leafWriter : union.find((b) => b.kind === 'array');
    if (array?.kind !== 'array') throw mismatch(writer, type, path);
    branches.push(union);
    leafType = leafType.element;
    leafWriter = array.items;
    least.push(leastSize(leafWriter));
  }
  const read = avroReader(leafWriter, leafType, `${path}[]`, context, depth + 1);
  return (tap) => {
    const elements: Value[] = [];
    const dimensions: number[] = [];
    const level = (at: number): void => {
      const union = branches[at] ?? null;
      if (union !== null && union[tap.index(union.length)]?.kind !== 'array') {
        throw new FieldFailure('22004', `field "${path}": an array within an array is null`, path);
      }
      let count = 0;
      const size = least[at] ?? 1;
      for (let n = tap.block(size); n > 0; n = tap.block(size)) {
        count += n;
        for (let i = 0; i < n; i++) {
          if (at === least.length - 1) elements.push(read(tap));
          else level(at + 1);
        }
      }
      if (dimensions[at] === undefined) dimensions[at] = count;
      if (dimensions[at] !== count) {
        throw new FieldFailure('2202E', `field "${path}": arrays within an array differ in length`, path);
      }
    };
    level(0);
    return elements.length === 0 ? new SqlArray([]) : new SqlArray(elements, dimensions);
  };
}

function structReader(
  record: AvroRecord,
  fields: readonly StructField[],
  path: string,
  context: TextContext,
  depth: number,
): AvroReader {
  const indexOf = new Map<AvroField, number>();
  fields.forEach((f, i) => {
    const field = avroFieldOf(record, f.name);
    if (field !== undefined) indexOf.set(field, i);
  });
  const steps = record.fields.map((field): { index: number; read: AvroReader } => {
    const index = indexOf.get(field) ?? -1;
    const target = fields[index];
    if (target !== undefined) {
      return {
        index,
        read: avroReader(field.type, target.type, `${path}.${target.name}`, context, depth + 1),
      };
    }
    const skip = skipperOf(field.type);
    return {
      index: -1,
      read: (tap) => {
        skip(tap);
        return null;
      },
    };
  });
  return (tap) => {
    const values = new Array<Value>(fields.length).fill(null);
    for (const { index, read } of steps) {
      const value = read(tap);
      if (index >= 0) values[index] = value;
    }
    return values;
  };
}

/** The reader of a writer's type into a type; throws FieldFailure 42804 where Avro's rules give none. */
export function avroReader(
  writer: AvroType,
  type: DataType,
  path: string,
  context: TextContext,
  depth = 0,
): AvroReader {
  if (depth > MAX_DEPTH) throw malformed('its schema is nested too deeply');
  if (writer.kind === 'union') return unionReader(writer.branches, type, path, context, depth);
  const isDocument = type.id === 'jsonb' || type.id === 'json';
  // Debezium's JSON columns are strings that hold a document.
  const isHeld = writer.kind === 'string' && writer.meaning.connect === 'io.debezium.data.Json';
  if (isDocument && !isHeld && writer.kind !== 'null') {
    const read = nodeReaderOf(writer);
    return type.id === 'jsonb' ? (tap) => new Jsonb(read(tap)) : (tap) => printJson(read(tap));
  }
  let reader: AvroReader | null = null;
  switch (writer.kind) {
    case 'array':
      if (type.id === 'array') reader = arrayReader(writer, type, path, context, depth);
      break;
    case 'record':
      if (type.id === 'struct') reader = structReader(writer, type.fields, path, context, depth);
      break;
    case 'map':
      break;
    case 'enum':
      if (type.id === 'text' || type.id === 'varchar' || type.id === 'bpchar') {
        const read = (tap: Tap): string => writer.symbols[tap.index(writer.symbols.length)] ?? '';
        reader = type.id === 'text' ? read : (tap) => parseValue(read(tap), type, context);
      }
      break;
    case 'fixed':
      reader = fixedReader(writer.size, writer.meaning, type, context);
      break;
    default:
      reader = primitiveReader(writer.kind, writer.meaning, type, context);
  }
  if (reader === null) throw mismatch(writer, type, path);
  return reader;
}

interface RowStep {
  readonly position: number;
  readonly name: string;
  readonly skip: Skipper;
  /** Null: passed over. */
  readonly read: AvroReader | null;
  /** Why it cannot be read, ever. */
  readonly refusal: SqlError | null;
}

export type AvroRowReader = (tap: Tap, report: Report) => Value[];

function stepOf(
  field: AvroField,
  position: number,
  column: Column | undefined,
  context: TextContext,
): RowStep {
  const skip = skipperOf(field.type);
  if (column === undefined) return { position: -1, name: field.name, skip, read: null, refusal: null };
  const { name } = column;
  try {
    const read = avroReader(field.type, column.type, name, context);
    return { position, name, skip, read, refusal: null };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return { position, name, skip, read: null, refusal: error };
  }
}

/** The value of one field; on a failure that only makes it NULL, the tap goes on behind it. */
function fieldValue(step: RowStep, tap: Tap, config: EncodeConfig, report: Report): Value {
  const from = tap.at;
  try {
    if (step.refusal !== null) throw step.refusal;
    if (step.read !== null) return step.read(tap);
  } catch (error) {
    const failure = FieldFailure.of(error, step.name);
    if (!config.nullOnError || !(failure instanceof SqlError)) throw failure;
    tap.at = from;
    tap.depth = 0;
    step.skip(tap);
    report.nulled(failure, failure instanceof FieldFailure ? failure.field : step.name);
    return null;
  }
  step.skip(tap);
  return null;
}

/** The reader of a record's columns. `defaults`: of columns that the writer's record may not have. */
export function avroRowReader(
  record: AvroRecord,
  config: EncodeConfig,
  defaults: ReadonlyMap<number, Value>,
): AvroRowReader {
  const { columns, positions, optional, context } = config;
  const positionOf = new Map<AvroField, number>();
  const start = new Array<Value>(columns.length).fill(null);
  const missing: string[] = [];
  for (const position of positions) {
    const column = columns[position];
    const field = column === undefined ? undefined : avroFieldOf(record, column.name);
    if (column === undefined) continue;
    if (field !== undefined) positionOf.set(field, position);
    else if (defaults.has(position)) start[position] = defaults.get(position) ?? null;
    else if (!optional.has(position)) missing.push(column.name);
  }
  const steps = record.fields.map((field) => {
    const position = positionOf.get(field) ?? -1;
    return stepOf(field, position, columns[position], context);
  });
  const unknown = steps.filter((s) => s.position < 0).map((s) => s.name);
  let told: Report | null = null;
  return (tap, report) => {
    if (report !== told) {
      // A report is of one batch: what holds for the schema is told once in it.
      told = report;
      for (const name of unknown) report.drift('unknown field', name);
      for (const name of missing) report.drift('missing field', name);
    }
    const row = [...start];
    for (const step of steps) {
      if (step.position < 0) step.skip(tap);
      else row[step.position] = fieldValue(step, tap, config, report);
    }
    return row;
  };
}
