/**
 * The fingerprint of a view's operators, on which the meaning of their state depends. Equal fingerprints: the same operators
 * with the same expressions over columns of the same types, so that state can be put back. Else it is built again.
 *
 * It is a hash of the whole plan as a value. Left out is what gives operators no other meaning: names (relations, columns and
 * functions can be renamed; they have ids or places), estimates, and places of expressions in the statement.
 */
import { createHash } from 'node:crypto';
import type { UserRoutine } from '../../common/function.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import type { PhysicalPlan } from '../../planner/plan/physical.ts';
import { walkPhysical } from '../../planner/plan/walk.ts';

const leftOut: ReadonlySet<string> = new Set(['estimatedRows', 'position']);

interface Named {
  readonly id?: number;
  readonly name: string;
  readonly operator?: string;
  readonly kind?: string;
  readonly user?: UserRoutine;
}

class PlanText {
  /** Nodes that have been written: another mention is a number. */
  readonly #written = new Map<object, number>();
  /** Relations that exist inside a recursion only; their ids mean nothing. */
  readonly #inner = new Map<number, number>();

  constructor(plan: PhysicalPlan) {
    const visit = (node: PhysicalPlan): void => {
      if (node.kind !== 'Recursive') return;
      for (const { id } of [node.self, ...node.sources.map((s) => s.relation)]) {
        if (!this.#inner.has(id)) this.#inner.set(id, this.#inner.size);
      }
      walkPhysical(node.step, visit);
    };
    walkPhysical(plan, visit);
  }

  write(value: unknown): string {
    switch (typeof value) {
      case 'bigint':
        return `${value}n`;
      case 'number':
        return Object.is(value, -0) ? '-0' : String(value);
      case 'object':
        return value === null ? 'null' : this.#object(value);
      case 'function':
        return 'function';
      case 'string':
      case 'boolean':
      case 'undefined':
      case 'symbol':
        return JSON.stringify(value) ?? 'undefined';
    }
  }

  #object(value: object): string {
    if (Array.isArray(value)) return `[${value.map((item) => this.write(item)).join()}]`;
    if (value instanceof Map) return `map${this.write([...value])}`;
    if (ArrayBuffer.isView(value))
      return this.write([...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]);
    const isNode = 'estimatedRows' in value;
    const number = this.#written.get(value);
    if (number !== undefined) return `#${number}`;
    if (isNode) this.#written.set(value, this.#written.size);
    const fields = Object.entries(value).filter(([key, field]) => !leftOut.has(key) && field !== undefined);
    if ('kind' in value && value.kind === 'Recursive') {
      return this.#fields(fields.filter(([key]) => key !== 'name'));
    }
    return this.#fields(fields);
  }

  #fields(fields: readonly (readonly [string, unknown])[]): string {
    const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${sorted.map(([key, field]) => `${key}:${this.#field(key, field)}`).join()}}`;
  }

  #field(key: string, field: unknown): string {
    switch (key) {
      case 'schema':
        return this.write((field as PhysicalPlan['schema']).map(({ type, nullable }) => [type, nullable]));
      case 'relation':
      case 'self':
        return this.#relation(field as Named | number);
      case 'fn':
        return this.#function(field as Named);
      default:
        return this.write(field);
    }
  }

  /** A relation, or (in a term) its id. */
  #relation(relation: Named | number): string {
    const id = typeof relation === 'number' ? relation : (relation.id ?? 0);
    const inner = this.#inner.get(id);
    return inner === undefined ? String(id) : `inner ${inner}`;
  }

  #function({ kind, name, operator, user }: Named): string {
    return user === undefined
      ? `${kind} ${name} ${operator ?? ''}`
      : `user ${user.id} ${user.language} ${JSON.stringify(user.source)}`;
  }
}

/** Equal for plans that a restart would make the same operators of, but for what joins share. */
export function planFingerprint(plan: PhysicalPlan): string {
  return new PlanText(plan).write(plan);
}

/** `nodes`: what the plan was made into; joins may share what others have arranged, or not. */
export function viewFingerprint(plan: PhysicalPlan, nodes: Iterable<DataflowNode>): string {
  const hash = createHash('sha256').update(new PlanText(plan).write(plan));
  for (const { operator, inputs } of nodes)
    hash.update(`${operator?.constructor.name} of ${inputs.length}\n`);
  return hash.digest('hex');
}
