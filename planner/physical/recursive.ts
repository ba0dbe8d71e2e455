/**
 * WITH RECURSIVE to its physical form: what the recursive term reads besides the working table is cut out of it and
 * becomes an input of the recursion, computed outside and kept up to date like any other plan.
 *
 * A term is linear when its rows for two working tables together are those for each, put together: then changes can be
 * followed through the recursion. That holds for what stands on the way from the working table to the result when it is
 * one of the nodes in `isLinear`.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import { join, nullOf, projectAs, unionAll } from '../plan/construct.ts';
import type { LogicalPlan, LogicalRecursive } from '../plan/logical.ts';
import type { PhysicalPlan, PhysicalProperties, PhysicalScan, RecursionSource } from '../plan/physical.ts';
import { columnsOf, renumber } from '../plan/scalars.ts';
import { mapPhysicalInputs, physicalInputs, rewritePlan, walkPlan } from '../plan/walk.ts';
import { workingTable } from '../plan/workingTable.ts';

/** The recursion over its converted terms. */
export function recursive(
  plan: LogicalRecursive,
  base: PhysicalPlan,
  step: PhysicalPlan,
  common: Omit<PhysicalProperties, 'appendOnly'>,
): PhysicalPlan {
  const { name, all, self } = plan;
  const cut = new Cut(self, all);
  const linear = cut.isLinear(step);
  const rest = cut.run(step, linear);
  return {
    kind: 'Recursive',
    name,
    all,
    base,
    sources: cut.sources,
    step: rest,
    self,
    linear,
    appendOnly: false,
    ...common,
  };
}

/**
 * The step with outer joins from the working table taken apart into what matches and what does not: an insert into the
 * other side then adds rows in one part and takes them away in the other, which the recursion follows one after the other.
 */
export function linearForm(step: LogicalPlan, self: RelationEntry): LogicalPlan {
  const readsSelf = (plan: LogicalPlan): boolean => {
    let found = false;
    walkPlan(plan, (node) => {
      found ||= node.kind === 'Scan' && node.relation.id === self.id;
    });
    return found;
  };
  return rewritePlan(step, (node) => {
    if (node.kind !== 'Join' || (node.type !== 'left' && node.type !== 'right')) return node;
    const { left, right, condition } = node;
    const [kept, other] = node.type === 'left' ? [left, right] : [right, left];
    if (!readsSelf(kept) || readsSelf(other)) return node;
    const matched = join('inner', left, right, condition);
    const swap = (i: number): number =>
      i < left.schema.length ? i + right.schema.length : i - left.schema.length;
    const mirrored = condition === null || node.type === 'left' ? condition : renumber(condition, swap);
    const rest = join('anti', kept, other, mirrored);
    const nulls = other.schema.map((c) => nullOf(c.type));
    const own = columnsOf(kept.schema);
    const padded = projectAs(
      rest,
      node.type === 'left' ? [...own, ...nulls] : [...nulls, ...own],
      node.schema,
    );
    return unionAll([matched, padded]);
  });
}

class Cut {
  readonly sources: RecursionSource[] = [];
  readonly #self: RelationEntry;
  readonly #all: boolean;
  readonly #reads = new Map<PhysicalPlan, boolean>();
  readonly #done = {
    positive: new Map<PhysicalPlan, PhysicalPlan>(),
    negative: new Map<PhysicalPlan, PhysicalPlan>(),
  };

  constructor(self: RelationEntry, all: boolean) {
    this.#self = self;
    this.#all = all;
  }

  /** True when the working table is read at or below the node. */
  #readsSelf(plan: PhysicalPlan): boolean {
    const known = this.#reads.get(plan);
    if (known !== undefined) return known;
    const result =
      plan.kind === 'Scan'
        ? plan.relation.id === this.#self.id
        : physicalInputs(plan).some((input) => this.#readsSelf(input));
    this.#reads.set(plan, result);
    return result;
  }

  isLinear(plan: PhysicalPlan): boolean {
    const passes = (input: PhysicalPlan): boolean => !this.#readsSelf(input) || this.isLinear(input);
    switch (plan.kind) {
      case 'Scan':
        return true;
      case 'Calc':
      case 'Hop':
      case 'TableFunction':
        return passes(plan.input);
      case 'Distinct':
        // The recursion itself leaves out what has been there.
        return !this.#all && passes(plan.input);
      case 'UnionAll':
        return plan.inputs.every(passes);
      case 'Join': {
        const left = this.#readsSelf(plan.left);
        if (left && this.#readsSelf(plan.right)) return false;
        switch (plan.type) {
          case 'inner':
            return passes(plan.left) && passes(plan.right);
          case 'semi':
          case 'anti':
            return left && passes(plan.left);
          default:
            return !this.#readsSelf(plan);
        }
      }
      default:
        return !this.#readsSelf(plan);
    }
  }

  /** The step with scans in place of what does not read the working table. */
  run(plan: PhysicalPlan, linear: boolean, negative = false): PhysicalPlan {
    const done = negative ? this.#done.negative : this.#done.positive;
    const known = done.get(plan);
    if (known !== undefined) return known;
    const result = this.#cut(plan, linear, negative);
    done.set(plan, result);
    return result;
  }

  #cut(plan: PhysicalPlan, linear: boolean, negative: boolean): PhysicalPlan {
    if (!this.#readsSelf(plan)) return this.#source(plan, negative);
    if (plan.kind === 'Scan') return plan;
    if (linear && plan.kind === 'Distinct') return this.run(plan.input, linear, negative);
    if (plan.kind === 'Join' && plan.type === 'anti') {
      const left = this.run(plan.left, linear, negative);
      return { ...plan, left, right: this.run(plan.right, linear, !negative) };
    }
    return mapPhysicalInputs(plan, (input) => this.run(input, linear, negative));
  }

  #source(plan: PhysicalPlan, negative: boolean): PhysicalScan {
    const { schema, appendOnly, key, estimatedRows } = plan;
    const relation = workingTable(`input ${this.sources.length + 1} of ${this.#self.name}`, schema);
    this.sources.push({ plan, relation, negative });
    return {
      kind: 'Scan',
      relation,
      columns: [...schema.keys()],
      schema,
      appendOnly,
      key,
      estimatedRows,
    };
  }
}
