/** ENCODE AVRO: records as rows, and Debezium's envelopes as changes. Each writer's schema gets readers of its own, once. */
import { types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import type { Row, Value } from '../../../common/value.ts';
import { subjectOf } from '../../registry/options.ts';
import { HEADER_BYTES } from '../../registry/wireFormat.ts';
import {
  type Batches,
  type ChangeConfig,
  type ChangeDecoder,
  type EncodeConfig,
  operationOf,
  type Report,
  type RowDecoder,
} from '../encode.ts';
import { type AvroRowReader, avroFieldOf, avroReader, avroRowReader } from './readers.ts';
import { type AvroRecord, type AvroType, parseAvroSchema, recordOf } from './schema.ts';
import { SchemaCache, schemaFile, type WholeSchema } from './schemas.ts';
import { skipperOf } from './skip.ts';
import { malformed, Tap } from './tap.ts';
import { AvroWriter, writeDefault } from './writer.ts';

type Defaults = ReadonlyMap<number, Value>;

export function avroTypeOf(schema: WholeSchema): AvroType {
  return parseAvroSchema(
    schema.text,
    schema.imports.map((i) => i.text),
  );
}

/** Defaults of the columns by the fields of a record, read as if they had been written. */
function defaultsOf(record: AvroRecord | null, config: EncodeConfig): Defaults {
  const defaults = new Map<number, Value>();
  for (const position of config.positions) {
    const column = config.columns[position];
    const field = record === null || column === undefined ? undefined : avroFieldOf(record, column.name);
    if (column === undefined || field === undefined || field.default === undefined) continue;
    try {
      const writer = new AvroWriter();
      writeDefault(writer, field.type, field.default);
      const tap = new Tap();
      tap.open(writer.take(), 0);
      defaults.set(position, avroReader(field.type, column.type, column.name, config.context)(tap));
    } catch (error) {
      // A default that is none of the column's type does not stand in for what is missing.
      if (!(error instanceof SqlError)) throw error;
    }
  }
  return defaults;
}

/** What decoders of rows and of changes share: schemas, defaults of the latest one, and the tap over a payload. */
class AvroPayloads<T> implements Batches {
  readonly #config: EncodeConfig;
  readonly #cache: SchemaCache<AvroType>;
  readonly #layoutOf: (type: AvroType, defaults: Defaults) => T;
  readonly #recordIn: (type: AvroType) => AvroRecord | null;
  readonly #layouts = new Map<number, T>();
  readonly #fixed: AvroType | null;
  readonly tap = new Tap();
  #payloads: readonly (Uint8Array | null)[] = [];
  #defaults: Defaults | null = null;
  #last = -1;

  constructor(
    config: EncodeConfig,
    layoutOf: (type: AvroType, defaults: Defaults) => T,
    recordIn: (type: AvroType) => AvroRecord | null,
  ) {
    this.#config = config;
    this.#layoutOf = layoutOf;
    this.#recordIn = recordIn;
    this.#cache = new SchemaCache(config.options, 'AVRO', avroTypeOf);
    const location = config.options.get('schema.location');
    if ((location === undefined) === (this.#cache.client === null)) {
      throw new SqlError(
        '22023',
        'ENCODE AVRO needs one of the options "schema.registry" and "schema.location"',
      );
    }
    this.#fixed = location === undefined ? null : parseAvroSchema(schemaFile(location).toString('utf8'));
    if (this.#cache.client === null) this.#defaults = new Map();
  }

  begin(payloads: readonly (Uint8Array | null)[]): Promise<void> | null {
    this.#payloads = payloads;
    const wait = this.#cache.begin(payloads);
    // A schema that is new here may be the subject's latest.
    if (this.#defaults !== null && (wait === null || this.#cache.client === null)) return wait;
    return Promise.all([wait, this.#latest()]).then(() => undefined);
  }

  /** The latest schema is the reader's: its defaults stand for what older writers did not have. */
  async #latest(): Promise<void> {
    const { client } = this.#cache;
    const { options, topic, part } = this.#config;
    let record: AvroRecord | null = null;
    try {
      const schema = client === null ? null : await client.latest(subjectOf(options, topic, part));
      if (schema !== null && schema.kind === 'AVRO' && schema.references.length === 0) {
        record = this.#recordIn(parseAvroSchema(schema.schema));
      }
    } catch (error) {
      // Without a subject, or with a schema that is none, there are no defaults; a registry that is away is another matter.
      if (!(error instanceof SqlError) || error.state.startsWith('08') || error.state === '28P01')
        throw error;
    }
    this.#defaults = defaultsOf(record, this.#config);
    this.#layouts.clear();
  }

  /** The layout of a payload; the tap is at its first byte. */
  open(index: number, report: Report): T {
    const payload = this.#payloads[index] ?? new Uint8Array();
    const found = this.#fixed === null ? this.#cache.of(payload) : { id: 0, made: this.#fixed };
    this.tap.open(payload, this.#fixed === null ? HEADER_BYTES : 0);
    if (this.#last >= 0 && this.#last !== found.id) report.drift('schema changed', this.#config.part);
    this.#last = found.id;
    const known = this.#layouts.get(found.id);
    if (known !== undefined) return known;
    const layout = this.#layoutOf(found.made, this.#defaults ?? new Map());
    this.#layouts.set(found.id, layout);
    return layout;
  }

  /** Nothing may be left. */
  finish(): void {
    if (this.tap.at !== this.tap.end) throw malformed('bytes are left after the value');
  }
}

/** A key of one column may be the bare value. */
function bareReader(type: AvroType, config: EncodeConfig): AvroRowReader | null {
  const position = config.positions[0];
  const column = config.columns[position ?? -1];
  if (config.part !== 'key' || config.positions.length !== 1) return null;
  if (position === undefined || column === undefined) return null;
  const read = avroReader(type, column.type, column.name, config.context);
  return (tap) => {
    const row = new Array<Value>(config.columns.length).fill(null);
    row[position] = read(tap);
    return row;
  };
}

function rowReader(type: AvroType, config: EncodeConfig, defaults: Defaults): AvroRowReader {
  if (type.kind === 'record') return avroRowReader(type, config, defaults);
  if (type.kind === 'union') {
    const branches = type.branches.map((b) =>
      b.kind === 'record' ? avroRowReader(b, config, defaults) : null,
    );
    if (branches.some((b) => b !== null)) {
      return (tap, report) => {
        const read = branches[tap.index(branches.length)];
        if (read === null || read === undefined) throw malformed('it is not a record');
        return read(tap, report);
      };
    }
  }
  const bare = bareReader(type, config);
  if (bare !== null) return bare;
  throw new SqlError('42804', `Avro ${type.kind} is not a record`, {
    hint: 'The columns are fields of a record.',
  });
}

export function avroRows(config: EncodeConfig): RowDecoder {
  const payloads = new AvroPayloads(config, (type, defaults) => rowReader(type, config, defaults), recordOf);
  return {
    begin: (given) => payloads.begin(given),
    decode(index, report) {
      const read = payloads.open(index, report);
      const row = read(payloads.tap, report);
      payloads.finish();
      return row;
    },
  };
}

interface EnvelopeStep {
  readonly part: 'before' | 'after' | 'op' | null;
  readonly read: (tap: Tap, report: Report) => Row | string | null;
}

/** Reads a field that is a record or null. */
function optionalRow(
  type: AvroType,
  config: EncodeConfig,
  defaults: Defaults,
): (tap: Tap, report: Report) => Row | null {
  const branches = type.kind === 'union' ? type.branches : [type];
  const readers = branches.map((b) => (b.kind === 'record' ? avroRowReader(b, config, defaults) : null));
  const skippers = branches.map((b) => skipperOf(b));
  return (tap, report) => {
    const index = type.kind === 'union' ? tap.index(branches.length) : 0;
    const read = readers[index] ?? null;
    if (read !== null) return read(tap, report);
    skippers[index]?.(tap);
    return null;
  };
}

const silent: Report = { nulled: () => undefined, drift: () => undefined };

function envelopeSteps(type: AvroType, config: ChangeConfig, defaults: Defaults): readonly EnvelopeStep[] {
  const record = recordOf(type);
  if (record === null || !record.fields.some((f) => f.name === 'op')) {
    throw new SqlError('42804', 'Avro schema is not a Debezium envelope', {
      hint: 'FORMAT DEBEZIUM takes whole change events; rows alone (ExtractNewRecordState) are FORMAT UPSERT.',
    });
  }
  const keyOnly: EncodeConfig = { ...config, positions: config.key, nullOnError: false };
  return record.fields.map(({ name, type: fieldType }): EnvelopeStep => {
    if (name === 'after') return { part: name, read: optionalRow(fieldType, config, defaults) };
    if (name === 'before') {
      const read = optionalRow(fieldType, keyOnly, new Map());
      return { part: name, read: (tap) => read(tap, silent) };
    }
    if (name === 'op') {
      const read = avroReader(fieldType, types.text, name, config.context);
      return { part: name, read: (tap) => String(read(tap)) };
    }
    const skip = skipperOf(fieldType);
    return {
      part: null,
      read: (tap) => {
        skip(tap);
        return null;
      },
    };
  });
}

function rowIn(type: AvroType): AvroRecord | null {
  const after = recordOf(type)?.fields.find((f) => f.name === 'after');
  return after === undefined ? null : recordOf(after.type);
}

export function avroChanges(config: ChangeConfig): ChangeDecoder {
  const payloads = new AvroPayloads(config, (type, defaults) => envelopeSteps(type, config, defaults), rowIn);
  return {
    begin: (given) => payloads.begin(given),
    decode(index, report) {
      const parts: { before: Row | null; after: Row | null } = { before: null, after: null };
      let op: Row | string | null = null;
      for (const { part, read } of payloads.open(index, report)) {
        const value = read(payloads.tap, report);
        if (part === 'op') op = value;
        else if (part !== null && typeof value !== 'string') parts[part] = value;
      }
      payloads.finish();
      return { op: operationOf(op), ...parts };
    },
  };
}
