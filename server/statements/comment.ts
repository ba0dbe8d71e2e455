/** COMMENT ON. */

import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Comment } from '../../parser/ast/statement.ts';
import { requireRelation } from '../catalog.ts';
import { shownKind } from '../objects.ts';
import { findSecret } from '../secrets/statements.ts';
import { findRoutine } from './dropFunction.ts';
import { done, originOf, type StatementContext, type StatementHandler, splitName } from './statement.ts';

function target(
  statement: Comment,
  context: StatementContext,
): { readonly id: number; readonly column: number } {
  const { catalog } = context.database;
  const path = context.searchPath();
  switch (statement.object) {
    case 'database':
      return { id: 1, column: 0 };
    case 'schema': {
      const name = must(statement.name.parts[0]).name;
      const schema = catalog.schema(name);
      if (schema === null) throw new SqlError('3F000', `schema "${name}" does not exist`);
      return { id: schema.id, column: 0 };
    }
    case 'column': {
      const { parts } = statement.name;
      const column = must(parts[parts.length - 1]);
      const relationName = splitName({ ...statement.name, parts: parts.slice(0, -1) }, context);
      const relation = requireRelation(
        catalog,
        relationName.schema,
        relationName.name,
        path,
        relationName.position,
      );
      const index = relation.columns.findIndex((c) => c.name === column.name);
      if (index < 0) {
        throw new SqlError('42703', `column "${column.name}" of relation "${relation.name}" does not exist`, {
          position: column.span.start,
        });
      }
      return { id: relation.id, column: index + 1 };
    }
    case 'index': {
      const name = splitName(statement.name, context);
      const object = catalog.find(name.schema, name.name, path);
      if (object?.kind !== 'index') throw new SqlError('42704', `index "${name.name}" does not exist`);
      return { id: object.id, column: 0 };
    }
    case 'secret': {
      const secret = must(findSecret({ name: statement.name, ifExists: false }, context));
      return { id: secret.id, column: 0 };
    }
    case 'function':
    case 'aggregate': {
      const { object, name, argumentTypes } = statement;
      const routine = must(findRoutine({ object, ifExists: false, name, argumentTypes }, context));
      return { id: routine.id, column: 0 };
    }
    case 'table':
    case 'view':
    case 'materialized view':
    case 'source': {
      const name = splitName(statement.name, context);
      const relation = requireRelation(catalog, name.schema, name.name, path, name.position);
      if (shownKind(relation) !== statement.object)
        throw new SqlError('42809', `"${relation.name}" is not a ${statement.object}`);
      return { id: relation.id, column: 0 };
    }
  }
}

export const comment: StatementHandler<Comment> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('COMMENT');
    return context.database.exclusive(() => {
      const { id, column } = target(statement, context);
      context.database.catalog.setComment(id, column, statement.text);
      context.database.journalDdl(originOf(context), null);
      return done('COMMENT');
    });
  },
};
