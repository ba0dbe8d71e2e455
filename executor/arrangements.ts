/**
 * The shared arrangements of a dataflow: rows of relations by a key, each kept once for all joins that look them up.
 *
 * Found by relation, key and columns: an arrangement serves whoever needs no more columns than it stores. A new one stores
 * what its first user needs and, of a relation with few columns, the others of a fixed size: a few bytes a row, for which
 * most later users find it. Texts, and the other columns of wide relations, are stored for those who need them only.
 * Made when the first user comes and dropped with the last; belongs to no view.
 * A view that is filled between ticks has arrangements of its own meanwhile: `adopt`.
 */
import { assert, must } from '../common/assert.ts';
import type { RelationEntry } from '../common/catalog.ts';
import { physicalKind } from '../common/dataType.ts';
import type { Batch } from './batch.ts';
import { type Dataflow, type DataflowNode, isIdentity, pickColumns } from './dataflow.ts';
import { type ArrangeKey, ArrangeOperator, sameKey } from './operators/arrange.ts';

export interface SharedArrangement {
  relation: RelationEntry;
  /** Columns of the relation that are stored, ascending; the key is in terms of these. */
  columns: readonly number[];
  readonly key: ArrangeKey;
  readonly operator: ArrangeOperator;
  readonly node: DataflowNode;
  /** The joins that look rows up in it. */
  readonly users: Set<DataflowNode>;
  /** The relation's node. One that has been replaced since has other columns. */
  source: DataflowNode;
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
    const known = this.#find(from, columns, key);
    if (known !== null) return known;
    const stored = storedColumns(relation, columns);
    const types = stored.map((c) => must(relation.columns[c]).type);
    const within = keyWithin(key, stored);
    const operator = new ArrangeOperator(types, [within], relation.appendOnly);
    const names = key.columns.map((c) => must(relation.columns[c]).name).join(', ');
    const node = dataflow.add(operator, `Arrangement ${relation.name} (${names})`, [from.node]);
    const made: SharedArrangement = {
      relation,
      columns: stored,
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

  #find(
    from: { readonly relation: RelationEntry; readonly node: DataflowNode },
    columns: readonly number[],
    key: ArrangeKey,
  ): SharedArrangement | null {
    for (const known of this.#all) {
      if (known.relation !== from.relation || known.source !== from.node) continue;
      if (!columns.every((c) => known.columns.includes(c))) continue;
      if (sameKey(known.key, keyWithin(key, known.columns))) return known;
    }
    return null;
  }

  /** One that can stand for this one, of another dataflow's registry; it is taken in when there is none. */
  adopt(made: SharedArrangement): SharedArrangement {
    const { columns, key } = made;
    const ofRelation = { columns: key.columns.map((c) => must(columns[c])), nullSafe: key.nullSafe };
    const known = this.#find({ relation: made.relation, node: made.source }, columns, ofRelation);
    if (known === null) this.#all.add(made);
    return known ?? made;
  }

  /** Arrangements over this node that only nodes among `gone` use. */
  unusedWithout(source: DataflowNode, gone: ReadonlySet<DataflowNode>): readonly DataflowNode[] {
    return [...this.#all]
      .filter((a) => a.source === source && [...a.users].every((user) => gone.has(user)))
      .map((a) => a.node);
  }

  /** True when nodes among `users` use an arrangement over `source` with a column for which `columns` has none. */
  loses(
    source: DataflowNode,
    users: ReadonlySet<DataflowNode>,
    columns: readonly (number | null)[],
  ): boolean {
    return [...this.#all].some(
      (a) =>
        a.source === source &&
        [...a.users].some((user) => users.has(user)) &&
        a.columns.some((c) => (columns[c] ?? null) === null),
    );
  }

  /** What was over `source` is over another node of the relation now, its columns at other positions. */
  move(
    source: DataflowNode,
    to: { readonly relation: RelationEntry; readonly node: DataflowNode },
    columns: readonly (number | null)[],
  ): void {
    for (const a of this.#all) {
      if (a.source !== source) continue;
      a.source = to.node;
      a.relation = to.relation;
      a.columns = a.columns.map((c) => must(columns[c] ?? null, 'an arrangement keeps its columns'));
    }
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

/** Relations with more columns are stored in part. */
const FEW_COLUMNS = 8;

/** What a new arrangement stores for a user of `needed`. */
function storedColumns(relation: RelationEntry, needed: readonly number[]): readonly number[] {
  if (relation.columns.length > FEW_COLUMNS) return needed;
  return [...relation.columns.keys()].filter((c) => {
    const kind = physicalKind(must(relation.columns[c]).type);
    return needed.includes(c) || (kind !== 'text' && kind !== 'boxed');
  });
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
