import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import { parse, parseExpr } from '../../../parser/parse.ts';
import { bindOverRow, bindQuery, bindStandalone } from '../../../planner/bind/bind.ts';
import { bindDelete, bindInsert, bindUpdate, type TargetTable } from '../../../planner/bind/dml.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import { inputsOf, walkPlan } from '../../../planner/plan/walk.ts';
import { testEnvironment } from './describe.ts';
import { memoryCatalog, relation } from './memoryCatalog.ts';

function query(sql: string) {
  const { statement } = must(parse(sql)[0]);
  if (statement.kind !== 'SelectStatement') throw new TypeError('not a query');
  return bindQuery(statement.query, testEnvironment());
}

function nodes(plan: LogicalPlan): readonly LogicalPlan[] {
  return [plan, ...inputsOf(plan).flatMap(nodes)];
}

const kinds = (sql: string): readonly string[] => nodes(query(sql).plan).map((n) => n.kind);

describe('plans', () => {
  it('share the plan of a CTE that is named twice', () => {
    const { plan } = query('WITH c AS (SELECT a FROM t) SELECT * FROM c x JOIN c y ON x.a = y.a');
    const scans = new Set<LogicalPlan>();
    walkPlan(plan, (node) => {
      if (node.kind === 'Scan') scans.add(node);
    });
    expect(nodes(plan).filter((n) => n.kind === 'Scan')).toHaveLength(2);
    expect(scans.size).toBe(1);
  });

  it('keep hidden sort columns behind the visible ones and give the order', () => {
    const { plan, visible, order } = query('SELECT a FROM t ORDER BY b DESC, a');
    expect({ visible, width: plan.schema.length, order }).toEqual({
      visible: 1,
      width: 2,
      order: [
        { column: 1, descending: true, nullsFirst: true },
        { column: 0, descending: false, nullsFirst: false },
      ],
    });
  });

  it('make a lateral join only of what refers to its left side', () => {
    const joins = (sql: string) =>
      nodes(query(sql).plan).flatMap((n) => (n.kind === 'Join' ? [n.lateral] : []));
    expect(joins('SELECT * FROM t, LATERAL (SELECT t.a) s')).toEqual([true]);
    expect(joins('SELECT * FROM t, LATERAL (SELECT 1) s')).toEqual([false]);
    expect(joins('SELECT * FROM t, (w CROSS JOIN LATERAL (SELECT t.a) s)')).toEqual([true, false]);
    expect(joins('SELECT * FROM t, (w CROSS JOIN LATERAL (SELECT w.a) s)')).toEqual([false, true]);
  });

  it('call a function in FROM over the rows on its left', () => {
    expect(kinds('SELECT n FROM t, generate_series(1, t.a) n')).toEqual(['Project', 'TableFunction', 'Scan']);
  });

  it('compute equal aggregates once', () => {
    const aggregate = nodes(query('SELECT sum(a), sum(a) + 1 FROM t HAVING sum(a) > 0').plan).find(
      (n) => n.kind === 'Aggregate',
    );
    expect(aggregate?.kind === 'Aggregate' && aggregate.aggregates.length).toBe(1);
  });

  it('make one window node per partition and order', () => {
    const sql = 'SELECT rank() OVER w, sum(a) OVER w, count(*) OVER () FROM t WINDOW w AS (ORDER BY b)';
    expect(kinds(sql).filter((k) => k === 'Window')).toHaveLength(2);
  });

  it('put set-returning functions that are arguments of others below them', () => {
    const sql = "SELECT unnest(string_to_array(unnest(ARRAY['a,b', 'c']), ','))";
    expect(kinds(sql)).toEqual(['Project', 'TableFunction', 'TableFunction', 'Values']);
  });
});

describe('single expressions', () => {
  it('are bound over nothing or over a row', () => {
    const env = testEnvironment();
    expect(bindStandalone(parseExpr('1 + 1'), env).type.id).toBe('int4');
    expect(() => bindStandalone(parseExpr('a'), env)).toThrow('column "a" does not exist');
    const row = [{ name: 'x', type: types.int8, nullable: false }];
    expect(bindOverRow(parseExpr('r.x * 2'), 'r', row, env, 'WHERE').type.id).toBe('int8');
    expect(() => bindOverRow(parseExpr('count(*)'), 'r', row, env, 'column generation expressions')).toThrow(
      'aggregate functions are not allowed in column generation expressions',
    );
  });
});

describe('DML', () => {
  const entry = relation(
    'p',
    [
      ['id', types.int4],
      ['n', types.int8],
      ['twice', types.int8],
      ['note', { id: 'varchar', length: 3 }],
    ],
    { key: [0] },
  );
  const env = () => ({ ...testEnvironment(), catalog: memoryCatalog([entry]) });
  const table: TargetTable = {
    entry,
    defaults: [null, parseExpr('7'), null, parseExpr("'new'")],
    generated: [null, null, parseExpr('n * 2'), null],
  };
  const insert = (sql: string) => {
    const { statement } = must(parse(sql)[0]);
    if (statement.kind !== 'Insert') throw new TypeError('not an INSERT');
    return bindInsert(statement, table, env());
  };
  const update = (sql: string) => {
    const { statement } = must(parse(sql)[0]);
    if (statement.kind !== 'Update') throw new TypeError('not an UPDATE');
    return bindUpdate(statement, table, env());
  };

  it('converts literals to the column types', () => {
    const { source, targets, defaults } = insert(
      "INSERT INTO p (note, n) VALUES ('ab', '12'), (NULL, -5), ('x', 1.5)",
    );
    expect(targets).toEqual([3, 1]);
    expect(
      source.kind === 'rows' && source.rows.map((r) => r.map((s) => s?.kind === 'literal' && s.value)),
    ).toEqual([
      ['ab', 12n],
      [null, -5n],
      ['x', 2n],
    ]);
    expect(defaults.map((d) => d.kind === 'literal' && d.value)).toEqual([null, 7n, null, 'new']);
  });

  it('leaves DEFAULT to the defaults, and plans rows with subqueries', () => {
    const plain = insert('INSERT INTO p VALUES (1, DEFAULT, DEFAULT)');
    expect(plain.source.kind === 'rows' && plain.source.rows[0]?.slice(1)).toEqual([null, null]);
    const nested = insert('INSERT INTO p VALUES ((SELECT max(id) FROM p), DEFAULT)');
    expect(nested.source.kind).toBe('query');
    expect(nested.targets).toEqual([0, 1]);
  });

  it.each([
    ['INSERT INTO p VALUES (1, 2, 3)', 'cannot insert a non-DEFAULT value into column "twice"'],
    ["INSERT INTO p (note) VALUES ('long')", 'value too long for type character varying(3)'],
    ['INSERT INTO p (id) VALUES (99999999999)', 'integer out of range'],
    ["INSERT INTO p (id) VALUES ('1x')", 'invalid input syntax for type integer: "1x"'],
    ['INSERT INTO p (id) VALUES (1) RETURNING (SELECT 1)', 'a subquery in RETURNING is not supported'],
  ])('%s', (sql, message) => {
    expect(() => insert(sql)).toThrow(message);
  });

  it('updates to old row, new values and the columns of joined tables', () => {
    const plain = update('UPDATE p SET n = n + 1, twice = DEFAULT WHERE id = 1');
    expect(plain.columns).toEqual([1]);
    expect(plain.query.columns.map((c) => c.name)).toEqual(['id', 'n', 'twice', 'note', 'new0']);
    const joined = update('UPDATE p SET n = q.id FROM p q WHERE q.n = p.id RETURNING p.id, q.note');
    expect(joined.query.visible).toBe(4 + 1 + 4);
    expect(joined.returning?.exprs.map((e) => e.kind === 'column' && e.index)).toEqual([0, 7]);
    expect(() => update('UPDATE p SET twice = 1')).toThrow('column "twice" can only be updated to DEFAULT');
  });

  it('deletes old rows', () => {
    const { statement } = must(parse('DELETE FROM p WHERE n > 1 RETURNING id')[0]);
    if (statement.kind !== 'Delete') throw new TypeError('not a DELETE');
    const bound = bindDelete(statement, table, env());
    expect(bound.query.visible).toBe(4);
    expect(bound.returning?.columns.map((c) => c.name)).toEqual(['id']);
  });
});
