/** ALTER FUNCTION and ALTER AGGREGATE: name, schema, owner, attributes and settings. The function is made again from its definition. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Alter, AlterAction } from '../../parser/ast/alter.ts';
import { build } from '../udf/build.ts';
import { checkSetting } from '../udf/limits.ts';
import { renamedSource } from '../udf/module.ts';
import { type RoutineDefinition, type RoutineObject, signatureOf } from '../udf/routine.ts';
import { createText } from '../udf/routineText.ts';
import { refuseMixedKinds } from './createFunction.ts';
import { findRoutine, refuseReplacement } from './dropFunction.ts';
import {
  done,
  originOf,
  type StatementContext,
  type StatementHandler,
  type StatementResult,
} from './statement.ts';

type User = RoutineDefinition['user'];

const withUser = (definition: RoutineDefinition, change: Partial<User>): RoutineDefinition => ({
  ...definition,
  user: { ...definition.user, ...change },
});

/** The definition after one action. */
function changed(
  definition: RoutineDefinition,
  action: AlterAction,
  statement: Alter,
  context: StatementContext,
): RoutineDefinition {
  const position = statement.span.start;
  const { settings, language } = definition.user;
  switch (action.kind) {
    case 'rename': {
      const [name, ...more] = action.to.parts;
      if (name === undefined || more.length > 0) {
        throw new SqlError('42601', 'syntax error at or near "."', { position: action.to.span.start });
      }
      const source = renamedSource(definition, name.name);
      return withUser({ ...definition, name: name.name }, { source });
    }
    case 'setSchema':
      return withUser(definition, { schema: schemaFor(action.to.name, action.to.span.start, context) });
    case 'owner': {
      const known = ['root', 'current_user', 'current_role', 'session_user', context.user];
      if (!known.includes(action.to.name)) {
        throw new SqlError('42704', `role "${action.to.name}" does not exist`, {
          position: action.to.span.start,
        });
      }
      return withUser(definition, { owner: action.to.name === 'root' ? 'root' : context.user });
    }
    case 'volatility':
      return { ...definition, volatility: action.to };
    case 'nullInput':
      return { ...definition, strict: action.strict };
    case 'set': {
      if (action.value === null) return withUser(definition, { settings: without(settings, action.name) });
      const [name, value] = checkSetting(action.name, action.value, language, position);
      return withUser(definition, { settings: new Map([...settings, [name, value]]) });
    }
    case 'reset':
      return withUser(definition, {
        settings: action.name === null ? new Map() : without(settings, action.name),
      });
    default:
      throw unsupported(`this form of ALTER ${statement.object.toUpperCase()}`, position);
  }
}

function without(settings: ReadonlyMap<string, string>, name: string): ReadonlyMap<string, string> {
  return new Map([...settings].filter(([key]) => key !== name.toLowerCase()));
}

function schemaFor(name: string, position: number, context: StatementContext): string {
  const { catalog } = context.database;
  if (!catalog.hasSchema(name)) throw new SqlError('3F000', `schema "${name}" does not exist`, { position });
  if (catalog.isSystemSchema(name))
    throw new SqlError('42501', `permission denied for schema ${name}`, { position });
  return name;
}

/** What was made with the function names it in its text. */
function refuseRename(routine: RoutineObject, context: StatementContext): void {
  const { catalog, functions } = context.database;
  const users = [...catalog.dependents(routine.id), ...functions.dependents(routine.id)];
  if (users.length === 0) return;
  const signature = signatureOf(routine.name, routine.fn.user.parameters);
  throw new SqlError('2BP01', `cannot rename function ${signature} because other objects depend on it`, {
    detail: users.map((o) => `${o.kind} ${o.name} depends on function ${signature}`).join('\n'),
    hint: 'They name the function in their definitions: drop them first.',
  });
}

function checkFree(routine: RoutineObject, next: RoutineDefinition, context: StatementContext): void {
  const { user, name } = next;
  const other = context.database.functions.find(user.schema, name, user.parameters);
  if (other !== null && other.id !== routine.id) {
    const signature = signatureOf(name, user.parameters);
    throw new SqlError('42723', `function ${signature} already exists in schema "${user.schema}"`);
  }
  if (name !== routine.name) refuseMixedKinds(name, routine.fn.kind, context);
}

async function alter(statement: Alter, context: StatementContext): Promise<StatementResult> {
  const tag = `ALTER ${statement.object.toUpperCase()}`;
  context.requireNoTransactionBlock(tag);
  const { database } = context;
  return database.exclusive(async () => {
    const routine = findRoutine(
      {
        object: statement.object === 'aggregate' ? 'aggregate' : 'function',
        ifExists: statement.ifExists,
        name: statement.name,
        argumentTypes: statement.argumentTypes,
      },
      context,
    );
    if (routine === null) return done(tag);
    const before = routine.definition;
    const next = statement.actions.reduce((d, action) => changed(d, action, statement, context), before);
    const isMoved = next.name !== before.name || next.user.schema !== before.user.schema;
    if (isMoved) {
      checkFree(routine, next, context);
      refuseRename(routine, context);
    }
    if (next.volatility !== before.volatility || next.strict !== before.strict) {
      refuseReplacement(database, routine);
    }
    const made = await build(next, context);
    if (made.dependsOn.has(routine.id)) throw unsupported(`recursion in the SQL function ${next.name}()`);
    const { name, user } = next;
    database.functions.add({
      ...routine,
      name,
      schema: user.schema,
      owner: user.owner,
      sql: createText(next),
      definition: next,
      ...made,
    });
    database.journalDdl(originOf(context), null);
    return done(tag);
  });
}

export const alterFunction: StatementHandler<Alter> = { run: alter };
