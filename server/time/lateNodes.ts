/**
 * Nodes for views with ALLOWED LATENESS: besides the relation's own rows they read the rows that came late by no more
 * than their lateness. One node per relation and lateness, made when the first view asks for it.
 */
import type { DataflowNode } from '../../executor/dataflow.ts';
import type { Database } from '../database.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import type { LateRow } from './lateRow.ts';
import type { TimeRule } from './timeRule.ts';

export class LateNodes {
  readonly #nodes = new Map<number, Map<bigint, DataflowNode>>();
  /** Nodes that others are taking the place of. */
  readonly #replaced = new Set<DataflowNode>();

  of(relation: number): ReadonlyMap<bigint, DataflowNode> {
    return this.#nodes.get(relation) ?? none;
  }

  set(relation: number, lateness: bigint, node: DataflowNode): void {
    const known = this.#nodes.get(relation) ?? new Map<bigint, DataflowNode>();
    known.set(lateness, node);
    this.#nodes.set(relation, known);
  }

  /** Gives way to another one: `release` when nothing is connected to it any more. */
  retire(node: DataflowNode): void {
    this.#replaced.add(node);
  }

  release(node: DataflowNode): void {
    this.#replaced.delete(node);
  }

  /** Cuts the edges into nodes that are going away. */
  disconnect(gone: ReadonlySet<DataflowNode>): void {
    const all = [...this.#nodes.values()].flatMap((nodes) => [...nodes.values()]);
    for (const node of [...all, ...this.#replaced]) for (const target of gone) node.disconnect(target);
  }

  /** Forgets a dropped relation; gives its nodes. */
  forget(relation: number): ReadonlySet<DataflowNode> {
    const nodes = new Set(this.of(relation).values());
    this.#nodes.delete(relation);
    return nodes;
  }
}

const none: ReadonlyMap<bigint, DataflowNode> = new Map();

/** The node that gives rows of `object` that came late by at most `latenessMicros`. */
export function lateNode(
  database: Database,
  object: SourceObject | TableObject,
  latenessMicros: bigint,
): DataflowNode {
  const known = database.lateNodes.of(object.id).get(latenessMicros);
  if (known !== undefined) return known;
  const node = database.dataflow.add(null, `Late rows of ${object.name}`, []);
  database.lateNodes.set(object.id, latenessMicros, node);
  return node;
}

/** True when the row came late by no more than `latenessMicros`. */
export function withinLateness(late: LateRow, rule: TimeRule, latenessMicros: bigint): boolean {
  const { eventTime, watermark, reason } = late;
  if (reason !== 'late' || eventTime === null || watermark === null) return false;
  return eventTime >= watermark - rule.lateness(latenessMicros);
}
