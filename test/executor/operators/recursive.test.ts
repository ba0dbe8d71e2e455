/**
 * WITH RECURSIVE as a view under random inserts, updates and deletes: after every tick its rows are those of PostgreSQL's
 * definition, computed naively; when every row has gone, so has the state.
 */
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import type { Row } from '../../../common/value.ts';
import type { Batch } from '../../../executor/batch.ts';
import { BatchBuilder, batchRow } from '../../../executor/batchBuilder.ts';
import { type BuiltPlan, buildPlan } from '../../../executor/build.ts';
import { Dataflow } from '../../../executor/dataflow.ts';
import type { Operator } from '../../../executor/operators/operator.ts';
import { explainText } from '../../../planner/explain/explain.ts';
import type { LogicalPlan } from '../../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../../planner/plan/physical.ts';
import { walkPhysical } from '../../../planner/plan/walk.ts';
import { planQuery } from '../../../planner/plan.ts';
import { evaluateLogical } from '../../harness/naive/evaluateLogical.ts';
import { expand, seeded, showRow, testContext } from '../../harness/operators.ts';
import { env, s, t } from '../../planner/build.ts';
import { bindSql } from '../../planner/sql.ts';

type Change = readonly [row: Row, weight: number];

/** Keeps the sum of what it receives. */
class Sum implements Operator {
  readonly emitsInitially = false;
  readonly weights = new Map<string, number>();
  received = 0;

  push(_port: number, batch: Batch): void {
    this.received += batch.length;
    for (let i = 0; i < batch.length; i++) {
      const row = showRow(batchRow(batch, i));
      const weight = (this.weights.get(row) ?? 0) + must(batch.weights[i]);
      if (weight === 0) this.weights.delete(row);
      else this.weights.set(row, weight);
    }
  }
  flush(): void {}
  stateRows(): number {
    return 0;
  }
  stateBytes(): number {
    return 0;
  }
}

class Running {
  readonly sum = new Sum();
  readonly context = testContext();
  readonly #dataflow = new Dataflow(this.context);
  readonly #built: BuiltPlan;

  constructor(plan: PhysicalPlan) {
    const sink = { operator: this.sum, name: 'sum' };
    this.#built = buildPlan(plan, this.#dataflow, this.context, sink, () => null);
    this.#dataflow.finishTick();
  }

  tick(changes: ReadonlyMap<number, readonly Change[]>): void {
    for (const { scan, target, port } of this.#built.inputs) {
      const types = scan.schema.map((c) => c.type);
      const builder = new BatchBuilder(types, 4);
      for (const [row, weight] of changes.get(scan.relation.id) ?? []) {
        const picked = scan.columns.map((c) => row[c] ?? null);
        builder.append(picked, weight);
        if (builder.full) this.#dataflow.push(target, port, builder.build());
      }
      if (builder.length > 0) this.#dataflow.push(target, port, builder.build());
    }
    this.#dataflow.finishTick();
  }

  stateRows(): number {
    return this.#built.nodes.reduce((sum, node) => sum + (node.operator?.stateRows() ?? 0), 0);
  }
}

/** t(a, b) are edges, s(x, y) marks nodes. `acyclic`: edges lead to greater numbers only. */
class Graph {
  readonly rows = new Map<number, Row[]>([
    [t.id, []],
    [s.id, []],
  ]);
  readonly #random: () => number;
  readonly #nodes: number;
  readonly #acyclic: boolean;

  constructor(seed: number, nodes: number, acyclic: boolean) {
    this.#random = seeded(seed);
    this.#nodes = nodes;
    this.#acyclic = acyclic;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #row(id: number): Row {
    const node = (): number => this.#below(this.#nodes);
    if (id === s.id) return [this.#below(12) === 0 ? null : node(), this.#below(3)];
    const [a, b] = [node(), node()];
    if (!this.#acyclic) return [a, b];
    return a === b ? [a, null] : [Math.min(a, b), Math.max(a, b)];
  }

  change(): Map<number, Change[]> {
    const changes = new Map<number, Change[]>();
    for (const [id, rows] of this.rows) {
      const made: Change[] = [];
      const grows = rows.length < (id === t.id ? 2 * this.#nodes : 3);
      for (let n = this.#below(4); n > 0; n--) {
        if (rows.length > 0 && this.#below(grows ? 4 : 2) === 0) {
          made.push([must(rows.splice(this.#below(rows.length), 1)[0]), -1]);
        }
        if (!grows && this.#below(2) === 0) continue;
        const row = this.#row(id);
        rows.push(row);
        made.push([row, 1]);
      }
      changes.set(id, made);
    }
    return changes;
  }

  clear(): Map<number, Change[]> {
    const gone = (rows: Row[]): Change[] => rows.splice(0).map((row) => [row, -1]);
    return new Map([...this.rows].map(([id, rows]) => [id, gone(rows)]));
  }
}

interface Case {
  readonly name: string;
  readonly sql: string;
  readonly linear: boolean;
  readonly acyclic?: boolean;
}

const cases: readonly Case[] = [
  {
    name: 'reachability',
    sql: 'WITH RECURSIVE r(a, b) AS (SELECT a, b FROM t UNION SELECT r.a, t.b FROM r JOIN t ON t.a = r.b) SELECT a, b FROM r',
    linear: true,
  },
  {
    name: 'reachability from marked nodes',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s WHERE y = 0 UNION SELECT DISTINCT t.b FROM t, r WHERE t.a = r.n) SELECT n FROM r',
    linear: true,
  },
  {
    name: 'both directions',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s UNION (SELECT e.b FROM r JOIN (SELECT a, b FROM t UNION ALL SELECT b, a FROM t) e ON e.a = r.n)) SELECT n FROM r',
    linear: true,
  },
  {
    name: 'around blocked nodes',
    sql: 'WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT t.b FROM r JOIN t ON t.a = r.n WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.x = t.b)) SELECT n FROM r',
    linear: true,
  },
  {
    name: 'around blocked nodes, as seen from the working table',
    sql: 'WITH RECURSIVE r(n) AS (SELECT a FROM t UNION SELECT t.b FROM r JOIN t ON t.a = r.n WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.x = r.n)) SELECT n FROM r',
    linear: true,
  },
  {
    name: 'through marked nodes only',
    sql: 'WITH RECURSIVE r(n) AS (SELECT 0 UNION SELECT t.b FROM r JOIN t ON t.a = r.n WHERE r.n IN (SELECT x FROM s)) SELECT n FROM r',
    linear: true,
  },
  {
    name: 'shortest paths of bounded depth',
    sql: 'WITH RECURSIVE p(n, d) AS (SELECT 0, 0 UNION SELECT t.b, p.d + 1 FROM p JOIN t ON t.a = p.n WHERE p.d < 5) SELECT n, min(d) FROM p GROUP BY n',
    linear: true,
  },
  {
    name: 'paths of bounded depth, all of them',
    sql: 'WITH RECURSIVE p(n, d) AS (SELECT 0, 0 UNION ALL SELECT t.b, p.d + 1 FROM p JOIN t ON t.a = p.n WHERE p.d < 4) SELECT n, d FROM p',
    linear: true,
  },
  {
    name: 'hierarchy',
    sql: 'WITH RECURSIVE h(n, root) AS (SELECT x, x FROM s UNION ALL SELECT t.b, h.root FROM h JOIN t ON t.a = h.n) SELECT n, root FROM h',
    linear: true,
    acyclic: true,
  },
  {
    name: 'bill of materials',
    sql: 'WITH RECURSIVE h(n, q) AS (SELECT x, y FROM s UNION ALL SELECT t.b, h.q * 2 FROM h JOIN t ON t.a = h.n AND t.b <> h.q) SELECT n, sum(q) FROM h GROUP BY n',
    linear: true,
    acyclic: true,
  },
  {
    name: 'a recursion over a recursion',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s UNION SELECT t.b FROM r JOIN t ON t.a = r.n), q(n, d) AS (SELECT n, 0 FROM r UNION SELECT q.n, d + 1 FROM q JOIN r ON r.n = q.n WHERE d < 2) SELECT n, d FROM q',
    linear: true,
  },
  {
    name: 'a recursion in a recursive term',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s UNION SELECT b.n FROM (WITH RECURSIVE i(n) AS (SELECT n FROM r UNION SELECT t.b FROM i JOIN t ON t.a = i.n) SELECT n FROM i) b) SELECT n FROM r',
    linear: false,
  },
  {
    name: 'first rows of an iteration',
    sql: 'WITH RECURSIVE r(n, d) AS (SELECT x, 0 FROM s UNION ALL (SELECT t.b, r.d + 1 FROM r JOIN t ON t.a = r.n WHERE d < 5 ORDER BY 1, 2 LIMIT 2)) SELECT n, d FROM r',
    linear: false,
  },
  {
    name: 'distinct within an iteration',
    sql: 'WITH RECURSIVE r(n, d) AS (SELECT x, 0 FROM s UNION ALL SELECT DISTINCT t.b, r.d + 1 FROM r JOIN t ON t.a = r.n WHERE d < 5) SELECT n, d FROM r',
    linear: false,
  },
  {
    name: 'outer join',
    sql: 'WITH RECURSIVE r(n, d) AS (SELECT x, 0 FROM s UNION SELECT t.b, r.d + 1 FROM r LEFT JOIN t ON t.a = r.n WHERE d < 4) SELECT n, d FROM r',
    linear: true,
  },
  {
    name: 'outer join from the right, with duplicates',
    sql: 'WITH RECURSIVE r(n, d) AS (SELECT x, 0 FROM s UNION ALL SELECT coalesce(t.b, -1), r.d + 1 FROM t RIGHT JOIN r ON t.a = r.n AND t.b <> r.d WHERE d < 3) SELECT n, d FROM r',
    linear: true,
  },
  {
    name: 'two outer joins',
    sql: 'WITH RECURSIVE r(n, d) AS (SELECT x, 0 FROM s UNION SELECT coalesce(t.b, s.y), r.d + 1 FROM r LEFT JOIN t ON t.a = r.n LEFT JOIN s ON s.x = t.b WHERE d < 4) SELECT n, d FROM r',
    linear: true,
  },
  {
    name: 'a correlated recursion',
    sql: 'SELECT x, (WITH RECURSIVE r(n) AS (SELECT s.x UNION SELECT t.b FROM r JOIN t ON t.a = r.n AND t.b <> s.y) SELECT count(*) FROM r) FROM s',
    linear: true,
  },
  {
    name: 'a lateral recursion over a base without the outer row',
    sql: 'SELECT s.x, l.n FROM s, LATERAL (WITH RECURSIVE r(n, d) AS (SELECT a, 0 FROM t UNION SELECT t.b, d + 1 FROM r JOIN t ON t.a = r.n WHERE d < s.y AND d < 4) SELECT n FROM r WHERE n > s.x) AS l',
    linear: true,
  },
  {
    name: 'cycles',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s UNION ALL SELECT t.b FROM r JOIN (SELECT DISTINCT a, b FROM t) AS t ON t.a = r.n) CYCLE n SET m USING p SELECT n, m, p FROM r',
    linear: true,
  },
  {
    name: 'no way back, by rows',
    sql: 'WITH RECURSIVE r(n) AS (SELECT x FROM s UNION (SELECT t.b FROM r JOIN t ON t.a = r.n EXCEPT SELECT y FROM s)) SELECT n FROM r',
    linear: false,
  },
];

const planned = (plan: LogicalPlan): PhysicalPlan =>
  planQuery({ plan, visible: plan.schema.length, order: [], parameters: [] }, env, 'maintained').plan;

function check(test: Case, seed: number): void {
  const { plan } = bindSql(test.sql);
  const physical = planned(plan);
  const shown = explainText(physical).join('\n');
  walkPhysical(physical, (node) => {
    if (node.kind === 'Recursive') expect(node.linear, shown).toBe(test.linear);
  });
  const running = new Running(physical);
  const emptyState = running.stateRows();
  const graph = new Graph(seed, 4 + (seed % 4), test.acyclic === true);
  for (let tick = 1; tick <= 12; tick++) {
    running.tick(graph.change());
    const expected = evaluateLogical(plan, graph.rows).map(showRow).sort();
    expect(expand(running.sum.weights), `seed ${seed}, tick ${tick} of\n${shown}`).toEqual(expected);
    expect(running.context.errors).toEqual([]);
  }
  running.tick(graph.clear());
  const expected = evaluateLogical(plan, graph.rows).map(showRow).sort();
  expect(expand(running.sum.weights)).toEqual(expected);
  expect(running.stateRows(), `state of\n${shown}`).toBe(emptyState);
}

describe('recursive views equal recomputation', () => {
  it.each(cases)('$name', (test) => {
    for (let seed = 1; seed <= 8; seed++) check(test, seed);
  });
});

describe('work', () => {
  const edges = (rows: readonly Row[], weight: number): ReadonlyMap<number, readonly Change[]> =>
    new Map([[t.id, rows.map((row): Change => [row, weight])]]);

  it('an insert gives what follows from it, and nothing else', () => {
    const { plan } = bindSql(must(cases[0]).sql);
    const running = new Running(planned(plan));
    running.tick(
      edges(
        Array.from({ length: 60 }, (_, i): Row => [i, i + 1]),
        1,
      ),
    );
    const before = running.sum.received;
    running.tick(edges([[100, 101]], 1));
    expect(running.sum.received - before).toBe(1);
    running.tick(edges([[59, 100]], 1));
    expect(running.sum.received - before).toBe(1 + 2 * 60);
  });

  it('UNION ALL without end is empty, and an error, until its inputs let it end', () => {
    const { plan } = bindSql(must(cases[8]).sql);
    const running = new Running(planned(plan));
    const tick = (rows: readonly Row[], weight: number): void => running.tick(edges(rows, weight));
    running.tick(new Map([[s.id, [[[0, 0], 1] as const]]]));
    tick(
      [
        [0, 1],
        [1, 2],
      ],
      1,
    );
    expect(running.sum.weights.size).toBe(3);
    tick([[2, 0]], 1);
    expect(running.context.errors.map((e) => e.state)).toEqual(['54001']);
    expect(running.sum.weights.size).toBe(0);
    tick([[2, 0]], -1);
    expect(running.context.errors).toHaveLength(2);
    expect(running.sum.weights.size).toBe(3);
  });
});
