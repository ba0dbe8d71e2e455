/**
 * Join ordering: a tree of inner joins becomes left-deep, in the order of least estimated intermediate rows.
 *
 * Greedy from every start: next comes the relation that keeps the result connected and smallest. Equalities are taken
 * from equivalence classes, so that a = b AND b = c also connects a and c, and redundant ones are not tested. Ties keep
 * the order of the query. A join used by several parents is not taken apart.
 */
import { must } from '../../common/assert.ts';
import { estimateRows } from '../estimate.ts';
import { filter, join, projectAs } from '../plan/construct.ts';
import type { LogicalPlan } from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import { columnOf, conjunctsOf, isVolatile, renumber, usedColumns } from '../plan/scalars.ts';
import { inputsOf, mapInputs, walkPlan } from '../plan/walk.ts';
import { columnEquality, type EquivalenceClass, equality, equivalenceClasses } from './equivalence.ts';
import type { Rule } from './rule.ts';

/** Beyond this many relations only the query's own first relation is tried as the start. */
const MAX_STARTS = 12;

export const orderJoins: Rule = {
  name: 'orderJoins',
  why: 'small intermediate results, no cross products that can be avoided',
  apply: (plan) => new Ordering(plan).rewrite(plan),
};

/** A join tree taken apart. Columns are numbered over all relations. */
interface Flat {
  readonly relations: LogicalPlan[];
  /** First column of each relation. */
  readonly offsets: number[];
  readonly conditions: Scalar[];
}

/** Relations joined so far: which, the plan, and the column numbers of its output. */
interface Joined {
  readonly members: readonly number[];
  readonly plan: LogicalPlan;
  readonly columns: readonly number[];
  readonly cost: number;
}

class Ordering {
  readonly #shared = new Set<LogicalPlan>();
  readonly #done = new Map<LogicalPlan, LogicalPlan>();

  constructor(root: LogicalPlan) {
    const seen = new Set<LogicalPlan>();
    walkPlan(root, (node) => {
      for (const input of inputsOf(node)) {
        if (seen.has(input)) this.#shared.add(input);
        seen.add(input);
      }
    });
  }

  rewrite(plan: LogicalPlan): LogicalPlan {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#ordered(plan) ?? mapInputs(plan, (input) => this.rewrite(input));
    this.#done.set(plan, result);
    return result;
  }

  #ordered(plan: LogicalPlan): LogicalPlan | null {
    if (!isInnerJoin(plan)) return null;
    const flat: Flat = { relations: [], offsets: [], conditions: [] };
    const output = this.#flatten(plan, flat, true);
    if (flat.relations.length < 3 || flat.conditions.some(isVolatile)) return null;
    const best = bestOrder(flat);
    const exprs = output.map((c) => columnOf(best.plan.schema, best.columns.indexOf(c)));
    return projectAs(best.plan, exprs, plan.schema);
  }

  /** Column numbers of the plan's output. */
  #flatten(plan: LogicalPlan, flat: Flat, root: boolean): readonly number[] {
    const whole = root || !this.#shared.has(plan);
    if (whole && isInnerJoin(plan)) {
      const columns = [...this.#flatten(plan.left, flat, false), ...this.#flatten(plan.right, flat, false)];
      flat.conditions.push(...conjunctsOf(plan.condition).map((s) => renumber(s, (i) => must(columns[i]))));
      return columns;
    }
    if (
      whole &&
      plan.kind === 'Project' &&
      isInnerJoin(plan.input) &&
      plan.exprs.every((s) => s.kind === 'column')
    ) {
      const columns = this.#flatten(plan.input, flat, false);
      return plan.exprs.map((s) => must(s.kind === 'column' ? columns[s.index] : undefined));
    }
    const last = flat.relations.length - 1;
    const offset = last < 0 ? 0 : must(flat.offsets[last]) + must(flat.relations[last]).schema.length;
    flat.relations.push(this.rewrite(plan));
    flat.offsets.push(offset);
    return plan.schema.map((_, i) => offset + i);
  }
}

function isInnerJoin(plan: LogicalPlan): plan is Extract<LogicalPlan, { kind: 'Join' }> {
  return plan.kind === 'Join' && plan.type === 'inner' && !plan.lateral;
}

function bestOrder(flat: Flat): Joined {
  const classes = equivalenceClasses(flat.conditions);
  const others = flat.conditions.filter((s) => columnEquality(s) === null);
  const relationOf = (c: number): number => flat.offsets.findLastIndex((offset) => offset <= c);
  const graph: Graph = { flat, classes, others, relationOf };
  const starts = flat.relations.length <= MAX_STARTS ? [...flat.relations.keys()] : [0];
  const orders = starts.map((start) => greedy(graph, start));
  return orders.reduce((best, next) => (next.cost < best.cost ? next : best));
}

interface Graph {
  readonly flat: Flat;
  readonly classes: readonly EquivalenceClass[];
  /** Conditions other than equality of two columns. */
  readonly others: readonly Scalar[];
  readonly relationOf: (column: number) => number;
}

function greedy(graph: Graph, start: number): Joined {
  let joined = alone(graph, start);
  const rest = new Set(graph.flat.relations.keys());
  rest.delete(start);
  while (rest.size > 0) {
    const linked = [...rest].filter((r) => isLinked(graph, joined, r));
    const candidates = (linked.length > 0 ? linked : [...rest]).map((r) => extended(graph, joined, r));
    joined = candidates.reduce((best, next) => (next.cost < best.cost ? next : best));
    rest.delete(must(joined.members.at(-1)));
  }
  return joined;
}

function alone(graph: Graph, relation: number): Joined {
  const plan = relationPlan(graph, relation);
  return { members: [relation], plan, columns: columnsOfRelation(graph, relation), cost: 0 };
}

function columnsOfRelation(graph: Graph, relation: number): readonly number[] {
  const offset = must(graph.flat.offsets[relation]);
  return must(graph.flat.relations[relation]).schema.map((_, i) => offset + i);
}

/** A relation with the equalities among its own columns that follow from the others. */
function relationPlan(graph: Graph, relation: number): LogicalPlan {
  const offset = must(graph.flat.offsets[relation]);
  const within = graph.classes.flatMap((c) => {
    const [first, ...more] = c.members.filter((m) => graph.relationOf(m.index) === relation);
    return first === undefined ? [] : more.map((m) => equality(c.equals, first, m));
  });
  return filter(
    must(graph.flat.relations[relation]),
    within.map((s) => renumber(s, (i) => i - offset)),
  );
}

function isLinked(graph: Graph, joined: Joined, relation: number): boolean {
  const inside = (c: number): boolean => joined.members.includes(graph.relationOf(c));
  const beside = (c: number): boolean => graph.relationOf(c) === relation;
  const links = (columns: readonly number[]): boolean => columns.some(inside) && columns.some(beside);
  return (
    graph.classes.some((c) => links(c.members.map((m) => m.index))) ||
    graph.others.some((s) => links([...usedColumns(s)]))
  );
}

function extended(graph: Graph, joined: Joined, relation: number): Joined {
  const right = relationPlan(graph, relation);
  const columns = [...joined.columns, ...columnsOfRelation(graph, relation)];
  const members = [...joined.members, relation];
  const conditions: Scalar[] = [];
  for (const c of graph.classes) {
    const known = c.members.find((m) => joined.members.includes(graph.relationOf(m.index)));
    const added = c.members.find((m) => graph.relationOf(m.index) === relation);
    if (known !== undefined && added !== undefined) conditions.push(equality(c.equals, known, added));
  }
  for (const s of graph.others) {
    const used = [...usedColumns(s)].map(graph.relationOf);
    const now = used.every((r) => members.includes(r));
    // The start relation's own conditions are tested at its first join.
    const before = joined.members.length > 1 && used.every((r) => joined.members.includes(r));
    if (now && !before) conditions.push(s);
  }
  const placed = conditions.map((s) => renumber(s, (i) => columns.indexOf(i)));
  const plan = join('inner', joined.plan, right, placed);
  return { members, plan, columns, cost: joined.cost + estimateRows(plan) };
}
