import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { types } from '../../../common/dataType.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { parse } from '../../../parser/parse.ts';
import { bindQuery } from '../../../planner/bind/bind.ts';
import type { LogicalAsofJoin, LogicalPlan } from '../../../planner/plan/logical.ts';
import { inputsOf } from '../../../planner/plan/walk.ts';
import { testEnvironment } from './describe.ts';
import { memoryCatalog, relation } from './memoryCatalog.ts';

const versioned = {
  ...relation('rates', [
    ['currency', types.text],
    ['rate', types.numeric],
    ['since', types.timestamp],
  ]),
  appendOnly: true,
  watermark: { column: 2, expression: 'since' },
};
const entries = [
  relation('a', [
    ['k', types.int4],
    ['at', types.timestamp],
    ['day', types.date],
    ['currency', types.text],
  ]),
  {
    ...relation('stamped', [
      ['currency', types.text],
      ['seen', types.timestamptz],
    ]),
    processTime: [1],
  },
  relation('b', [
    ['k', types.int8],
    ['at', types.timestamp],
    ['at_tz', types.timestamptz],
  ]),
  versioned,
  { ...versioned, id: versioned.id + 100, name: 'changing', appendOnly: false },
];

function bound(sql: string) {
  const { statement } = must(parse(sql)[0]);
  if (statement.kind !== 'SelectStatement') throw new TypeError('not a query');
  return bindQuery(statement.query, { ...testEnvironment(), catalog: memoryCatalog(entries) });
}

const nodes = (plan: LogicalPlan): readonly LogicalPlan[] => [plan, ...inputsOf(plan).flatMap(nodes)];

function asofOf(sql: string): LogicalAsofJoin {
  const node = nodes(bound(sql).plan).find((n) => n.kind === 'AsofJoin');
  if (node?.kind !== 'AsofJoin') throw new TypeError('no as-of join');
  return node;
}

function refused(sql: string): string {
  try {
    bound(sql);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    const { position, hint } = error;
    return `${error.state} ${error.message} @${position} ${hint === undefined ? '' : 'with a hint'}`.trim();
  }
  return 'bound';
}

describe('ASOF JOIN', () => {
  it('takes columns as they are', () => {
    const node = asofOf('SELECT * FROM a ASOF JOIN b ON a.k = b.k AND a.at > b.at');
    expect([node.type, node.left.kind, node.right.kind]).toEqual(['inner', 'Scan', 'Scan']);
    expect(node.time).toEqual({ kind: 'asof', left: 1, right: 1, operator: '>' });
  });

  it('turns the comparison so that the left side is left', () => {
    const node = asofOf('SELECT * FROM a ASOF LEFT JOIN b ON b.at >= a.at AND b.k = a.k');
    expect([node.type, node.time]).toEqual(['left', { kind: 'asof', left: 1, right: 1, operator: '<=' }]);
  });

  it('computes other times below, of one type', () => {
    const node = asofOf("SELECT * FROM a ASOF JOIN b ON a.k = b.k AND a.day + INTERVAL '1 h' < b.at_tz");
    expect(node.time).toEqual({ kind: 'asof', left: 5, right: 2, operator: '<' });
    expect(must(node.left.schema[5]).type.id).toBe('timestamptz');
    const columns = bound(
      "SELECT * FROM a ASOF JOIN b ON a.k = b.k AND a.day + INTERVAL '1 h' < b.at_tz",
    ).columns;
    expect(columns.map((c) => c.name)).toEqual(['k', 'at', 'day', 'currency', 'k', 'at', 'at_tz']);
  });

  it('filters the right side by its own conditions, and the left side where nothing is padded', () => {
    const condition = 'a.k = b.k AND a.at > b.at AND b.k > 3 AND a.k < 9';
    const inner = asofOf(`SELECT * FROM a ASOF JOIN b ON ${condition}`);
    expect([inner.left.kind, inner.right.kind]).toEqual(['Filter', 'Filter']);
    const left = asofOf(`SELECT * FROM a ASOF LEFT JOIN b ON ${condition}`);
    expect([left.left.kind, left.right.kind]).toEqual(['Project', 'Filter']);
  });

  it('USING: the last column is the time', () => {
    const node = asofOf('SELECT * FROM a ASOF JOIN b USING (k, at)');
    expect(node.time).toEqual({ kind: 'asof', left: 1, right: 1, operator: '>=' });
  });

  it('says what it needs', () => {
    const on = (condition: string): string => refused(`SELECT 1 FROM a ASOF JOIN b ON ${condition}`);
    expect(on('a.k = b.k')).toBe('42601 AsOf join requires exactly 1 inequality condition @14 with a hint');
    expect(on('a.k = b.k AND a.at BETWEEN b.at AND b.at')).toBe(
      '42601 AsOf join requires exactly 1 inequality condition @14 with a hint',
    );
    expect(on('a.at > b.at')).toBe('42601 AsOf join requires at least 1 equal condition @14 with a hint');
    expect(on('a.k = b.k AND a.at > b.at AND a.day <> b.at')).toBe(
      '0A000 ASOF JOIN with <> between the sides is not supported @67 with a hint',
    );
    expect(refused('SELECT 1 FROM a ASOF FULL JOIN b ON a.k = b.k AND a.at > b.at')).toBe(
      '0A000 ASOF FULL JOIN is not supported @14 with a hint',
    );
  });
});

describe('FOR SYSTEM_TIME AS OF', () => {
  it('PROCTIME() is a process-time join on any condition', () => {
    const node = asofOf(
      'SELECT * FROM a LEFT JOIN b FOR SYSTEM_TIME AS OF PROCTIME() ON a.k = b.k AND a.at < b.at',
    );
    expect([node.type, node.time]).toEqual(['left', { kind: 'process' }]);
    expect(node.condition.kind).toBe('and');
    expect(asofOf('SELECT * FROM a, b FOR SYSTEM_TIME AS OF PROCTIME()').condition.kind).toBe('literal');
  });

  it('so is a column that holds the time at which the row came', () => {
    const sql =
      'SELECT * FROM stamped s JOIN rates FOR SYSTEM_TIME AS OF s.seen AS r ON s.currency = r.currency';
    expect(asofOf(sql).time).toEqual({ kind: 'process' });
  });

  it('another column joins with the version valid then', () => {
    const node = asofOf('SELECT * FROM a JOIN rates FOR SYSTEM_TIME AS OF a.at r ON a.currency = r.currency');
    expect(node.time).toEqual({ kind: 'asof', left: 1, right: 2, operator: '>=' });
  });

  it('further conditions see the version found', () => {
    const from = (join: string): LogicalPlan =>
      bound(
        `SELECT * FROM a ${join} rates FOR SYSTEM_TIME AS OF at r ON a.currency = r.currency AND r.rate > a.k`,
      ).plan;
    const kinds = (plan: LogicalPlan): readonly string[] => nodes(plan).map((n) => n.kind);
    expect(kinds(from('JOIN'))).toEqual(['Project', 'Filter', 'AsofJoin', 'Scan', 'Scan']);
    expect(kinds(from('LEFT JOIN'))).toEqual(['Project', 'Project', 'AsofJoin', 'Scan', 'Scan']);
  });

  it('says what it needs', () => {
    const noVersions = (name: string, at: number): string =>
      `0A000 "${name}" has no versions to be joined as of an event time @${at} with a hint`;
    const join = (right: string): string =>
      refused(`SELECT 1 FROM a JOIN ${right} r ON a.currency = r.currency`);
    expect(join('changing FOR SYSTEM_TIME AS OF a.at')).toBe(noVersions('r', 21));
    expect(join('b FOR SYSTEM_TIME AS OF a.at').slice(0, 5)).toBe('42703');
    expect(join('rates FOR SYSTEM_TIME AS OF a.k')).toBe(
      '42883 operator does not exist: integer >= timestamp without time zone @21 with a hint',
    );
    expect(join("rates FOR SYSTEM_TIME AS OF (a.at - INTERVAL '1 h')")).toBe(
      '0A000 FOR SYSTEM_TIME AS OF an expression is not supported @50 with a hint',
    );
    const travel = '0A000 FOR SYSTEM_TIME AS OF a fixed point in time (time travel) is not supported';
    expect(join("rates FOR SYSTEM_TIME AS OF '2024-01-01'")).toBe(`${travel} @49 with a hint`);
    expect(join('rates FOR SYSTEM_TIME AS OF NOW()')).toBe(`${travel} @49 with a hint`);
    expect(refused('SELECT 1 FROM a FOR SYSTEM_TIME AS OF NOW()')).toBe(`${travel} @38 with a hint`);
    expect(refused('SELECT 1 FROM a FOR SYSTEM_TIME AS OF PROCTIME()')).toBe(
      '0A000 FOR SYSTEM_TIME AS OF outside of a join is not supported @14 with a hint',
    );
    expect(refused('SELECT 1 FROM a RIGHT JOIN b FOR SYSTEM_TIME AS OF PROCTIME() ON a.k = b.k')).toBe(
      '0A000 RIGHT JOIN with FOR SYSTEM_TIME AS OF is not supported @27 with a hint',
    );
  });
});
