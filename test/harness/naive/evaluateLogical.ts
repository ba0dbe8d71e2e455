/**
 * The oracle: a logical plan computed over small tables in memory, straight from the definitions, subqueries and outer
 * references included. Bags are arrays of rows. Slow and simple; it also checks that columns declared not nullable hold
 * no NULL.
 */
import { must, unreachable } from '../../../common/assert.ts';
import type { DataType } from '../../../common/dataType.ts';
import type { Row, Value } from '../../../common/value.ts';
import type { LogicalJoin, LogicalPlan, LogicalTopN } from '../../../planner/plan/logical.ts';
import type { Scalar } from '../../../planner/plan/scalar.ts';
import { aggregateRows } from './aggregates.ts';
import { asofJoin } from './asofJoin.ts';
import { compareByKeys, groupRows, sameRow, sortRows } from './order.ts';
import { evaluate, testContext } from './scalars.ts';
import { partitionOf, windowValue } from './window.ts';

export type Tables = ReadonlyMap<number, readonly Row[]>;

/** Rows of the plan over tables by relation id. */
export function evaluateLogical(plan: LogicalPlan, tables: Tables): readonly Row[] {
  return new Oracle(tables).run(plan, []);
}

const typesOf = (plan: LogicalPlan): readonly DataType[] => plan.schema.map((c) => c.type);

class Oracle {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  run = (plan: LogicalPlan, outers: readonly Row[]): readonly Row[] => {
    const rows = this.#rows(plan, outers);
    plan.schema.forEach((column, i) => {
      if (column.nullable || rows.every((row) => (row[i] ?? null) !== null)) return;
      throw new Error(`${plan.kind}: column ${column.name} is declared not nullable and holds NULL`);
    });
    return rows;
  };

  #value(s: Scalar, row: Row, outers: readonly Row[]): Value {
    return evaluate(s, row, outers, this.run);
  }

  #rows(plan: LogicalPlan, outers: readonly Row[]): readonly Row[] {
    switch (plan.kind) {
      case 'Scan':
        return must(this.#tables.get(plan.relation.id)).map((r) => plan.columns.map((c) => r[c] ?? null));
      case 'Values':
        return plan.rows.map((row) => row.map((s) => this.#value(s, [], outers)));
      case 'Filter':
        return this.run(plan.input, outers).filter((r) => this.#value(plan.condition, r, outers) === true);
      case 'Project':
        return this.run(plan.input, outers).map((r) => plan.exprs.map((s) => this.#value(s, r, outers)));
      case 'Join':
        return this.#join(plan, outers);
      case 'Aggregate':
        return this.#aggregate(plan, outers);
      case 'Distinct': {
        const columns = [...plan.schema.keys()];
        return groupRows(this.run(plan.input, outers), columns, typesOf(plan)).map((g) => g.key);
      }
      case 'UnionAll':
        return plan.inputs.flatMap((input) => this.run(input, outers));
      case 'SetOperation':
        return this.#setOperation(plan, outers);
      case 'Recursive':
        return recursiveRows(plan, this.run(plan.base, outers), (working) => {
          const tables = new Map([...this.#tables, [plan.self.id, working]]);
          return new Oracle(tables).run(plan.step, outers);
        });
      case 'TopN':
        return this.#topN(plan, outers);
      case 'Window':
        return this.#window(plan, outers);
      case 'Hop':
        return this.run(plan.input, outers).flatMap((r) => hopWindows(plan, r));
      case 'Session':
        return sessionRows(plan, this.run(plan.input, outers), typesOf(plan.input));
      case 'AsofJoin':
        return asofJoin(plan, this.run(plan.left, outers), this.run(plan.right, outers), (s, row) =>
          this.#value(s, row, outers),
        );
      case 'TableFunction':
        return this.run(plan.input, outers).flatMap((r) => this.#tableFunction(plan, r, outers));
      case 'MaxOneRow': {
        const rows = this.run(plan.input, outers);
        return groupRows(rows, plan.keys, typesOf(plan.input)).map((g): Row => {
          const row = must(g.rows[0]);
          if (g.rows.length === 1) return [...row, false];
          return [...row.map((value, i) => (plan.keys.includes(i) ? value : null)), true];
        });
      }
      default:
        return unreachable(plan);
    }
  }

  #join(plan: LogicalJoin, outers: readonly Row[]): readonly Row[] {
    const left = this.run(plan.left, outers);
    const shared = plan.lateral ? null : this.run(plan.right, outers);
    const condition = plan.condition;
    const matched = new Set<Row>();
    const leftNulls = plan.left.schema.map(() => null);
    const rightNulls = plan.right.schema.map(() => null);
    const output: Row[] = [];
    for (const l of left) {
      const right = shared ?? this.run(plan.right, [...outers, l]);
      const results = right.map((r) => condition === null || this.#value(condition, [...l, ...r], outers));
      const matches = right.filter((_, i) => results[i] === true);
      for (const r of matches) matched.add(r);
      if (plan.type === 'semi') {
        if (matches.length > 0) output.push(l);
      } else if (plan.type === 'anti') {
        if (plan.nullAware ? results.every((x) => x === false) : matches.length === 0) output.push(l);
      } else if (matches.length > 0) output.push(...matches.map((r) => [...l, ...r]));
      else if (plan.type === 'left' || plan.type === 'full') output.push([...l, ...rightNulls]);
    }
    if (plan.type !== 'right' && plan.type !== 'full') return output;
    const rest = must(shared).filter((r) => !matched.has(r));
    return [...output, ...rest.map((r) => [...leftNulls, ...r])];
  }

  #aggregate(plan: Extract<LogicalPlan, { kind: 'Aggregate' }>, outers: readonly Row[]): readonly Row[] {
    const rows = this.run(plan.input, outers);
    const types = typesOf(plan.input);
    const sets = plan.sets ?? [plan.keys.map((_, i) => i)];
    return sets.flatMap((set, number) => {
      const columns = set.map((i) => must(plan.keys[i]));
      const grouped = groupRows(rows, columns, types);
      const groups = set.length === 0 && grouped.length === 0 ? [{ key: [], rows: [] }] : grouped;
      return groups.map((g) => {
        const keys = plan.keys.map((_, i) => (set.includes(i) ? (g.key[set.indexOf(i)] ?? null) : null));
        const results = plan.aggregates.map((a) => aggregateRows(a, g.rows, types));
        return plan.sets === null ? [...keys, ...results] : [...keys, ...results, BigInt(number)];
      });
    });
  }

  #setOperation(
    plan: Extract<LogicalPlan, { kind: 'SetOperation' }>,
    outers: readonly Row[],
  ): readonly Row[] {
    const types = typesOf(plan);
    const columns = [...types.keys()];
    const right = this.run(plan.right, outers);
    return groupRows(this.run(plan.left, outers), columns, types).flatMap(({ key, rows }) => {
      const there = right.filter((r) => sameRow(r, key, types)).length;
      const count =
        plan.operator === 'intersect' ? Math.min(rows.length, there) : Math.max(rows.length - there, 0);
      if (plan.all) return rows.slice(0, count);
      return (plan.operator === 'intersect' ? there > 0 : there === 0) ? [key] : [];
    });
  }

  #topN(plan: LogicalTopN, outers: readonly Row[]): readonly Row[] {
    const types = typesOf(plan.input);
    const limit = plan.limit === null ? null : this.#value(plan.limit, [], outers);
    const offset = plan.offset === null ? 0 : Number(this.#value(plan.offset, [], outers) ?? 0);
    const rows = this.run(plan.input, outers);
    return groupRows(rows, plan.partition, types).flatMap((group) => {
      const sorted = sortRows(group.rows, plan.order, types);
      const partition = partitionOf(sorted, plan.order, types);
      let end = limit === null ? sorted.length : Math.min(sorted.length, offset + Number(limit));
      const lastRow = sorted[end - 1];
      while (plan.withTies && end > 0 && end < sorted.length && lastRow !== undefined) {
        if (compareByKeys(lastRow, must(sorted[end]), plan.order, types) !== 0) break;
        end += 1;
      }
      return sorted.slice(offset, Math.max(end, offset)).map((row, i) => {
        const at = offset + i;
        if (plan.rank === null) return row;
        return [...row, BigInt(plan.rank === 'row_number' ? at + 1 : must(partition.first[at]) + 1)];
      });
    });
  }

  #window(plan: Extract<LogicalPlan, { kind: 'Window' }>, outers: readonly Row[]): readonly Row[] {
    const types = typesOf(plan.input);
    return groupRows(this.run(plan.input, outers), plan.partition, types).flatMap((group) => {
      const partition = partitionOf(sortRows(group.rows, plan.order, types), plan.order, types);
      return partition.rows.map((row, i) => [
        ...row,
        ...plan.calls.map((call) => windowValue(call, partition, i)),
      ]);
    });
  }

  #tableFunction(
    plan: Extract<LogicalPlan, { kind: 'TableFunction' }>,
    row: Row,
    outers: readonly Row[],
  ): readonly Row[] {
    const results = plan.calls.map((call) => {
      const args = call.args.map((a) => this.#value(a, row, outers));
      const types = call.args.map((a) => a.type);
      const none = call.fn.nulls === 'strict' && args.includes(null);
      const rows = none ? [] : [...call.fn.implement(types)(testContext, ...args)];
      return { rows, width: call.fn.columns(types).length };
    });
    const longest = Math.max(0, ...results.map((r) => r.rows.length));
    return Array.from({ length: longest }, (_, i) => {
      const columns = results.flatMap((r) => r.rows[i] ?? Array.from({ length: r.width }, () => null));
      return [...row, ...columns, ...(plan.ordinality ? [BigInt(i + 1)] : [])];
    });
  }
}

/** By PostgreSQL's definition: the working table, iteration by iteration. */
function recursiveRows(
  plan: Extract<LogicalPlan, { kind: 'Recursive' }>,
  base: readonly Row[],
  step: (working: readonly Row[]) => readonly Row[],
): readonly Row[] {
  const types = typesOf(plan);
  const fresh = (rows: readonly Row[], known: readonly Row[]): readonly Row[] =>
    groupRows(rows, [...types.keys()], types)
      .map((g) => g.key)
      .filter((row) => !known.some((k) => sameRow(k, row, types)));
  const result: Row[] = [];
  let working = plan.all ? base : fresh(base, []);
  while (working.length > 0) {
    result.push(...working);
    const rows = step(working);
    working = plan.all ? rows : fresh(rows, result);
  }
  return result;
}

function hopWindows(plan: Extract<LogicalPlan, { kind: 'Hop' }>, row: Row): readonly Row[] {
  const time = row[plan.time] ?? null;
  if (typeof time !== 'bigint') return [];
  const { slideMicros: slide, sizeMicros: size, offsetMicros: offset } = plan;
  const startOf = (step: bigint): bigint => {
    const shifted = time - offset;
    return shifted - (((shifted % step) + step) % step) + offset;
  };
  const windows: Row[] = [];
  if (plan.cumulate === true) {
    const start = startOf(size);
    for (let end = start + slide; end <= start + size; end += slide)
      if (time < end) windows.push([...row, start, end]);
    return windows;
  }
  for (let start = startOf(slide); start + size > time; start -= slide)
    windows.push([...row, start, start + size]);
  return windows;
}

/** Rows with the number of their session, counted from 1 over all partitions. */
export function sessionRows(
  plan: Pick<Extract<LogicalPlan, { kind: 'Session' }>, 'partition' | 'time' | 'gapMicros'>,
  rows: readonly Row[],
  types: readonly DataType[],
): readonly Row[] {
  const timeOf = (row: Row): bigint | null => {
    const time = row[plan.time] ?? null;
    return typeof time === 'bigint' ? time : null;
  };
  let id = 0n;
  const output: Row[] = rows.filter((row) => timeOf(row) === null).map((row) => [...row, null]);
  for (const group of groupRows(rows, plan.partition, types)) {
    const order = [{ column: plan.time, descending: false, nullsFirst: false }];
    let previous: bigint | null = null;
    for (const row of sortRows(group.rows, order, types)) {
      const time = timeOf(row);
      if (time === null) continue;
      if (previous === null || time - previous > plan.gapMicros) id += 1n;
      previous = time;
      output.push([...row, id]);
    }
  }
  return output;
}
