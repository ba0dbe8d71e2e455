/** DROP FUNCTION and DROP AGGREGATE: which function is meant, and what stands in the way. */
import { sameType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { ObjectName, TypeName } from '../../parser/ast/common.ts';
import { withoutModifier } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { Database } from '../database.ts';
import { bindEnvironment } from '../planning.ts';
import { type RoutineObject, signatureOf } from '../udf/routine.ts';
import { type StatementContext, splitName } from './statement.ts';

/** How DROP, ALTER and COMMENT name a function. */
export interface RoutineName {
  readonly object: 'function' | 'aggregate';
  readonly ifExists: boolean;
  readonly name: ObjectName;
  readonly argumentTypes: readonly TypeName[] | null;
}

/** The function that a statement names; null when it is missing and IF EXISTS allows it. */
export function findRoutine(statement: RoutineName, context: StatementContext): RoutineObject | null {
  const objectName = statement.name;
  const { functions } = context.database;
  const target = splitName(objectName, context);
  const { position } = target;
  const shown = target.schema === null ? target.name : `${target.schema}.${target.name}`;
  const env = bindEnvironment(context);
  const types = statement.argumentTypes?.map((t) => withoutModifier(dataTypeOf(t, env))) ?? null;
  const named = functions.named(target.schema, target.name, context.searchPath());
  const found = named.filter(
    (r) =>
      types === null ||
      (r.fn.user.parameters.length === types.length &&
        types.every((t, i) => {
          const p = r.fn.user.parameters[i];
          return p !== undefined && sameType(p.type, t);
        })),
  );
  const [only, ...more] = found;
  if (only === undefined) {
    const signature = types === null ? shown : `${shown}(${types.map(formatType).join(', ')})`;
    if (!statement.ifExists) throw missing(statement.object, shown, signature, types === null, position);
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `${statement.object} ${signature}${types === null ? '()' : ''} does not exist, skipping`,
    });
    return null;
  }
  if (more.length > 0) {
    throw new SqlError('42725', `${statement.object} name "${shown}" is not unique`, {
      position,
      hint: `Specify the argument list to select the ${statement.object} unambiguously.`,
    });
  }
  if (only.kind !== statement.object) {
    const signature = signatureOf(only.name, only.fn.user.parameters);
    if (only.kind === 'function')
      throw new SqlError('42809', `function ${signature} is not an aggregate`, { position });
    throw new SqlError('42809', `"${signature}" is an aggregate function`, {
      position,
      hint: 'Use DROP AGGREGATE to drop aggregate functions.',
    });
  }
  return only;
}

function missing(kind: string, name: string, signature: string, bare: boolean, position: number): SqlError {
  const message = bare
    ? `could not find ${kind === 'aggregate' ? 'an aggregate' : 'a function'} named "${name}"`
    : `${kind} ${signature} does not exist`;
  return new SqlError('42883', message, { position });
}

/** 2BP01 when something keeps results of the function, which a new body would leave behind. */
export function refuseReplacement(database: Database, routine: RoutineObject): void {
  const holders = database.catalog.dependents(routine.id).filter((o) => o.kind !== 'view');
  if (holders.length === 0) return;
  const signature = signatureOf(routine.name, routine.fn.user.parameters);
  throw new SqlError('2BP01', `cannot replace function ${signature} because other objects depend on it`, {
    detail: holders.map((o) => `${o.kind} ${o.name} depends on function ${signature}`).join('\n'),
    hint: 'What they hold was computed by the old function: drop them first.',
  });
}
