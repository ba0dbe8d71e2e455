/**
 * Projection pruning: only columns that someone reads are carried, down to the scans; aggregates, window calls, rank
 * columns that nobody reads and outer joins that only could add columns are dropped.
 *
 * Two passes over the DAG: parents first, collecting for each node the columns that any parent reads; then inputs first,
 * rebuilding each shared node once for all its parents (a scan is rebuilt per parent: that costs nothing). Every rebuilt
 * node tells which of its old columns it still has, in ascending order. Stateful nodes get exactly what they need.
 */
import { must } from '../../common/assert.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import { conjunctsOf, usedColumns } from '../plan/scalars.ts';
import { inputsOf } from '../plan/walk.ts';
import { isUniqueOn, keysOf, sideOf, sidesOfEquality } from '../properties.ts';
import { type Pruned, rebuild } from './pruneRebuild.ts';
import type { Rule } from './rule.ts';

export const pruneColumns: Rule = {
  name: 'pruneColumns',
  why: 'state and copies hold only what is read',
  apply: (plan) => new Pruning(plan).run(),
};

type Needed = ReadonlySet<number>;

class Pruning {
  readonly #root: LogicalPlan;
  readonly #needed = new Map<LogicalPlan, Set<number>>();
  readonly #done = new Map<LogicalPlan, Pruned>();

  constructor(root: LogicalPlan) {
    this.#root = root;
  }

  run(): LogicalPlan {
    this.#needed.set(this.#root, new Set(this.#root.schema.keys()));
    for (const node of parentsFirst(this.#root)) {
      const needed = this.#needOf(node);
      inputNeeds(node, needed).forEach((need, i) => {
        const input = must(inputsOf(node)[i]);
        const all = this.#needed.get(input) ?? new Set<number>();
        for (const c of need ?? []) all.add(c);
        this.#needed.set(input, all);
      });
    }
    return this.#prune(this.#root).plan;
  }

  /** What parents read; at least one column, so that no relation is left without any. */
  #needOf(node: LogicalPlan): Needed {
    const needed = this.#needed.get(node) ?? new Set();
    if (needed.size === 0 && node.schema.length > 0) needed.add(cheapestColumn(node));
    this.#needed.set(node, needed);
    return needed;
  }

  #prune(node: LogicalPlan): Pruned {
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    const needed = this.#needOf(node);
    const inputNeed = inputNeeds(node, needed);
    const inputs = inputsOf(node).map((input, i): Pruned | null => {
      const need = inputNeed[i];
      if (need === null || need === undefined) return null;
      return input.kind === 'Scan' ? rebuild(input, atLeastOne(input, need), []) : this.#prune(input);
    });
    const result = rebuild(node, needed, inputs);
    this.#done.set(node, result);
    return result;
  }
}

function atLeastOne(plan: LogicalPlan, needed: Needed): Needed {
  return needed.size > 0 || plan.schema.length === 0 ? needed : new Set([cheapestColumn(plan)]);
}

const cheap: ReadonlySet<string> = new Set([
  'bool',
  'int2',
  'int4',
  'int8',
  'date',
  'timestamp',
  'timestamptz',
  'float8',
]);

/** The column that costs least to keep: a fixed-width one, if there is. */
function cheapestColumn(plan: LogicalPlan): number {
  if (plan.kind === 'Project') {
    const constant = plan.exprs.findIndex(
      (s) => s.kind === 'literal' || (s.kind === 'column' && cheap.has(s.type.id)),
    );
    if (constant >= 0) return constant;
  }
  const fixed = plan.schema.findIndex((c) => cheap.has(c.type.id));
  return Math.max(fixed, 0);
}

/** Every node after all its parents. */
function parentsFirst(root: LogicalPlan): readonly LogicalPlan[] {
  const order: LogicalPlan[] = [];
  const seen = new Set<LogicalPlan>();
  const visit = (node: LogicalPlan): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const input of inputsOf(node)) visit(input);
    order.push(node);
  };
  visit(root);
  return order.reverse();
}

/** True for a left join that neither changes the left rows nor adds a column that is read. */
export function isNeedlessJoin(plan: LogicalPlan, needed: Needed): boolean {
  if (plan.kind !== 'Join' || plan.type !== 'left') return false;
  const width = plan.left.schema.length;
  if ([...needed].some((c) => c >= width)) return false;
  const pinned = new Set<number>();
  for (const condition of conjunctsOf(plan.condition)) {
    for (const s of sidesOfEquality(condition) ?? []) {
      if (s.kind !== 'column' || s.index < width) continue;
      const other = (sidesOfEquality(condition) ?? []).find((x) => x !== s);
      if (other !== undefined && sideOf(other, width) === 'left') pinned.add(s.index - width);
    }
  }
  return isUniqueOn(plan.right, pinned);
}

const all = (plan: LogicalPlan): number[] => [...plan.schema.keys()];

/** Columns read of each input, given the columns read of the node; null: the input is dropped. */
export function inputNeeds(plan: LogicalPlan, needed: Needed): readonly (Needed | null)[] {
  const list = [...needed];
  switch (plan.kind) {
    case 'Scan':
    case 'Values':
      return [];
    case 'Filter':
      return [usedColumns(plan.condition, new Set(needed))];
    case 'Project': {
      const used = new Set<number>();
      for (const c of list) usedColumns(must(plan.exprs[c]), used);
      return [used];
    }
    case 'Join': {
      if (isNeedlessJoin(plan, needed)) return [needed, null];
      const width = plan.left.schema.length;
      const used = plan.condition === null ? new Set(needed) : usedColumns(plan.condition, new Set(needed));
      const left = [...used].filter((c) => c < width);
      return [new Set(left), new Set([...used].filter((c) => c >= width).map((c) => c - width))];
    }
    case 'Aggregate': {
      const calls = plan.aggregates.filter((_, i) => needed.has(plan.keys.length + i));
      const used = calls.flatMap((a) => [
        ...a.args,
        ...optional(a.filter),
        ...a.orderBy.map((k) => k.column),
      ]);
      return [new Set([...plan.keys, ...used])];
    }
    case 'Distinct':
      return [new Set(all(plan))];
    case 'SetOperation':
    case 'Recursive':
      return [new Set(all(plan)), new Set(all(plan))];
    case 'UnionAll':
      return plan.inputs.map(() => needed);
    case 'TopN': {
      const width = plan.input.schema.length;
      return [
        new Set([...list.filter((c) => c < width), ...plan.partition, ...plan.order.map((k) => k.column)]),
      ];
    }
    case 'Window': {
      const width = plan.input.schema.length;
      const calls = plan.calls.filter((_, i) => needed.has(width + i));
      const own = list.filter((c) => c < width);
      if (calls.length === 0) return [new Set(own)];
      const used = calls.flatMap((w) => [...w.args, ...optional(w.filter)]);
      return [new Set([...own, ...used, ...plan.partition, ...plan.order.map((k) => k.column)])];
    }
    case 'Session': {
      const own = list.filter((c) => c < plan.input.schema.length);
      return [new Set([...own, ...plan.partition, plan.time])];
    }
    case 'AsofJoin': {
      const width = plan.left.schema.length;
      const used = usedColumns(plan.condition, new Set(needed));
      if (plan.time.kind === 'asof') {
        used.add(plan.time.left).add(width + plan.time.right);
        // What decides between right rows of one time.
        for (const c of keysOf(plan.right)[0] ?? plan.right.schema.keys()) used.add(width + c);
      } else if (mayRetract(plan.left)) {
        // A row that is taken back must be told apart from its equals, which may have been joined otherwise.
        for (const c of keysOf(plan.left)[0] ?? []) used.add(c);
      }
      const left = [...used].filter((c) => c < width);
      return [new Set(left), new Set([...used].filter((c) => c >= width).map((c) => c - width))];
    }
    case 'Hop':
      return [new Set([...list.filter((c) => c < plan.input.schema.length), plan.time])];
    case 'TableFunction': {
      const used = new Set(list.filter((c) => c < plan.input.schema.length));
      for (const call of plan.calls) for (const a of call.args) usedColumns(a, used);
      return [used];
    }
    case 'MaxOneRow':
      return [new Set([...list.filter((c) => c < plan.input.schema.length), ...plan.keys])];
  }
}

const optional = (column: number | null): readonly number[] => (column === null ? [] : [column]);

/** True unless the plan's rows surely only ever come. */
function mayRetract(plan: LogicalPlan): boolean {
  switch (plan.kind) {
    case 'Scan':
      return !plan.relation.appendOnly;
    case 'Values':
      return false;
    case 'Filter':
    case 'Project':
    case 'Hop':
    case 'UnionAll':
    case 'TableFunction':
      return inputsOf(plan).some(mayRetract);
    default:
      return true;
  }
}
