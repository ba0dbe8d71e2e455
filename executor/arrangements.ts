/**
 * The shared arrangements of a dataflow: rows of relations by a key, each kept once for all joins that look them up.
 *
 * Found by relation, key and columns: an arrangement serves whoever needs no more columns than it stores, and a new one
 * stores those that its first user needs. (All columns of the relation would let any two users share, but a join that
 * needs two of twenty would pay for twenty; what is stored twice is only what two users of different columns both need.)
 * Made when the first user comes and dropped with the last; belongs to no view.
 */
import { assert, must } from '../common/assert.ts';
import type { RelationEntry } from '../common/catalog.ts';
import type { Batch } from './batch.ts';
import { type Dataflow, type DataflowNode, isIdentity, pickColumns } from './dataflow.ts';
import { type ArrangeKey, ArrangeOperator, sameKey } from './operators/arrange.ts';

export interface SharedArrangement {
  readonly relation: RelationEntry;
  /** Columns of the relation that are stored, ascending; the key is in terms of these. */
  readonly columns: readonly number[];
  readonly key: ArrangeKey;
  readonly operator: ArrangeOperator;
  readonly node: DataflowNode;
  /** The joins that look rows up in it. */
  readonly users: Set<DataflowNode>;
  /** The relation's node. One that has been replaced since has other columns. */
  readonly source: DataflowNode;
  /** The relation's changes flow into it. */
  attached: boolean;
}

export class Arrangements {
  readonly #all = new Set<SharedArrangement>();

  list(): readonly SharedArrangement[] {
    return [...this.#all];
  }

  /**
   * The arrangement of a relation's `columns` (ascending) by `key` (columns of the relation): one that is there, or an
   * empty one, to be filled and attached by the caller.
   */
  acquire(
    dataflow: Dataflow,
    from: { readonly relation: RelationEntry; readonly node: DataflowNode },
    columns: readonly number[],
    key: ArrangeKey,
  ): SharedArrangement {
    const { relation } = from;
    for (const known of this.#all) {
      if (known.relation !== relation || known.source !== from.node) continue;
      if (!columns.every((c) => known.columns.includes(c))) continue;
      if (sameKey(known.key, keyWithin(key, known.columns))) return known;
    }
    const types = columns.map((c) => must(relation.columns[c]).type);
    const within = keyWithin(key, columns);
    const operator = new ArrangeOperator(types, [within], relation.appendOnly);
    const names = key.columns.map((c) => must(relation.columns[c]).name).join(', ');
    const node = dataflow.add(operator, `Arrangement ${relation.name} (${names})`, [from.node]);
    const made: SharedArrangement = {
      relation,
      columns,
      key: within,
      operator,
      node,
      users: new Set(),
      source: from.node,
      attached: false,
    };
    this.#all.add(made);
    return made;
  }

  /** Forgets the users among `gone`, and drops what nobody uses any more. */
  release(dataflow: Dataflow, gone: ReadonlySet<DataflowNode>): void {
    const unused = new Set<DataflowNode>();
    for (const arrangement of this.#all) {
      for (const user of arrangement.users) if (gone.has(user)) arrangement.users.delete(user);
      if (arrangement.users.size > 0) continue;
      this.#all.delete(arrangement);
      unused.add(arrangement.node);
    }
    if (unused.size > 0) dataflow.remove(unused);
  }
}

/** The key in terms of the stored columns. */
function keyWithin(key: ArrangeKey, columns: readonly number[]): ArrangeKey {
  return { columns: key.columns.map((c) => columns.indexOf(c)), nullSafe: key.nullSafe };
}

/** Takes rows of the relation that were there before. */
export function fillArrangement(arrangement: SharedArrangement, batch: Batch): void {
  const { columns, relation, operator } = arrangement;
  operator.fill(isIdentity(columns, relation.columns.length) ? batch : pickColumns(batch, columns));
}

/** From now on the relation's changes flow into it. */
export function attachArrangement(arrangement: SharedArrangement): void {
  assert(!arrangement.attached, 'an arrangement is attached once');
  const { columns, relation, node, source } = arrangement;
  source.connect(node, 0, isIdentity(columns, relation.columns.length) ? null : columns);
  arrangement.attached = true;
}
