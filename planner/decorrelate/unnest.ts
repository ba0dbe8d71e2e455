/**
 * Pushes a dependent join down into its right side (Neumann and Kemper, "Unnesting Arbitrary Queries").
 *
 * `attachDomain(plan, domain)` answers the plan once for every row of the domain: a duplicate-free relation of the
 * outer columns that the plan reads. The result's columns are the plan's own, in place, followed by the domain's. The
 * domain meets the plan at the lowest node that still depends on it, as a cross join with a filter above; where
 * that filter equates every outer column with something of the plan's own, the domain is not needed at all, and the
 * result holds more groups than the domain (`exact` forbids this, for recursions).
 *
 * Invariant: outer references of depth 1 are gone from the result, deeper ones are one level nearer.
 */
import { must, unreachable } from '../../common/assert.ts';
import type { RelationEntry } from '../../common/catalog.ts';
import type { DataType, Schema } from '../../common/dataType.ts';
import { unsupported } from '../../common/sqlError.ts';
import type { AggregateCall } from '../plan/aggregateCall.ts';
import {
  aggregate,
  distinct,
  extend,
  filter,
  join,
  maxOneRow,
  pick,
  project,
  projectAs,
  topN,
  unionAll,
} from '../plan/construct.ts';
import type {
  LogicalAggregate,
  LogicalFilter,
  LogicalJoin,
  LogicalPlan,
  LogicalRecursive,
  LogicalScan,
  LogicalTopN,
  LogicalValues,
} from '../plan/logical.ts';
import type { Scalar } from '../plan/scalar.ts';
import {
  and,
  column,
  columnOf,
  columnsOf,
  conjunctsOf,
  isNull,
  isNullable,
  isVolatile,
  sameValue,
  shiftColumns,
} from '../plan/scalars.ts';
import { walkPlan } from '../plan/walk.ts';
import { workingTable } from '../plan/workingTable.ts';
import { sidesOfEquality } from '../properties.ts';
import { emptyResult } from './emptyResult.ts';
import { isCorrelated, lower, outerColumnsOfScalar, outerUses, resolveOuter } from './outer.ts';

export interface Domain {
  /** Distinct combinations of the outer columns. */
  readonly plan: LogicalPlan;
  /** Outer columns, in the order of the domain's columns. */
  readonly columns: readonly number[];
  /** The result may hold rows for combinations of the domain only. */
  readonly exact: boolean;
}

/** Equal values of these types are the same value, so that one may stand for the other. */
function isCanonical(type: DataType): boolean {
  switch (type.id) {
    case 'numeric':
    case 'float4':
    case 'float8':
    case 'bpchar':
    case 'interval':
    case 'timetz':
    case 'jsonb':
    case 'struct':
      return false;
    case 'array':
      return isCanonical(type.element);
    default:
      return true;
  }
}

/** The plan's columns followed by the domain's; see the file header. */
export function attachDomain(plan: LogicalPlan, domain: Domain): LogicalPlan {
  return new Unnesting(plan, domain).attach(plan);
}

class Unnesting {
  readonly #domain: Domain;
  readonly #uses: ReadonlyMap<number, number>;
  readonly #done = new Map<LogicalPlan, LogicalPlan>();
  /** By the id of a recursion's working table: the one with the domain's columns. */
  readonly #working = new Map<number, RelationEntry>();

  constructor(plan: LogicalPlan, domain: Domain) {
    this.#domain = domain;
    this.#uses = outerUses(plan);
  }

  attach(plan: LogicalPlan): LogicalPlan {
    const known = this.#done.get(plan);
    if (known !== undefined) return known;
    const result = this.#depends(plan)
      ? this.#push(plan)
      : join('inner', lower(plan), this.#domain.plan, null);
    this.#done.set(plan, result);
    return result;
  }

  /** True when the rows differ from one row of the domain to the other. */
  #depends(plan: LogicalPlan): boolean {
    return isCorrelated(plan) || this.#readsWorkingTable(plan);
  }

  #readsWorkingTable(plan: LogicalPlan): boolean {
    if (this.#working.size === 0) return false;
    let found = false;
    walkPlan(plan, (node) => {
      found ||= node.kind === 'Scan' && this.#working.has(node.relation.id);
    });
    return found;
  }

  #push(plan: LogicalPlan): LogicalPlan {
    const width = plan.schema.length;
    switch (plan.kind) {
      case 'Scan':
        return this.#workingScan(plan);
      case 'Values':
        return this.#values(plan);
      case 'Filter':
        return this.#filter(plan);
      case 'Project':
        return this.#project(plan);
      case 'Join':
        return this.#join(plan);
      case 'Aggregate':
        return this.#aggregate(plan);
      case 'Distinct':
        return distinct(this.attach(plan.input));
      case 'UnionAll':
        return unionAll(plan.inputs.map((input) => this.attach(input)));
      case 'SetOperation': {
        const left = this.attach(plan.left);
        return { ...plan, left, right: this.attach(plan.right), schema: left.schema };
      }
      case 'TopN':
        return this.#topN(plan);
      case 'Window': {
        const input = this.attach(plan.input);
        const partition = [...plan.partition, ...this.#domainAt(plan.input)];
        const calls = plan.schema.slice(plan.input.schema.length);
        return this.#domainLast(
          { ...plan, input, partition, schema: [...input.schema, ...calls] },
          plan.input,
          width,
        );
      }
      case 'Hop': {
        const input = this.attach(plan.input);
        const times = plan.schema.slice(plan.input.schema.length);
        return this.#domainLast({ ...plan, input, schema: [...input.schema, ...times] }, plan.input, width);
      }
      case 'Session': {
        const input = this.attach(plan.input);
        const partition = [...plan.partition, ...this.#domainAt(plan.input)];
        const id = plan.schema.slice(plan.input.schema.length);
        return this.#domainLast(
          { ...plan, input, partition, schema: [...input.schema, ...id] },
          plan.input,
          width,
        );
      }
      case 'Recursive':
        return this.#recursive(plan);
      case 'AsofJoin':
        throw unsupported('a join as of a time in a correlated subquery');
      case 'TableFunction': {
        const input = this.attach(plan.input);
        const results = plan.schema.slice(plan.input.schema.length);
        const at = plan.input.schema.length;
        const calls = plan.calls.map((c) => ({ ...c, args: c.args.map((a) => this.#resolve(a, at)) }));
        return this.#domainLast(
          { ...plan, input, calls, schema: [...input.schema, ...results] },
          plan.input,
          width,
        );
      }
      case 'MaxOneRow':
        return this.#domainLast(
          maxOneRow(this.attach(plan.input), [...plan.keys, ...this.#domainAt(plan.input)]),
          plan.input,
          plan.schema.length,
        );
      default:
        return unreachable(plan);
    }
  }

  get #size(): number {
    return this.#domain.columns.length;
  }

  /** Where the domain's columns are in the attached form of `plan`. */
  #domainAt(plan: LogicalPlan): readonly number[] {
    return this.#domain.columns.map((_, j) => plan.schema.length + j);
  }

  /** The scalar with outer columns read from domain columns that start at `at`. */
  #resolve(s: Scalar, at: number): Scalar {
    return resolveOuter(s, (index, type) => column(at + this.#domain.columns.indexOf(index), type));
  }

  /** A node that appends columns put them after the domain's: moves the domain's to the end. */
  #domainLast(plan: LogicalPlan, input: LogicalPlan, width: number): LogicalPlan {
    const own = input.schema.length;
    const kept = Array.from({ length: own }, (_, i) => i);
    const appended = Array.from({ length: width - own }, (_, i) => own + this.#size + i);
    return pick(plan, [...kept, ...appended, ...this.#domainAt(input)]);
  }

  /** One recursion for each row of the domain, side by side: the working table carries the domain's columns. */
  #recursive(plan: LogicalRecursive): LogicalPlan {
    const domain = this.#domain.plan.schema.map((c) => ({ ...c, nullable: true }));
    const columns = [...plan.schema, ...domain];
    const self = workingTable(plan.self.name, columns);
    this.#working.set(plan.self.id, self);
    const base = this.attach(plan.base);
    return { ...plan, base, step: this.attach(plan.step), self, schema: columns };
  }

  #workingScan(plan: LogicalScan): LogicalPlan {
    const relation = must(this.#working.get(plan.relation.id), 'a scan has no outer references');
    const first = relation.columns.length - this.#size;
    const columns = [...plan.columns, ...this.#domain.columns.map((_, j) => first + j)];
    return { kind: 'Scan', relation, columns, schema: columns.map((c) => must(relation.columns[c])) };
  }

  #values(plan: LogicalValues): LogicalPlan {
    const domain = this.#domain.plan;
    const schema = [...plan.schema, ...domain.schema];
    const rows = plan.rows.map((row) =>
      projectAs(domain, [...row.map((s) => this.#resolve(s, 0)), ...columnsOf(domain.schema)], schema),
    );
    return unionAll(rows);
  }

  #project(plan: Extract<LogicalPlan, { kind: 'Project' }>): LogicalPlan {
    const input = this.attach(plan.input);
    const at = plan.input.schema.length;
    const exprs = plan.exprs.map((s) => this.#resolve(s, at));
    const domain = this.#domainAt(plan.input).map((c) => columnOf(input.schema, c));
    return projectAs(input, [...exprs, ...domain], [...plan.schema, ...this.#domain.plan.schema]);
  }

  #filter(plan: LogicalFilter): LogicalPlan {
    if (!this.#depends(plan.input)) {
      const own = this.#withoutDomain(plan);
      if (own !== null) return own;
    }
    const condition = this.#resolve(plan.condition, plan.input.schema.length);
    return filter(this.attach(plan.input), condition);
  }

  /** Every outer column is equated with an expression of the input: that takes the domain's place. Else null. */
  #withoutDomain(plan: LogicalFilter): LogicalPlan | null {
    if (this.#domain.exact) return null;
    const bound = new Map<number, Scalar>();
    const kept: Scalar[] = [];
    for (const condition of conjunctsOf(plan.condition)) {
      const binding = this.#binding(condition, bound);
      if (binding === null) {
        kept.push(condition);
        continue;
      }
      bound.set(binding.outer, binding.own);
      // `=` lets no NULL through.
      if (condition.kind === 'call' && isNullable(binding.own, plan.input.schema))
        kept.push(isNull(binding.own, true));
    }
    if (!this.#domain.columns.every((c) => bound.has(c))) return null;
    const resolve = (s: Scalar): Scalar => resolveOuter(s, (index) => lowerScalar(must(bound.get(index))));
    const input = filter(lower(plan.input), kept.map(resolve));
    const values = this.#domain.columns.map((c) => lowerScalar(must(bound.get(c))));
    return extend(
      input,
      values,
      this.#domain.plan.schema.map((c) => c.name),
    );
  }

  #binding(condition: Scalar, bound: ReadonlyMap<number, Scalar>): { outer: number; own: Scalar } | null {
    const sides = sidesOfEquality(condition);
    if (sides === null) return null;
    for (const [a, b] of [sides, [sides[1], sides[0]] as const]) {
      if (a.kind !== 'outer' || a.depth !== 1 || bound.has(a.index)) continue;
      if (
        outerColumnsOfScalar(b).size > 0 ||
        isVolatile(b) ||
        b.kind === 'literal' ||
        b.type.id !== a.type.id
      )
        continue;
      if (isCanonical(a.type) || this.#uses.get(a.index) === 1) return { outer: a.index, own: b };
    }
    return null;
  }

  #join(plan: LogicalJoin): LogicalPlan {
    const left = this.#depends(plan.left);
    const right = this.#depends(plan.right);
    if (plan.type === 'inner') {
      if (left || right) return this.#joinSides(plan, left, right);
      const [own, outer] = split(conjunctsOf(plan.condition), (s) => outerColumnsOfScalar(s).size === 0);
      const base = join('inner', plan.left, plan.right, own);
      return this.#filter({ kind: 'Filter', input: base, condition: and(outer), schema: base.schema });
    }
    switch (plan.type) {
      case 'left':
      case 'semi':
      case 'anti':
        return this.#joinSides(plan, true, right);
      case 'right':
        return this.#joinSides(plan, left, true);
      case 'full':
        return this.#joinSides(plan, true, true);
      default:
        return unreachable(plan.type);
    }
  }

  /** Joins with the domain on the sides told; on both, the domain's columns must agree. */
  #joinSides(plan: LogicalJoin, onLeft: boolean, onRight: boolean): LogicalPlan {
    const left = onLeft ? this.attach(plan.left) : lower(plan.left);
    const right = onRight ? this.attach(plan.right) : lower(plan.right);
    const width = plan.left.schema.length;
    const shift = onLeft ? this.#size : 0;
    const leftDomain = this.#domainAt(plan.left);
    const rightDomain = this.#domainAt(plan.right).map((c) => c + left.schema.length);
    const types = this.#domain.plan.schema;
    const domainColumn = (from: readonly number[], j: number): Scalar =>
      column(must(from[j]), must(types[j]).type);
    const readFrom = onLeft ? leftDomain : rightDomain;
    const conditions = conjunctsOf(plan.condition).map((s) =>
      resolveOuter(shiftColumns(s, shift, width), (index) =>
        domainColumn(readFrom, this.#domain.columns.indexOf(index)),
      ),
    );
    if (onLeft && onRight) {
      for (const j of types.keys())
        conditions.push(sameValue(domainColumn(leftDomain, j), domainColumn(rightDomain, j)));
    }
    const joined = join(plan.type, left, right, conditions, { nullAware: plan.nullAware });
    if (plan.type === 'semi' || plan.type === 'anti') return joined;
    const own = [...plan.left.schema.keys(), ...[...plan.right.schema.keys()].map((i) => i + width + shift)];
    const outputDomain = [...types.keys()].map((j): Scalar => {
      if (plan.type !== 'full') return domainColumn(plan.type === 'right' ? rightDomain : readFrom, j);
      const operands = [domainColumn(leftDomain, j), domainColumn(rightDomain, j)];
      return { kind: 'coalesce', operands, type: must(types[j]).type };
    });
    const exprs = [...own.map((i) => columnOf(joined.schema, i)), ...outputDomain];
    return project(
      joined,
      exprs,
      [...plan.schema, ...types].map((c) => c.name),
    );
  }

  #aggregate(plan: LogicalAggregate): LogicalPlan {
    const input = this.attach(plan.input);
    const domain = this.#domainAt(plan.input);
    const keyCount = plan.keys.length;
    if (keyCount > 0) {
      const grouped = aggregate(input, [...plan.keys, ...domain], plan.aggregates, aggregateNames(plan));
      const aggregates = plan.aggregates.map((_, i) => keyCount + this.#size + i);
      return pick(grouped, [...plan.keys.keys(), ...aggregates, ...domain.map((_, j) => keyCount + j)]);
    }
    // Without GROUP BY there is a row for an empty group too: the domain says for which.
    const grouped = aggregate(input, domain, plan.aggregates, aggregateNames(plan));
    const outer = this.#domain.plan;
    const agree = outer.schema.map((c, j) => sameValue(column(j, c.type), column(this.#size + j, c.type)));
    const joined = join('left', outer, grouped, agree);
    const results = overEmptyGroups(plan.aggregates, plan.input.schema, 2 * this.#size);
    return projectAs(joined, [...results, ...columnsOf(outer.schema)], [...plan.schema, ...outer.schema]);
  }

  #topN(plan: LogicalTopN): LogicalPlan {
    for (const s of [plan.limit, plan.offset]) {
      if (s !== null && outerColumnsOfScalar(s).size > 0)
        throw unsupported('outer column reference in LIMIT');
    }
    const input = this.attach(plan.input);
    const partition = [...plan.partition, ...this.#domainAt(plan.input)];
    return this.#domainLast(
      topN(input, { ...plan, partition }, plan.schema.at(-1)?.name),
      plan.input,
      plan.schema.length,
    );
  }
}

const aggregateNames = (plan: LogicalAggregate): readonly string[] =>
  plan.schema.slice(plan.keys.length).map((c) => c.name);

/** Results of aggregates that an outer join left NULL for groups without rows: what each gives over no rows. */
export function overEmptyGroups(
  calls: readonly AggregateCall[],
  input: Schema,
  firstColumn: number,
): readonly Scalar[] {
  return calls.map((call, i): Scalar => {
    const result = column(firstColumn + i, call.type);
    const none = emptyResult(call, input);
    if (none === null) return result;
    return {
      kind: 'coalesce',
      operands: [result, { kind: 'literal', value: none, type: call.type }],
      type: call.type,
    };
  });
}

const lowerScalar = (s: Scalar): Scalar =>
  resolveOuter(s, (index, type) => ({ kind: 'outer', depth: 1, index, type }));

function split<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}
