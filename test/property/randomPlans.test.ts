/**
 * Incremental = recomputed, for whole plans: random queries are planned, built and fed random changes tick by tick; after
 * every tick the accumulated output equals the oracle's answer over the tables as they are then. Ad-hoc plans of the same
 * queries run once over the tables. When every row is deleted, state is back to what it was over empty tables.
 */
import { describe, expect, it } from 'vitest';
import { must } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { Row } from '../../common/value.ts';
import type { Batch } from '../../executor/batch.ts';
import { BatchBuilder, batchRow } from '../../executor/batchBuilder.ts';
import { type BuiltPlan, buildPlan } from '../../executor/build.ts';
import { Dataflow } from '../../executor/dataflow.ts';
import type { Operator } from '../../executor/operators/operator.ts';
import type { PlanMode } from '../../planner/evaluator.ts';
import { explainLogical, explainText } from '../../planner/explain/explain.ts';
import type { LogicalPlan } from '../../planner/plan/logical.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { planQuery } from '../../planner/plan.ts';
import { evaluateLogical } from '../harness/naive/evaluateLogical.ts';
import { expand, seeded, showRow, testContext } from '../harness/operators.ts';
import { env, s, t, u } from '../planner/build.ts';
import { RandomPlans } from '../planner/randomPlan.ts';

const first = Number(process.env.FIRST_SEED ?? 1);
const count = Number(process.env.SEEDS ?? 120);
const TICKS = 5;

/** Keeps the sum of what it receives. */
class Sum implements Operator {
  readonly emitsInitially = false;
  readonly weights = new Map<string, number>();

  push(_port: number, batch: Batch): void {
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

type Change = readonly [row: Row, weight: number];

/** A plan as a running dataflow. */
class Running {
  readonly sum = new Sum();
  readonly #dataflow: Dataflow;
  readonly #built: BuiltPlan;
  readonly #context = testContext();

  constructor(plan: PhysicalPlan) {
    this.#dataflow = new Dataflow(this.#context);
    this.#built = buildPlan(
      plan,
      this.#dataflow,
      this.#context,
      { operator: this.sum, name: 'sum' },
      () => null,
    );
  }

  tick(changes: ReadonlyMap<number, readonly Change[]>): void {
    for (const { scan, target, port } of this.#built.inputs) {
      const builder = new BatchBuilder(
        scan.schema.map((c) => c.type),
        3,
      );
      const send = (): void => this.#dataflow.push(target, port, builder.build());
      for (const [row, weight] of changes.get(scan.relation.id) ?? []) {
        builder.append(
          scan.columns.map((c) => row[c] ?? null),
          weight,
        );
        if (builder.full) send();
      }
      if (builder.length > 0) send();
    }
    this.#dataflow.finishTick();
    expect(this.#context.errors).toEqual([]);
  }

  stateRows(): number {
    return this.#built.nodes.reduce((sum, node) => sum + (node.operator?.stateRows() ?? 0), 0);
  }
}

/** The three tables under random changes. u keeps one row per id. */
class Tables {
  readonly rows = new Map<number, Row[]>([t, s, u].map((r) => [r.id, []]));
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #value(): number | null {
    return this.#below(4) === 0 ? null : this.#below(4);
  }

  #row(relation: RelationEntry): Row | null {
    if (relation !== u) return [this.#value(), this.#value()];
    const id = this.#below(6);
    return must(this.rows.get(u.id)).some((r) => r[0] === id) ? null : [id, this.#value(), null];
  }

  change(): Map<number, Change[]> {
    const changes = new Map<number, Change[]>();
    for (const relation of [t, s, u]) {
      const rows = must(this.rows.get(relation.id));
      const made: Change[] = [];
      for (let n = this.#below(4); n > 0; n--) {
        if (rows.length > 0 && this.#below(3) === 0)
          made.push([must(rows.splice(this.#below(rows.length), 1)[0]), -1]);
        const row = this.#row(relation);
        if (row === null) continue;
        rows.push(row);
        made.push([row, 1]);
      }
      changes.set(relation.id, made);
    }
    return changes;
  }

  clear(): Map<number, Change[]> {
    const changes = new Map<number, Change[]>();
    for (const [id, rows] of this.rows)
      changes.set(
        id,
        rows.splice(0).map((row) => [row, -1]),
      );
    return changes;
  }

  all(): Map<number, Change[]> {
    return new Map([...this.rows].map(([id, rows]) => [id, rows.map((row): Change => [row, 1])]));
  }
}

function planned(plan: LogicalPlan, mode: PlanMode): PhysicalPlan {
  return planQuery({ plan, visible: plan.schema.length, order: [], parameters: [] }, env, mode).plan;
}

const noChanges: ReadonlyMap<number, readonly Change[]> = new Map();

function check(seed: number): void {
  const plan = new RandomPlans(seed).plan(3);
  const physical = planned(plan, 'maintained');
  const running = new Running(physical);
  running.tick(noChanges);
  const emptyState = running.stateRows();
  const tables = new Tables(seed);
  const expected = (): readonly string[] => evaluateLogical(plan, tables.rows).map(showRow).sort();
  const shown = [...explainLogical(plan), '', ...explainText(physical)].join('\n');
  const compare = (actual: Sum, what: string): void => {
    expect(expand(actual.weights), `${what} of\n${shown}`).toEqual(expected());
  };
  compare(running.sum, 'empty tables');
  for (let tick = 1; tick <= TICKS; tick++) {
    running.tick(tables.change());
    compare(running.sum, `tick ${tick}`);
  }
  const once = new Running(planned(plan, 'maintained'));
  once.tick(tables.all());
  compare(once.sum, 'one tick');
  running.tick(tables.clear());
  compare(running.sum, 'everything deleted');
  expect(running.stateRows(), `state rows of\n${shown}`).toBe(emptyState);
}

describe('incremental plans equal recomputation', () => {
  for (let from = first; from < first + count; from += 20) {
    const to = Math.min(from + 20, first + count);
    it(`seeds ${from} to ${to - 1}`, () => {
      for (let seed = from; seed < to; seed++) {
        try {
          check(seed);
        } catch (error) {
          throw error instanceof Error
            ? new Error(`seed ${seed}: ${error.message}`, { cause: error })
            : error;
        }
      }
    });
  }
});
