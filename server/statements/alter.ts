/** ALTER of relations, indexes and schemas: finds the object, makes the changes one after the other, and journals the statement. */
import { unreachable } from '../../common/assert.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Alter, AlterAction } from '../../parser/ast/alter.ts';
import type { CatalogObject, TableObject } from '../objects.ts';
import { alterColumns, isColumnChange } from './alterColumns.ts';
import { alterSchema, ownerNamed, renameObject, setSchema, swapObjects } from './alterNames.ts';
import { alterSource } from './alterSource.ts';
import { findAltered } from './alterTarget.ts';
import { pauseSource, resumeSource } from './pauseSource.ts';
import { renameColumn } from './renameColumn.ts';
import { resume } from './resume.ts';
import { changeSinkOptions, pauseSink, resumeSink, setSinkRate } from './sinkState.ts';
import { done, originOf, type StatementContext, type StatementHandler } from './statement.ts';

const nothing = (): void => {};

/** One change; those of columns come together. */
function apply(
  object: CatalogObject,
  action: AlterAction,
  statement: Alter,
  context: StatementContext,
): void {
  switch (action.kind) {
    case 'rename':
      renameObject(object, action.to, context);
      return;
    case 'setSchema':
      setSchema(object, action.to, context);
      return;
    case 'owner':
      object.owner = ownerNamed(action.to, context);
      return;
    case 'swap':
      swapObjects(object, statement, context);
      return;
    case 'renameColumn':
      renameColumn(object, action.from, action.to, context);
      return;
    case 'resume':
      if (object.kind === 'sink') resumeSink(object, context);
      else if (object.kind === 'source' || object.kind === 'table') resumeSource(object, context);
      else resume(object, context);
      return;
    case 'pause':
      if (object.kind === 'source' || object.kind === 'table') pauseSource(object, context);
      else pauseSink(object, context);
      return;
    case 'connector':
    case 'set':
      if (object.kind === 'sink') {
        if (action.kind === 'connector') changeSinkOptions(object, action.options, context);
        else setSinkRate(object, action, statement.span.start);
        return;
      }
      alterSource(object, action, statement, context);
      return;
    case 'renameConstraint':
    case 'reset':
    case 'setConfig':
    case 'resetConfig':
    case 'dropConnector':
    case 'refreshSchema':
    case 'format':
    case 'asQuery':
    case 'secretValue':
    case 'addColumn':
    case 'addConstraint':
    case 'dropColumn':
    case 'dropConstraint':
    case 'columnType':
    case 'columnDefault':
    case 'columnNotNull':
    case 'watermark':
    case 'userOptions':
    case 'volatility':
    case 'nullInput':
      throw unsupported(`this form of ALTER ${statement.object.toUpperCase()}`, statement.span.start);
    default:
      unreachable(action);
  }
}

/** Changes that do not concern those who read the object. */
const harmless: readonly AlterAction['kind'][] = ['owner', 'resume', 'pause', 'connector', 'set'];

/** Null: there is nothing to be altered; else what remains to be done when the statement is in the journal. */
function alterObject(statement: Alter, context: StatementContext): (() => void) | null {
  const object = findAltered(statement, context);
  if (object === null) return null;
  const { actions } = statement;
  if (actions.some(({ kind }) => !harmless.includes(kind))) context.database.jobs.refuseChange([object]);
  const columns = actions.filter(isColumnChange);
  if (columns.length > 0) {
    if (columns.length < actions.length) {
      throw unsupported('changes of columns and of other things in one ALTER', statement.span.start);
    }
    return alterColumns(requireTable(object, statement), columns, context);
  }
  const [action, second] = actions;
  if (second !== undefined) throw unsupported('several such changes in one ALTER', statement.span.start);
  if (action !== undefined) apply(object, action, statement, context);
  return nothing;
}

function requireTable(object: CatalogObject, statement: Alter): TableObject {
  if (object.kind === 'table') return object;
  if (object.kind === 'source') {
    throw unsupported(
      `changing columns of a source of connector ${object.source.connector.name}`,
      statement.name.span.start,
      'It is read again from its start where that is needed: make a source with the new columns beside it.',
    );
  }
  throw new SqlError('42809', `"${object.name}" is not a table`, { position: statement.name.span.start });
}

/** The words of the command tag. */
const kinds: readonly Alter['object'][] = [
  'table',
  'source',
  'view',
  'materialized view',
  'index',
  'sink',
  'schema',
];

export const alter: StatementHandler<Alter> = {
  async run(statement, context) {
    const tag = `ALTER ${statement.object.toUpperCase()}`;
    if (!kinds.includes(statement.object)) throw unsupported(tag, statement.span.start);
    context.requireNoTransactionBlock(tag);
    return context.database.exclusive(() => {
      const altered =
        statement.object === 'schema' ? alterSchema(statement, context) : alterObject(statement, context);
      if (altered === null) return done(tag);
      context.database.journalDdl(originOf(context), null);
      altered();
      return done(tag);
    });
  },
};
