/**
 * How a view's definition is understood: which relation each name in FROM is, and which column each name in an
 * expression. Two readings of a definition mean the same when their `meaning` and columns are equal.
 */
import type { DataType } from '../../common/dataType.ts';
import { formatType } from '../../common/typeTable.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { ColumnRef, Star } from '../../parser/ast/expr.ts';
import type { Join, Select, TableCommand, TableRef } from '../../parser/ast/query.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';
import { bindQuery } from '../../planner/bind/bind.ts';
import { bindEnvironment } from '../planning.ts';
import type { StatementContext } from '../statements/statement.ts';
import { type AnyView, definitionContext, type ViewStatement } from './viewStatement.ts';

/** What a column name was found to be. */
export interface FoundColumn {
  /** Null: of no relation of the catalog (a subquery, a column joined by USING). */
  readonly relation: number | null;
  readonly alias: string;
  /** Null: the whole row. */
  readonly column: number | null;
  readonly name: string;
}

export interface Understood {
  readonly statement: ViewStatement;
  readonly columns: readonly { readonly name: string; readonly type: DataType }[];
  /** Id of the relation of the catalog that each name means. */
  readonly relations: ReadonlyMap<ObjectName, number>;
  readonly names: ReadonlyMap<ColumnRef | Star, FoundColumn>;
  /** Relations of which it has all columns: by a star, TABLE, or NATURAL. */
  readonly whole: ReadonlySet<number>;
}

/** Names of the relations that stand in these FROM items themselves. */
function namesIn(refs: readonly TableRef[]): readonly ObjectName[] {
  return refs.flatMap((ref) => {
    if (ref.kind === 'NamedTable') return [ref.name];
    if (ref.kind === 'Join') return namesIn([ref.left, ref.right]);
    return ref.kind === 'WindowTable' ? namesIn([ref.relation]) : [];
  });
}

function wholeRelations(
  statement: ViewStatement,
  relations: ReadonlyMap<ObjectName, number>,
): ReadonlySet<number> {
  const names: ObjectName[] = [];
  walk(statement.query, (node: AnyNode) => {
    const known = node as AnyNode & (Select | TableCommand | Join);
    if (known.kind === 'TableCommand') names.push(known.name);
    if (known.kind === 'Join' && known.condition?.kind === 'natural') names.push(...namesIn([known]));
    if (known.kind === 'Select' && known.items.some((item) => item.expr.kind === 'Star')) {
      names.push(...namesIn(known.from));
    }
  });
  return new Set(names.flatMap((name) => relations.get(name) ?? []));
}

/** Position of a relation's column after a change; null: it is gone. */
export type ColumnMap = (relation: number, column: number) => number | null;

const unmoved: ColumnMap = (_, column) => column;

/** Binds the definition; throws what binding throws. */
export function understand(view: AnyView, statement: ViewStatement, context: StatementContext): Understood {
  const relations = new Map<ObjectName, number>();
  const names = new Map<ColumnRef | Star, FoundColumn>();
  const bound = bindQuery(statement.query, {
    ...bindEnvironment(definitionContext(view, context)),
    trace: {
      relation(name, relation) {
        if (relation.kind !== 'system') relations.set(name, relation.id);
      },
      name(ref, { table, column, name }) {
        names.set(ref, {
          relation: table?.relation?.id ?? null,
          alias: table?.alias ?? '',
          column,
          name,
        });
      },
    },
  });
  const columns = bound.columns.map((c, i) => ({
    name: statement.columns[i]?.name ?? c.name,
    type: c.type,
  }));
  return { statement, columns, relations, names, whole: wholeRelations(statement, relations) };
}

/** What every name means, in the order of binding, as text. */
export function meaning({ relations, names, columns }: Understood, map: ColumnMap = unmoved): string {
  const shown = (relation: number, column: number | null): string =>
    `${relation}.${column === null ? '*' : map(relation, column)}`;
  return [
    ...[...relations.values()].map(String),
    ...[...names.values()].map((f) => (f.relation === null ? f.name : shown(f.relation, f.column))),
    ...columns.map((c) => `${c.name} ${formatType(c.type)}`),
  ].join('\n');
}
