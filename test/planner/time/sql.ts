/** SQL over relations with watermarks, for tests of plans in which time matters. */
import { assert, must } from '../../../common/assert.ts';
import type { CatalogReader, RelationEntry } from '../../../common/catalog.ts';
import { types } from '../../../common/dataType.ts';
import { plainContext } from '../../../common/textIo.ts';
import { parse } from '../../../parser/parse.ts';
import { type BoundQuery, bindQuery } from '../../../planner/bind/bind.ts';
import { env, relation } from '../build.ts';

const { int8, text, timestamp, timestamptz, date, bool } = types;

const stream = { kind: 'source' as const, appendOnly: true };
const on = (column: number) => ({ watermarked: [{ column, group: 0 }] });

/** Streams with and without a watermark, a table with a key, an append-only table, and a view by window. */
export const relations: readonly RelationEntry[] = [
  relation(
    1,
    'bid',
    [
      ['auction', int8],
      ['bidder', int8],
      ['price', int8],
      ['date_time', timestamp],
    ],
    { ...stream, ...on(3) },
  ),
  relation(
    2,
    'auction',
    [
      ['id', int8],
      ['seller', int8],
      ['date_time', timestamp],
      ['expires', timestamp],
    ],
    { ...stream, ...on(2) },
  ),
  relation(
    3,
    'click',
    [
      ['user_id', int8],
      ['url', text],
      ['ts', timestamp],
    ],
    stream,
  ),
  relation(
    4,
    'event',
    [
      ['user_id', int8],
      ['ok', bool],
      ['ts', timestamptz],
      ['came', timestamptz],
    ],
    { ...stream, ...on(2), processTime: [3] },
  ),
  relation(
    5,
    'users',
    [
      ['id', int8, false],
      ['name', text],
      ['seen', timestamp],
    ],
    { key: [0], declaredKey: true },
  ),
  relation(
    6,
    'orders',
    [
      ['id', int8],
      ['user_id', int8],
      ['day', date],
    ],
    { appendOnly: true, ...on(2) },
  ),
  relation(
    7,
    'per_window',
    [
      ['window_start', timestamp],
      ['window_end', timestamp],
      ['bids', int8],
    ],
    {
      kind: 'materialized view',
      key: [0],
      watermarked: [
        { column: 0, group: 0 },
        { column: 1, group: 0 },
      ],
    },
  ),
];

const catalog: CatalogReader = {
  relation: (_schema, name) => relations.find((r) => r.name === name) ?? null,
  hasSchema: (name) => name === 'public',
  relationNames: () => relations.map((r) => r.name),
  rowType: () => null,
  database: 'dev',
};

/** The one query in `sql`, bound. */
export function bindTimed(sql: string): BoundQuery {
  const [parsed, ...more] = parse(sql);
  const { statement } = must(parsed);
  assert(more.length === 0 && statement.kind === 'SelectStatement', 'one query');
  return bindQuery(statement.query, {
    catalog,
    functions: env.functions,
    searchPath: ['public'],
    text: plainContext(() => 0n),
    parameterTypes: [],
  });
}
