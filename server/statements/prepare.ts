/** PREPARE, EXECUTE, DEALLOCATE, DISCARD: the SQL face of prepared statements. */
import { type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { evaluateScalar } from '../../executor/codegen/evaluate.ts';
import type { Deallocate, Discard, Execute, Prepare } from '../../parser/ast/statement.ts';
import { printStatement } from '../../parser/print.ts';
import { coerceAssign } from '../../planner/bind/coerce.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import { bindEnvironment, bindStandalone } from '../planning.ts';
import { done, type StatementContext, type StatementHandler } from './statement.ts';

export const prepare: StatementHandler<Prepare> = {
  readOnly: true,
  run(statement, context) {
    const given: readonly DataType[] = statement.types.map((t) => dataTypeOf(t));
    context.prepared.prepare(
      statement.name.name,
      printStatement(statement.statement),
      statement.statement,
      given,
    );
    return done('PREPARE');
  },
};

function argumentValues(statement: Execute, context: StatementContext) {
  const shape = context.prepared.describe(statement.name.name);
  const expected = shape.parameterTypes.length;
  if (statement.arguments.length !== expected) {
    throw new SqlError(
      '42601',
      `wrong number of parameters for prepared statement "${statement.name.name}"`,
      { detail: `Expected ${expected} parameters but got ${statement.arguments.length}.` },
    );
  }
  return statement.arguments.map((argument, i) => {
    const type = shape.parameterTypes[i] ?? types.text;
    const scalar = coerceAssign(
      bindStandalone(argument, context),
      type,
      `$${i + 1}`,
      argument.span.start,
      bindEnvironment(context),
    );
    return evaluateScalar(scalar, context.eval);
  });
}

export const execute: StatementHandler<Execute> = {
  describe(statement, context) {
    return { parameterTypes: [], columns: context.prepared.describe(statement.name.name).columns };
  },
  run: (statement, context) =>
    context.prepared.execute(statement.name.name, argumentValues(statement, context)),
};

export const deallocate: StatementHandler<Deallocate> = {
  readOnly: true,
  run(statement, context) {
    context.prepared.deallocate(statement.name?.name ?? null);
    return done(statement.name === null ? 'DEALLOCATE ALL' : 'DEALLOCATE');
  },
};

export const discard: StatementHandler<Discard> = {
  readOnly: true,
  run(statement, context) {
    if (statement.target === 'all') {
      context.requireNoTransactionBlock('DISCARD ALL');
      context.settings.reset();
      context.prepared.deallocate(null);
    }
    return done(`DISCARD ${statement.target.toUpperCase()}`);
  },
};
