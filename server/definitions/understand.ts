/**
 * How a view's definition is understood: which relation each name in FROM is, and which column each name in an
 * expression. Two readings of a definition mean the same when their `meaning` and columns are equal.
 */
import type { DataType } from '../../common/dataType.ts';
import { formatType } from '../../common/typeTable.ts';
import type { ObjectName } from '../../parser/ast/common.ts';
import type { ColumnRef, Star } from '../../parser/ast/expr.ts';
import type { Join, SelectItem, TableCommand } from '../../parser/ast/query.ts';
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
  /** It has all columns of what it reads: by a star, TABLE, or NATURAL. */
  readonly takesAll: boolean;
}

function takesAll(statement: ViewStatement): boolean {
  let all = false;
  walk(statement.query, (node: AnyNode) => {
    const known = node as AnyNode & (SelectItem | TableCommand | Join);
    if (known.kind === 'TableCommand') all = true;
    if (known.kind === 'SelectItem' && known.expr.kind === 'Star') all = true;
    if (known.kind === 'Join' && known.condition?.kind === 'natural') all = true;
  });
  return all;
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
  return { statement, columns, relations, names, takesAll: takesAll(statement) };
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
