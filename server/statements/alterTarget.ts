/** The object that ALTER names, with PostgreSQL's errors for what is not there or of another kind. */

import { SqlError } from '../../common/sqlError.ts';
import type { Alter } from '../../parser/ast/alter.ts';
import { ownerOf } from '../internalRelation.ts';
import type { CatalogObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { isQueryView, sinkOf } from '../sinks/definition.ts';
import { type StatementContext, splitName } from './statement.ts';

/** What has no columns of its own to be changed: ALTER TABLE may name every relation, as in PostgreSQL. */
const nameActions = ['rename', 'renameColumn', 'setSchema', 'owner'];

/** Null where IF EXISTS allows it (a notice has been sent). */
export function findAltered(statement: Alter, context: StatementContext): CatalogObject | null {
  const { catalog } = context.database;
  const { schema, name, position } = splitName(statement.name, context);
  const object = catalog.find(schema, name, context.searchPath());
  if (object === null) {
    if (catalog.relation(schema, name, context.searchPath()) !== null) {
      throw new SqlError('42501', `permission denied: "${name}" is a system catalog`, { position });
    }
    if (!statement.ifExists) {
      const shown = schema === null ? name : `${schema}.${name}`;
      throw new SqlError('42P01', `relation "${shown}" does not exist`, { position });
    }
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `relation "${name}" does not exist, skipping`,
    });
    return null;
  }
  const kind = shownKind(object);
  const anyKind =
    statement.object === 'table' && statement.actions.every((action) => nameActions.includes(action.kind));
  if (kind !== statement.object && !anyKind) {
    const article = /^[aeiou]/.test(statement.object) ? 'an' : 'a';
    throw new SqlError('42809', `"${name}" is not ${article} ${statement.object}`, {
      position,
      hint: `Use ALTER ${kind.toUpperCase()}.`,
    });
  }
  if (isQueryView(object) && statement.actions.some(({ kind }) => kind !== 'resume')) {
    const sink = sinkOf(catalog, object);
    throw new SqlError(
      '2BP01',
      `cannot alter materialized view ${name} because sink ${sink?.name} requires it`,
      {
        position,
      },
    );
  }
  if (object.kind === 'table' && object.internal) {
    const owner = catalog.byId(ownerOf(object));
    throw new SqlError(
      '2BP01',
      `cannot alter table ${name} because ${owner?.kind} ${owner?.name} requires it`,
      {
        position,
      },
    );
  }
  return object;
}
