/** SQL text to bound queries over the small test tables, the Nexmark relations and a keyed order schema. */
import { assert, must } from '../../common/assert.ts';
import type { CatalogReader, RelationEntry } from '../../common/catalog.ts';
import { types } from '../../common/dataType.ts';
import { plainContext } from '../../common/textIo.ts';
import { parse } from '../../parser/parse.ts';
import { type BoundQuery, bindQuery } from '../../planner/bind/bind.ts';
import { env, relation, s, t, u } from './build.ts';

const { int4, int8, text, timestamp, numeric } = types;

const events = { appendOnly: true, kind: 'source' as const };
const relations: readonly RelationEntry[] = [
  t,
  s,
  u,
  relation(
    11,
    'person',
    [
      ['id', int8],
      ['name', text],
      ['email_address', text],
      ['credit_card', text],
      ['city', text],
      ['state', text],
      ['date_time', timestamp],
      ['extra', text],
    ],
    events,
  ),
  relation(
    12,
    'auction',
    [
      ['id', int8],
      ['item_name', text],
      ['description', text],
      ['initial_bid', int8],
      ['reserve', int8],
      ['date_time', timestamp],
      ['expires', timestamp],
      ['seller', int8],
      ['category', int8],
      ['extra', text],
    ],
    events,
  ),
  relation(
    13,
    'bid',
    [
      ['auction', int8],
      ['bidder', int8],
      ['price', int8],
      ['channel', text],
      ['url', text],
      ['date_time', timestamp],
      ['extra', text],
    ],
    events,
  ),
  relation(
    21,
    'orders',
    [
      ['orderkey', int8, false],
      ['custkey', int8],
      ['total', numeric],
      ['placed', timestamp],
      ['comment', text],
    ],
    {
      key: [0],
      declaredKey: true,
      indexes: [
        { id: 210, name: 'orders_by_customer', columns: [1, 3], descending: [false, false], unique: false },
      ],
      rowCount: () => 15000,
    },
  ),
  relation(
    22,
    'customer',
    [
      ['custkey', int8, false],
      ['name', text],
      ['nation', text],
    ],
    { key: [0], declaredKey: true, rowCount: () => 1500 },
  ),
  relation(
    23,
    'lineitem',
    [
      ['orderkey', int8, false],
      ['line', int4, false],
      ['price', numeric],
      ['quantity', int4],
      ['shipped', timestamp],
    ],
    { key: [0, 1], declaredKey: true, rowCount: () => 60000 },
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
export function bindSql(sql: string): BoundQuery {
  const [parsed, ...more] = parse(sql);
  const { statement } = must(parsed);
  assert(more.length === 0, 'one statement');
  const query = 'query' in statement ? statement.query : statement;
  assert(query !== null && query.kind === 'Query', `a query, not ${statement.kind}`);
  return bindQuery(query, {
    catalog,
    functions: env.functions,
    searchPath: ['public'],
    text: plainContext(() => 0n),
    parameterTypes: [],
  });
}
