/**
 * Rows as Redis keys and commands. Keys tell rows apart because what separates their columns is escaped where it occurs in a
 * value; a NULL (`%N`) is no value's text.
 */
import type { Column } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatValue, plainContext } from '../../common/textIo.ts';
import type { Row, Value } from '../../common/value.ts';
import { sinkEncoder } from '../encoders/encoder.ts';
import type { SinkBatch, SinkChange, SinkConfig } from '../sink.ts';

export type RedisCommand = readonly string[];

/** What is to become of one key. */
export interface KeyedWrite {
  readonly key: string;
  readonly commands: readonly RedisCommand[];
}

type RowText = (row: Row) => string;

const plain = plainContext(() => 0n);

/** Every occurrence of these in a text is replaced by its bytes in hexadecimal. */
function escaper(...special: readonly string[]): (text: string) => string {
  const classes = special.filter((s) => s !== '').map((s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(classes.join('|'), 'g');
  const hex = (text: string): string =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  return (text) => text.replace(pattern, hex);
}

function textOf(value: Value, column: Column | undefined): string | null {
  return value === null || column === undefined ? null : formatValue(value, column.type, plain);
}

/** The prefix and the key's columns. */
export function joinedKey({
  columns,
  key,
  options,
}: Pick<SinkConfig, 'columns' | 'key' | 'options'>): RowText {
  const prefix = options.get('key.prefix') ?? '';
  const separator = options.get('key.separator') ?? ':';
  const positions = key ?? [];
  if (positions.length > 1 && separator === '') {
    throw new SqlError('22023', 'option "key.separator" must not be empty where the key has several columns');
  }
  const escaped = positions.length > 1 ? escaper('%', separator) : escaper('%');
  return (row) =>
    prefix +
    positions
      .map((position) => {
        const text = textOf(row[position] ?? null, columns[position]);
        return text === null ? '%N' : escaped(text);
      })
      .join(separator);
}

const PLACE = /\{([^{}"':,\s]+)\}/g;

/** Names of the columns in a template. */
function placesOf(template: string): readonly string[] {
  return [...template.matchAll(PLACE)].map((match) => match[1] ?? '');
}

function filled(template: string, { columns }: SinkConfig, option: string): RowText {
  const byName = new Map(columns.map((column, position) => [column.name, position]));
  for (const name of placesOf(template)) {
    if (byName.has(name)) continue;
    throw new SqlError('42703', `column "${name}" in ${option} is none of the sink's columns`, {
      hint: `Columns: ${columns.map((c) => c.name).join(', ')}.`,
    });
  }
  return (row) =>
    template.replace(PLACE, (_, name: string) => {
      const position = byName.get(name) ?? -1;
      return textOf(row[position] ?? null, columns[position]) ?? 'NULL';
    });
}

function templateKey(config: SinkConfig): RowText {
  const template = config.encodeOptions.get('key_format') ?? '';
  const places = new Set(placesOf(template));
  const missing = (config.key ?? []).flatMap((k) => {
    const name = config.columns[k]?.name;
    return name === undefined || places.has(name) ? [] : [name];
  });
  if (missing.length > 0) {
    throw new SqlError('22023', `key_format does not have the key column "${missing[0]}"`, {
      hint: 'Rows that differ in it would overwrite one another.',
    });
  }
  return filled(template, config, 'key_format');
}

/** What writes the row under its key. */
function writer(config: SinkConfig): (key: string, row: Row, value: string) => readonly RedisCommand[] {
  const { columns, options } = config;
  const ttl = options.get('redis.ttl_seconds');
  const expiry = ttl === undefined ? [] : ['EX', ttl];
  if (options.get('redis.type') !== 'hash') return (key, _row, value) => [['SET', key, value, ...expiry]];
  return (key, row) => {
    const fields = columns.flatMap((column, c) => {
      const text = textOf(row[c] ?? null, column);
      return text === null ? [] : [column.name, text];
    });
    const gone: RedisCommand = ['DEL', key];
    if (fields.length === 0) return [gone];
    const put: readonly RedisCommand[] = [gone, ['HSET', key, ...fields]];
    return ttl === undefined ? put : [...put, ['EXPIRE', key, ttl]];
  };
}

/** Turns changes into what is to be done to their keys. */
export class RedisCommands {
  readonly #config: SinkConfig;
  readonly #key: RowText;
  readonly #value: (change: SinkChange, batch: SinkBatch) => string;
  readonly #write: ReturnType<typeof writer>;

  /** Throws SqlError where the options do not fit the columns. */
  constructor(config: SinkConfig) {
    const { key, options, encode } = config;
    const hash = options.get('redis.type') === 'hash';
    if (options.get('redis.ttl_seconds') === '0') {
      throw new SqlError('22023', 'invalid value for option "redis.ttl_seconds": "0"', {
        hint: 'Leave the option out for keys that stay.',
      });
    }
    if (encode === 'TEMPLATE' && hash) {
      throw new SqlError('22023', "ENCODE TEMPLATE makes strings: redis.type = 'hash' is for ENCODE JSON");
    }
    if (key === null && encode !== 'TEMPLATE') {
      throw new SqlError('42P16', 'a Redis sink needs a primary key: its keys are made of it', {
        hint: 'Name its columns with the option primary_key, or use ENCODE TEMPLATE.',
      });
    }
    this.#config = config;
    this.#write = writer(config);
    if (encode === 'TEMPLATE') {
      this.#key = templateKey(config);
      const value = filled(config.encodeOptions.get('value_format') ?? '', config, 'value_format');
      this.#value = ({ after }) => (after === null ? '' : value(after));
      return;
    }
    this.#key = joinedKey(config);
    const encoder = sinkEncoder({ ...config, format: 'PLAIN' });
    this.#value = (change, batch) =>
      hash ? '' : String(encoder.records({ ...batch, changes: [change] })[0]?.value ?? '');
  }

  /** In order. A row whose key changes leaves its old one. */
  *of(batch: SinkBatch): Generator<KeyedWrite> {
    for (const change of batch.changes) {
      const { before, after } = change;
      const key = after === null ? null : this.#key(after);
      if (before !== null && this.#config.format === 'UPSERT') {
        const old = this.#key(before);
        if (old !== key) yield { key: old, commands: [['DEL', old]] };
      }
      if (after !== null && key !== null) {
        yield { key, commands: this.#write(key, after, this.#value(change, batch)) };
      }
    }
  }
}
