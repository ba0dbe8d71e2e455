/** The second half of projection pruning: one node rebuilt over its pruned inputs. */
import { assert, must, unreachable } from '../../common/assert.ts';
import type { AggregateCall, SortKey, WindowCall } from '../plan/aggregateCall.ts';
import { join, joinSchema, maxOneRow, pick, projectAs } from '../plan/construct.ts';
import type {
  LogicalAggregate,
  LogicalAsofJoin,
  LogicalJoin,
  LogicalPlan,
  LogicalWindow,
} from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { renumber, usedColumns } from '../plan/scalars.ts';

/** A rebuilt plan and which of the old columns it has, ascending. */
export interface Pruned {
  readonly plan: LogicalPlan;
  readonly kept: readonly number[];
}

type Needed = ReadonlySet<number>;

const ascending = (columns: Iterable<number>): number[] => [...columns].sort((a, b) => a - b);

/** New position of an old column. */
const at = (input: Pruned, old: number): number => {
  const position = input.kept.indexOf(old);
  return must(position < 0 ? undefined : position, `column ${old} was pruned`);
};

const moved = (s: Scalar, input: Pruned): Scalar => renumber(s, (i) => at(input, i));

/** Exactly the columns told. */
function narrow(input: Pruned, columns: readonly number[]): Pruned {
  return {
    plan: pick(
      input.plan,
      columns.map((c) => at(input, c)),
    ),
    kept: columns,
  };
}

const sortKeys = (order: readonly SortKey[], input: Pruned): readonly SortKey[] =>
  order.map((k) => ({ ...k, column: at(input, k.column) }));

const only = (inputs: readonly (Pruned | null)[]): Pruned => must(inputs[0]);

const schemaOf = (plan: LogicalPlan, columns: readonly number[]): LogicalPlan['schema'] =>
  columns.map((c) => must(plan.schema[c]));

/** The node with the needed columns at least. A null input is dropped (see `isNeedlessJoin`). */
export function rebuild(plan: LogicalPlan, needed: Needed, inputs: readonly (Pruned | null)[]): Pruned {
  const wanted = ascending(needed);
  switch (plan.kind) {
    case 'Scan': {
      const columns = wanted.map((c) => must(plan.columns[c]));
      return { plan: { ...plan, columns, schema: schemaOf(plan, wanted) }, kept: wanted };
    }
    case 'Values': {
      const rows = plan.rows.map((row) => wanted.map((c) => must(row[c])));
      return { plan: { ...plan, rows, schema: schemaOf(plan, wanted) }, kept: wanted };
    }
    case 'Filter': {
      const input = only(inputs);
      const condition = moved(plan.condition, input);
      return { plan: { ...plan, input: input.plan, condition, schema: input.plan.schema }, kept: input.kept };
    }
    case 'Project': {
      const input = only(inputs);
      const exprs = wanted.map((c) => moved(must(plan.exprs[c]), input));
      return { plan: projectAs(input.plan, exprs, schemaOf(plan, wanted)), kept: wanted };
    }
    case 'Join':
      return rebuildJoin(plan, needed, inputs);
    case 'Aggregate':
      return rebuildAggregate(plan, needed, only(inputs));
    case 'Distinct': {
      const input = narrow(only(inputs), [...plan.schema.keys()]);
      return { plan: { ...plan, input: input.plan }, kept: input.kept };
    }
    case 'SetOperation': {
      const columns = [...plan.schema.keys()];
      const [left, right] = inputs.map((input) => narrow(must(input), columns).plan);
      return { plan: { ...plan, left: must(left), right: must(right) }, kept: columns };
    }
    case 'Recursive': {
      const columns = [...plan.schema.keys()];
      const [base, step] = inputs.map((input) => narrow(must(input), columns).plan);
      return { plan: { ...plan, base: must(base), step: must(step) }, kept: columns };
    }
    case 'UnionAll': {
      const narrowed = inputs.map((input) => narrow(must(input), wanted).plan);
      return { plan: { ...plan, inputs: narrowed, schema: schemaOf(plan, wanted) }, kept: wanted };
    }
    case 'TopN':
      return rebuildTopN(plan, wanted, only(inputs));
    case 'Window':
      return rebuildWindow(plan, needed, only(inputs));
    case 'Hop': {
      const input = only(inputs);
      return appended({ ...plan, input: input.plan, time: at(input, plan.time) }, plan, input);
    }
    case 'Session': {
      const input = only(inputs);
      const partition = plan.partition.map((c) => at(input, c));
      return appended({ ...plan, input: input.plan, partition, time: at(input, plan.time) }, plan, input);
    }
    case 'AsofJoin':
      return rebuildAsofJoin(plan, must(inputs[0]), must(inputs[1]));
    case 'TableFunction': {
      const input = only(inputs);
      const calls = plan.calls.map((c) => ({ ...c, args: c.args.map((a) => moved(a, input)) }));
      return appended({ ...plan, input: input.plan, calls }, plan, input);
    }
    case 'MaxOneRow': {
      const many = plan.input.schema.length;
      const own = wanted.filter((c) => c < many);
      const input = narrow(only(inputs), ascending(new Set([...own, ...plan.keys])));
      const keys = plan.keys.map((k) => at(input, k));
      return { plan: maxOneRow(input.plan, keys), kept: [...input.kept, many] };
    }
    default:
      return unreachable(plan);
  }
}

/** A node that puts all its own columns after the input's. */
function appended(
  node: Extract<LogicalPlan, { kind: 'Hop' | 'Session' | 'TableFunction' }>,
  old: Extract<LogicalPlan, { kind: 'Hop' | 'Session' | 'TableFunction' }>,
  input: Pruned,
): Pruned {
  const width = old.input.schema.length;
  const own = old.schema.slice(width);
  return {
    plan: { ...node, schema: [...input.plan.schema, ...own] },
    kept: [...input.kept, ...own.map((_, i) => width + i)],
  };
}

function rebuildAsofJoin(plan: LogicalAsofJoin, left: Pruned, right: Pruned): Pruned {
  const width = plan.left.schema.length;
  const newWidth = left.plan.schema.length;
  const condition = renumber(plan.condition, (i) =>
    i < width ? at(left, i) : newWidth + at(right, i - width),
  );
  const { time } = plan;
  const moved =
    time.kind === 'process' ? time : { ...time, left: at(left, time.left), right: at(right, time.right) };
  const kept = [...left.kept, ...right.kept.map((c) => width + c)];
  const schema = schemaOf(plan, kept);
  return { plan: { ...plan, left: left.plan, right: right.plan, condition, time: moved, schema }, kept };
}

function rebuildJoin(plan: LogicalJoin, needed: Needed, inputs: readonly (Pruned | null)[]): Pruned {
  const left = must(inputs[0]);
  const pruned = inputs[1];
  if (pruned === null || pruned === undefined) return left;
  const width = plan.left.schema.length;
  const read = new Set(needed);
  if (plan.condition !== null) usedColumns(plan.condition, read);
  const leftRead = narrow(
    left,
    narrowed(
      left,
      [...read].filter((c) => c < width),
    ),
  );
  const rightRead = narrow(
    pruned,
    narrowed(
      pruned,
      [...read].filter((c) => c >= width).map((c) => c - width),
    ),
  );
  const position = (i: number): number =>
    i < width ? at(leftRead, i) : leftRead.kept.length + at(rightRead, i - width);
  const condition = plan.condition === null ? null : renumber(plan.condition, position);
  const rebuilt = join(plan.type, leftRead.plan, rightRead.plan, condition, { nullAware: plan.nullAware });
  const leftOnly = plan.type === 'semi' || plan.type === 'anti';
  const kept = leftOnly ? leftRead.kept : [...leftRead.kept, ...rightRead.kept.map((c) => c + width)];
  const schema = joinSchema(plan.type, leftRead.plan.schema, rightRead.plan.schema);
  return { plan: { ...rebuilt, schema }, kept };
}

/** The columns told, or one that is there when none is needed. */
const narrowed = (input: Pruned, columns: readonly number[]): readonly number[] =>
  columns.length === 0 ? input.kept.slice(0, 1) : ascending(columns);

function rebuildAggregate(plan: LogicalAggregate, needed: Needed, input: Pruned): Pruned {
  const count = plan.keys.length;
  const present = plan.aggregates.map((_, i) => i).filter((i) => needed.has(count + i));
  const aggregates = present.map((i): AggregateCall => {
    const a = must(plan.aggregates[i]);
    const filter = a.filter === null ? null : at(input, a.filter);
    return { ...a, args: a.args.map((c) => at(input, c)), filter, orderBy: sortKeys(a.orderBy, input) };
  });
  const keys = plan.keys.map((k) => at(input, k));
  const kept = [...plan.keys.keys(), ...present.map((i) => count + i)];
  assert(plan.sets === null, 'grouping sets are expanded before pruning');
  return { plan: { ...plan, input: input.plan, keys, aggregates, schema: schemaOf(plan, kept) }, kept };
}

function rebuildTopN(
  plan: Extract<LogicalPlan, { kind: 'TopN' }>,
  wanted: readonly number[],
  all: Pruned,
): Pruned {
  const width = plan.input.schema.length;
  const read = [...wanted.filter((c) => c < width), ...plan.partition, ...plan.order.map((k) => k.column)];
  const input = narrow(all, narrowed(all, [...new Set(read)]));
  const rank = wanted.includes(width) ? plan.rank : null;
  const own = rank === null ? [] : [must(plan.schema[width])];
  const node: LogicalPlan = {
    ...plan,
    input: input.plan,
    partition: plan.partition.map((c) => at(input, c)),
    order: sortKeys(plan.order, input),
    rank,
    schema: [...input.plan.schema, ...own],
  };
  return { plan: node, kept: [...input.kept, ...own.map(() => width)] };
}

function rebuildWindow(plan: LogicalWindow, needed: Needed, all: Pruned): Pruned {
  const width = plan.input.schema.length;
  const present = plan.calls.map((_, i) => i).filter((i) => needed.has(width + i));
  if (present.length === 0) return all;
  const old = present.map((i) => must(plan.calls[i]));
  const used = old.flatMap((w) => [...w.args, ...(w.filter === null ? [] : [w.filter])]);
  const passed = [...needed].filter((c) => c < width);
  const read = new Set([...passed, ...used, ...plan.partition, ...plan.order.map((k) => k.column)]);
  const input = narrow(all, narrowed(all, [...read]));
  const calls = old.map((w): WindowCall => {
    const filter = w.filter === null ? null : at(input, w.filter);
    return { ...w, args: w.args.map((c) => at(input, c)), filter };
  });
  const own = present.map((i) => must(plan.schema[width + i]));
  const node: LogicalPlan = {
    ...plan,
    input: input.plan,
    partition: plan.partition.map((c) => at(input, c)),
    order: sortKeys(plan.order, input),
    calls,
    schema: [...input.plan.schema, ...own],
  };
  return { plan: node, kept: [...input.kept, ...present.map((i) => width + i)] };
}
