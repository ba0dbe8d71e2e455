/** A catalog of fixed relations for binder tests: the tables that `bindPostgres.txt` was recorded with. */
import type { CatalogReader, RelationEntry, RelationKind } from '../../../common/catalog.ts';
import { arrayOf, type Column, type DataType, types } from '../../../common/dataType.ts';

interface RelationOptions {
  readonly schema?: string;
  readonly kind?: RelationKind;
  readonly key?: readonly number[];
  readonly definition?: string;
  readonly notNull?: readonly string[];
}

let lastId = 16384;

/** A relation; without a key it has a hidden row id after its columns. */
export function relation(
  name: string,
  columns: readonly (readonly [name: string, type: DataType])[],
  options: RelationOptions = {},
): RelationEntry {
  lastId += 1;
  const { key, kind = 'table', notNull = [] } = options;
  const visible = columns.map(([columnName, type], i): Column => {
    const nullable = !(key?.includes(i) === true || notNull.includes(columnName));
    return { name: columnName, type, nullable };
  });
  const rowId: Column = { name: '_row_id', type: types.int8, nullable: false, hidden: true };
  const isTable = kind === 'table';
  return {
    id: lastId,
    schema: options.schema ?? 'public',
    name,
    kind,
    columns: isTable && key === undefined ? [...visible, rowId] : visible,
    key: key ?? (isTable ? [visible.length] : null),
    declaredKey: key !== undefined,
    appendOnly: false,
    watermark: null,
    watermarked: [],
    processTime: [],
    indexes: [],
    definition: options.definition ?? null,
    searchPath: ['public'],
    rowCount: () => 100,
  };
}

const money: DataType = { id: 'numeric', precision: 10, scale: 2 };

export const relations: readonly RelationEntry[] = [
  relation(
    't',
    [
      ['id', types.int4],
      ['a', types.int4],
      ['b', types.text],
      ['c', money],
      ['d', types.timestamp],
      ['e', types.float8],
      ['f', types.int8],
      ['g', types.bool],
    ],
    { key: [0], notNull: ['f'] },
  ),
  relation(
    'u',
    [
      ['id', types.int4],
      ['t_id', types.int4],
      ['name', { id: 'varchar', length: 20 }],
      ['x', types.float4],
      ['arr', arrayOf(types.int4)],
      ['j', types.jsonb],
      ['ts', types.timestamptz],
      ['dt', types.date],
      ['iv', types.interval],
      ['tm', types.time],
    ],
    { key: [0] },
  ),
  relation('w', [
    ['a', types.int4],
    ['k', types.int4],
    ['txt', types.text],
  ]),
  relation(
    'pk2',
    [
      ['x', types.int4],
      ['y', types.int4],
      ['v', types.text],
    ],
    { key: [0, 1] },
  ),
  relation(
    'v',
    [
      ['a', types.int4],
      ['b', types.text],
    ],
    { kind: 'view', definition: 'SELECT a, b FROM t WHERE a > 0' },
  ),
  relation(
    'va',
    [
      ['one', types.int8],
      ['two', types.text],
    ],
    { kind: 'view', definition: 'SELECT sum(a), b FROM t GROUP BY b' },
  ),
  relation('Mixed', [
    ['Col', types.int4],
    ['select', types.text],
  ]),
  relation(
    't',
    [
      ['id', types.int4],
      ['z', types.text],
    ],
    { schema: 's2' },
  ),
  relation('small', [
    ['i2', types.int2],
    ['ch', { id: 'bpchar', length: 3 }],
    ['by', types.bytea],
    ['uid', types.uuid],
    ['js', types.json],
    ['tz', types.timetz],
    ['nm', types.name],
    ['tarr', arrayOf(types.text)],
  ]),
];

/** Reads `entries` as a catalog does. */
export function memoryCatalog(entries: readonly RelationEntry[]): CatalogReader {
  const find = (schema: string | null, name: string, path: readonly string[]): RelationEntry | null => {
    const schemas = schema === null ? path : [schema];
    for (const s of schemas) {
      const found = entries.find((r) => r.schema === s && r.name === name);
      if (found !== undefined) return found;
    }
    return null;
  };
  return {
    relation: find,
    hasSchema: (name) => name === 'public' || name === 'pg_catalog' || entries.some((r) => r.schema === name),
    relationNames: (schema, path) =>
      entries
        .filter((r) => (schema === null ? path.includes(r.schema) : r.schema === schema))
        .map((r) => r.name),
    rowType(schema, name, path) {
      const found = find(schema, name, path);
      if (found === null) return null;
      const fields = found.columns
        .filter((c) => c.hidden !== true)
        .map((c) => ({ name: c.name, type: c.type }));
      return { id: 'struct', fields };
    },
    database: 'dev',
  };
}
