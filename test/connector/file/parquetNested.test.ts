/**
 * Nested columns of Parquet files: those that pyarrow has written (fixtures/), in pages of versions 1 and 2; those of older writers; and
 * what the file sink writes, with NULL at every level, read back.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetSchema, type SchemaElement } from 'hyparquet';
import { getTreePath } from 'hyparquet/src/schema.js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { type Column, type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Jsonb } from '../../../common/jsonb.ts';
import { parseJsonb, printJson } from '../../../common/jsonText.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { SourceConfig } from '../../../connector/connector.ts';
import { assembled, LeafColumn } from '../../../connector/file/parquetRecords.ts';
import { leafKey, shapeOf } from '../../../connector/file/parquetShape.ts';
import { posixFs } from '../../../connector/file/source.ts';
import { ParquetFile } from '../../../connector/fileSink/parquetFile.ts';
import { Random } from '../../differential/random.ts';
import { root as repository } from '../../harness/server.ts';

const fixtures = join(repository, 'test/connector/file/fixtures');
const context = plainContext(() => 0n);

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-nested-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const column = (name: string, type: DataType): Column => ({ name, type, nullable: true });
const array = (element: DataType): DataType => ({ id: 'array', element });
const struct = (fields: Readonly<Record<string, DataType>>): DataType => ({
  id: 'struct',
  fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
});

function config(columns: readonly Column[], onError: SourceConfig['onError'] = 'skip'): SourceConfig {
  return {
    options: new Map([['posix_fs.root', root]]),
    columns,
    format: 'PLAIN',
    encode: 'PARQUET',
    encodeOptions: new Map(),
    clock: () => 0n,
    timeZone: 'UTC',
    ...(onError === undefined ? {} : { onError }),
  };
}

function read(columns: readonly Column[], onError: SourceConfig['onError'] = 'skip') {
  const reader = posixFs.open(config(columns, onError), null);
  const rows: Row[] = [];
  const bad: string[] = [];
  const drift: string[] = [];
  for (let found = reader.poll(7, null); found !== null; found = reader.poll(7, null)) {
    rows.push(...found.rows);
    bad.push(...found.bad.map((b) => b.message));
    drift.push(...(found.drift ?? []).map((d) => `${d.kind} ${d.field}`));
  }
  return { rows, bad, drift };
}

const shown = (row: Row, columns: readonly Column[]): readonly (string | null)[] =>
  row.map((v, i) => (v === null ? null : formatValue(v, must(columns[i]).type, context)));

/** As the fixtures' JSON lines have it. */
function plain(value: Value, type: DataType): unknown {
  if (value === null) return null;
  if (value instanceof SqlArray && type.id === 'array') {
    let at = 0;
    const level = (dimension: number): unknown[] =>
      Array.from({ length: value.dimensions[dimension] ?? 0 }, () =>
        dimension === value.dimensions.length - 1
          ? plain(value.elements[at++] ?? null, type.element)
          : level(dimension + 1),
      );
    return level(0);
  }
  if (type.id === 'struct') {
    const values = value as readonly Value[];
    return Object.fromEntries(type.fields.map((f, i) => [f.name, plain(values[i] ?? null, f.type)]));
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint' && type.id === 'timestamptz') {
    return `${new Date(Number(value / 1000n)).toISOString().slice(0, -4)}${String(value % 1_000_000n).padStart(6, '0')}Z`;
  }
  if (type.id === 'date' || type.id === 'numeric') return formatValue(value, type, context);
  return typeof value === 'bigint' && (value > 2n ** 53n || value < -(2n ** 53n))
    ? String(value)
    : asNumber(value);
}

const asNumber = (value: Value): unknown => (typeof value === 'bigint' ? Number(value) : value);

const entry = (value: DataType, key: DataType = types.text): DataType => array(struct({ key, value }));
const fixtureColumns: readonly Column[] = [
  column('id', types.int4),
  column('ints', array(types.int8)),
  column('grid', array(types.int2)),
  column(
    'who',
    struct({ name: types.text, born: types.date, home: struct({ city: types.text, at: types.timestamptz }) }),
  ),
  column('items', array(struct({ sku: types.text, price: types.numeric, tags: array(types.text) }))),
  column('counts', entry(types.int8)),
  column('byDay', entry(array(types.float8), types.date)),
  column('must', struct({ x: types.float4, y: types.bool })),
  column('bytes', array(types.bytea)),
];

type Json = Readonly<Record<string, unknown>>;
const expected = (): readonly Json[] =>
  readFileSync(join(fixtures, 'nested.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);

describe.each(['pages1', 'pages2', 'oldNames'])('%s.parquet of pyarrow', (name) => {
  beforeEach(() => copyFileSync(join(fixtures, `${name}.parquet`), join(root, 'a.parquet')));

  it('gives arrays and structs, with NULL at every level', () => {
    const { rows, bad, drift } = read(fixtureColumns);
    expect([bad, drift]).toEqual([[], []]);
    const pairs = (entries: unknown): unknown =>
      entries === null ? null : (entries as [unknown, unknown][]).map(([key, value]) => ({ key, value }));
    const emptied = (grid: unknown): unknown =>
      (grid as unknown[][] | null)?.every((line) => line.length === 0) === true ? [] : grid;
    const wanted = expected().map((row) => ({
      ...row,
      grid: emptied(row.grid),
      counts: pairs(row.counts),
      byDay: pairs(row.byDay),
    }));
    const found = rows.map((row) =>
      Object.fromEntries(fixtureColumns.map((c, i) => [c.name, plain(row[i] ?? null, c.type)])),
    );
    expect(found).toEqual(wanted);
  });

  it('gives jsonb', () => {
    const columns = fixtureColumns.map((c) => column(c.name, types.jsonb));
    const { rows, bad } = read(columns);
    expect(bad).toEqual([]);
    const objects = (entries: unknown): unknown =>
      entries === null ? null : Object.fromEntries(entries as [string, unknown][]);
    const base64 = (list: unknown): unknown =>
      (list as (string | null)[] | null)?.map((b) =>
        b === null ? null : Buffer.from(b, 'hex').toString('base64'),
      ) ?? null;
    const numbers = (_key: string, value: unknown): unknown =>
      typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    expected().forEach((row, i) => {
      const nested = {
        ...Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'id')),
        counts: objects(row.counts),
        byDay: objects(row.byDay),
        bytes: base64(row.bytes),
      };
      const found = Object.fromEntries(
        columns.slice(1).map((c, j) => {
          const value = rows[i]?.[j + 1];
          return [c.name, value instanceof Jsonb ? JSON.parse(printJson(value.root)) : null];
        }),
      );
      expect(found).toEqual(JSON.parse(JSON.stringify(nested), numbers));
    });
  });
});

type Repetition = 'REQUIRED' | 'OPTIONAL' | 'REPEATED';
const int = (name: string, repetition_type: Repetition): SchemaElement => ({
  name,
  type: 'INT32',
  repetition_type,
});
const group = (name: string, repetition_type: Repetition, num_children: number): SchemaElement => ({
  name,
  repetition_type,
  num_children,
});

/** An optional group of this annotation and one child, with its leaves' pages. */
function columnOf(name: string, annotation: Partial<SchemaElement>, below: readonly SchemaElement[]) {
  const own: SchemaElement = { name, repetition_type: 'OPTIONAL', num_children: 1, ...annotation };
  const schema = [{ name: 'root', num_children: 1 }, own, ...below];
  const metadata = { schema } as unknown as Parameters<typeof parquetSchema>[0];
  const tree = parquetSchema(metadata);
  const leaves = new Map<string, LeafColumn>();
  return {
    page(
      path: string,
      definition: readonly number[],
      repetition: readonly number[],
      values: readonly number[],
    ) {
      const parts = [name, ...path.split('.')];
      const leaf = leaves.get(leafKey(parts)) ?? new LeafColumn(getTreePath(tree, parts));
      leaves.set(leafKey(parts), leaf);
      leaf.addPage(definition, repetition, values);
    },
    rows: (count: number) =>
      assembled(shapeOf(must(tree.children[0])), (path) => must(leaves.get(path)), count),
  };
}

describe('nested columns', () => {
  it('tells of fields that are not there, and of shapes that do not fit', () => {
    copyFileSync(join(fixtures, 'oldNames.parquet'), join(root, 'a.parquet'));
    const columns = [
      column('who', struct({ name: types.text, age: types.int4 })),
      column('items', array(struct({ price: types.numeric }))),
    ];
    const { rows, bad, drift } = read(columns);
    expect(bad).toEqual([]);
    expect(rows[0]?.[0]).toEqual(['', null]);
    expect(drift).toEqual(
      expect.arrayContaining([
        'missing field who.age',
        'unknown field who.born',
        'unknown field who.home',
        'unknown field items[].sku',
        'unknown field items[].tags',
        'unknown field ints',
      ]),
    );
    const misfits = [column('id', types.int4), column('who', types.int4)];
    expect(read(misfits).bad[0]).toBe('field "who": a struct can become a STRUCT or jsonb, not integer');
    expect(read(misfits, 'null').rows.map((r) => r[1])).toEqual(Array(60).fill(null));
    const small = read([column('ints', array(types.int2))]);
    expect(small.bad[0]).toMatch(/^field "ints\[\]": value "-?\d+" is out of range for type smallint$/);
    expect(read([column('who', struct({ home: struct({ city: types.int4 }) }))]).bad[0]).toMatch(
      /^field "who\.home\.city": invalid input syntax for type integer/,
    );
  });

  it('are lists and maps as older writers have made them: schemas and levels by hand', () => {
    // optional group two (LIST) { repeated int32 element; }: [1, 2], NULL, [], in two pages
    const two = columnOf('two', { converted_type: 'LIST' }, [int('element', 'REPEATED')]);
    two.page('element', [2], [0], [1]);
    two.page('element', [2, 0, 1], [1, 0, 0], [2]);
    expect(two.rows(3)).toEqual([[1, 2], null, []]);
    // A repeated group of several fields is the element.
    const pairs = columnOf('pairs', { converted_type: 'LIST' }, [
      group('element', 'REPEATED', 2),
      int('a', 'REQUIRED'),
      int('b', 'OPTIONAL'),
    ]);
    pairs.page('element.a', [2, 2, 0, 1], [0, 1, 0, 0], [1, 3]);
    pairs.page('element.b', [3, 2, 0, 1], [0, 1, 0, 0], [2]);
    const entries = [
      [
        [1, 2],
        [3, null],
      ],
      null,
      [],
    ];
    expect(pairs.rows(3)).toEqual(entries);
    // So is one of one field, by its name.
    for (const name of ['array', 'single_tuple']) {
      const single = columnOf('single', { logical_type: { type: 'LIST' } }, [
        group(name, 'REPEATED', 1),
        int('a', 'OPTIONAL'),
      ]);
      single.page(`${name}.a`, [3, 2, 0, 1], [0, 1, 0, 0], [1]);
      expect(single.rows(3)).toEqual([[[1], [null]], null, []]);
    }
    const map = columnOf('map', { converted_type: 'MAP_KEY_VALUE' }, [
      group('map', 'REPEATED', 2),
      int('key', 'REQUIRED'),
      int('value', 'OPTIONAL'),
    ]);
    map.page('map.key', [2, 2, 0, 1], [0, 1, 0, 0], [1, 3]);
    map.page('map.value', [3, 2, 0, 1], [0, 1, 0, 0], [2]);
    expect(map.rows(3)).toEqual(entries);
    // A field that is repeated with no LIST around it.
    const bare = columnOf('bare', { repetition_type: 'REQUIRED' }, [int('of', 'REPEATED')]);
    bare.page('of', [1, 1, 0, 1], [0, 1, 0, 0], [1, 2, 4]);
    expect(bare.rows(3)).toEqual([[[1, 2]], [[]], [[4]]]);
    const short = columnOf('short', { converted_type: 'LIST' }, [int('element', 'REPEATED')]);
    short.page('element', [2], [0], [1]);
    expect(() => short.rows(2)).toThrow(/fewer values than rows/);
    const long = columnOf('long', { converted_type: 'LIST' }, [int('element', 'REPEATED')]);
    long.page('element', [2, 2], [0, 0], [1, 2]);
    expect(() => long.rows(1)).toThrow(/more values than rows/);
  });

  it('refuses lists of lists that are no array', () => {
    const grid: SchemaElement[] = [
      { name: 'root', num_children: 1 },
      { name: 'grid', converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
    ];
    const data = [
      [[1], [2, 3]],
      [[1], null],
      [
        [1, 2],
        [null, 4],
      ],
    ];
    const bytes = parquetWriteBuffer({ schema: grid, columnData: [{ name: 'grid', data }] });
    writeFileSync(join(root, 'a.parquet'), new Uint8Array(bytes));
    const columns = [column('grid', array(types.int4))];
    const { rows, bad } = read(columns);
    expect(rows.map((row) => shown(row, columns))).toEqual([['{{1,2},{NULL,4}}']]);
    expect(bad).toEqual([
      'field "grid": arrays within an array differ in length',
      'field "grid": an array within an array is null',
    ]);
    const json = [column('grid', types.jsonb)];
    expect(read(json).rows.map((row) => shown(row, json))).toEqual([
      ['[[1], [2, 3]]'],
      ['[[1], null]'],
      ['[[1, 2], [null, 4]]'],
    ]);
  });
});

/** Any type, and values of it. */
class Values {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  type(depth: number): DataType {
    const leaves = [
      types.int4,
      types.int8,
      types.text,
      types.bool,
      types.float8,
      types.bytea,
      types.timestamptz,
    ];
    const more = [types.date, types.jsonb, types.uuid, { id: 'numeric', precision: 12, scale: 3 } as const];
    const kind = depth === 0 ? 0 : this.#random.int(0, 2);
    if (kind === 0) return this.#random.pick([...leaves, ...more]);
    // An array of arrays is no type.
    if (kind === 1) {
      const element = this.type(depth - 1);
      return element.id === 'array' ? element : array(element);
    }
    const names = ['a', 'b', 'key', 'value', 'list', 'element'].slice(0, this.#random.int(1, 4));
    return struct(Object.fromEntries(names.map((name) => [name, this.type(depth - 1)])));
  }

  value(type: DataType): Value {
    const random = this.#random;
    if (random.int(0, 3) === 0) return null;
    switch (type.id) {
      case 'array':
        return new SqlArray(Array.from({ length: random.int(0, 4) }, () => this.value(type.element)));
      case 'struct':
        return type.fields.map((f) => this.value(f.type));
      case 'int4':
      case 'date':
        return random.int(-1000, 1000);
      case 'int8':
      case 'timestamptz':
        return BigInt(random.int(-1_000_000, 1_000_000)) * 1_000_003n;
      case 'bool':
        return random.int(0, 1) === 1;
      case 'float8':
        return random.int(-100, 100) / 8;
      case 'bytea':
        return Uint8Array.from({ length: random.int(0, 3) }, () => random.int(0, 255));
      case 'jsonb':
        return parseJsonb(random.pick(['null', '{"a": [1, null]}', '"x"', '1.50']));
      case 'uuid':
        return random.pick(['00112233-4455-6677-8899-aabbccddeeff', 'ffffffff-0000-0000-0000-000000000000']);
      case 'numeric':
        return Decimal.scaled(BigInt(random.int(-99_999_999, 99_999_999)), 3);
      default:
        return random.pick(['', 'x', 'tea', 'ä'.repeat(20)]);
    }
  }
}

describe('the file sink and the file source', () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed))('are inverse to each other (%i)', (seed) => {
    const values = new Values(seed);
    const columns = ['a', 'b', 'c'].map((name) => column(name, values.type(4)));
    const rows = Array.from({ length: 50 }, () => columns.map((c) => values.value(c.type)));
    const file = new ParquetFile(columns, new Map([['row_group_rows', '20']]));
    writeFileSync(join(root, 'a.parquet'), Buffer.concat([file.add(rows), file.finish()]));
    const found = read(columns);
    expect([found.bad, found.drift]).toEqual([[], []]);
    expect(found.rows.map((row) => shown(row, columns))).toEqual(rows.map((row) => shown(row, columns)));
  });

  it('use LIST groups of three levels, and groups', () => {
    const columns = [column('s', struct({ tags: array(types.text), n: types.int4 }))];
    const file = new ParquetFile(columns, new Map());
    const bytes = Buffer.concat([file.add([[[new SqlArray(['x']), 1]]]), file.finish()]);
    const { schema } = parquetMetadata(Uint8Array.from(bytes).buffer);
    expect(schema.map((e) => [e.name, e.repetition_type, e.converted_type, e.type, e.num_children])).toEqual([
      ['root', undefined, undefined, undefined, 1],
      ['s', 'OPTIONAL', undefined, undefined, 2],
      ['tags', 'OPTIONAL', 'LIST', undefined, 1],
      ['list', 'REPEATED', undefined, undefined, 1],
      ['element', 'OPTIONAL', 'UTF8', 'BYTE_ARRAY', undefined],
      ['n', 'OPTIONAL', undefined, 'INT32', undefined],
    ]);
    const grid = new ParquetFile([column('g', array(types.int4))], new Map());
    expect(() => grid.add([[new SqlArray([1, 2], [1, 2])]])).toThrow(
      /no array of 2 dimensions for column "g"/,
    );
  });
});
