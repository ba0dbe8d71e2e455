/** ADVANCE CLOCK and ADVANCE WATERMARK: time in the hands of a test. */

import { type DataType, types } from '../../common/dataType.ts';
import { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { NonNullValue } from '../../common/value.ts';
import { addToTimestampTz } from '../../executor/functions/support/dateTimeMath.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { AdvanceClock, AdvanceWatermark } from '../../parser/ast/time.ts';
import { bindStandalone } from '../../planner/bind/bind.ts';
import { tryCoerce } from '../../planner/bind/coerce.ts';
import { parametersOf } from '../../planner/bind/parameterTypes.ts';
import type { Scalar } from '../../planner/plan/scalar.ts';
import type { SourceObject, TableObject } from '../objects.ts';
import { shownKind } from '../objects.ts';
import { bindEnvironment, scalarValue, withParameters } from '../planning.ts';
import { advanceWatermark as advance } from '../time/control.ts';
import { pollUntilQuiet, runDue, stepClock } from '../time/due.ts';
import { isInfinite, timeUnitOf, toUnits } from '../time/units.ts';
import {
  done,
  namedRelation,
  type StatementContext,
  type StatementHandler,
  type StatementShape,
} from './statement.ts';

interface BoundValue {
  readonly scalar: Scalar;
  readonly parameterTypes: readonly DataType[];
}

/** An expression over nothing, as `type`. */
function bindValue(expr: Expr, type: DataType, statement: string, context: StatementContext): BoundValue {
  const env = bindEnvironment(context);
  const given = bindStandalone(expr, env, statement);
  const scalar = tryCoerce(given, type, 'assignment', env);
  if (scalar === null) {
    throw new SqlError(
      '42804',
      `argument of ${statement} must be type ${formatType(type)}, not type ${formatType(given.type)}`,
      { position: expr.span.start },
    );
  }
  return { scalar, parameterTypes: parametersOf(env, { plans: [], scalars: [scalar] }) };
}

/** The value of such an expression; NULL and infinity are refused. */
function timeValue(expr: Expr, type: DataType, statement: string, context: StatementContext): NonNullValue {
  const value = scalarValue(
    withParameters(bindValue(expr, type, statement, context).scalar, context),
    context,
  );
  const position = expr.span.start;
  if (value === null) throw new SqlError('22004', `argument of ${statement} must not be null`, { position });
  const unit = timeUnitOf(type);
  if (unit !== null && isInfinite(toUnits(value), unit)) {
    throw new SqlError('22008', `argument of ${statement} must be finite`, { position });
  }
  return value;
}

const shapeOf = (parameterTypes: readonly DataType[]): StatementShape => ({ parameterTypes, columns: null });

export const advanceClock: StatementHandler<AdvanceClock> = {
  describe: (statement, context) =>
    shapeOf(bindValue(statement.value, clockType(statement), 'ADVANCE CLOCK', context).parameterTypes),
  async run(statement, context) {
    context.requireNoTransactionBlock('ADVANCE CLOCK');
    const { database } = context;
    const { serverClock } = database.environment;
    await database.exclusive(() => {
      if (!serverClock.virtual) {
        throw new SqlError('55000', "the clock is the system's", {
          position: statement.span.start,
          hint: "SET millrace.clock = '2024-01-01 00:00:00+00' takes it in hand.",
        });
      }
      const now = serverClock.now();
      const target = targetOf(statement, now, context);
      if (target < now) {
        throw new SqlError('22023', 'the clock cannot go back', {
          position: statement.value.span.start,
          hint: 'SET millrace.clock sets it anew.',
        });
      }
      stepClock(database, target);
    });
    await pollUntilQuiet(database, () => context.checkCancelled());
    await database.exclusive(() => {
      runDue(database);
      database.journal?.flush();
    });
    return done('ADVANCE CLOCK');
  },
};

const clockType = (statement: AdvanceClock): DataType => (statement.by ? types.interval : types.timestamptz);

function targetOf(statement: AdvanceClock, now: bigint, context: StatementContext): bigint {
  const value = timeValue(statement.value, clockType(statement), 'ADVANCE CLOCK', context);
  if (value instanceof Interval) return addToTimestampTz(now, value, context.settings.value('timezone'));
  return toUnits(value);
}

/** The relation with a watermark of its own. */
function targetRelation(
  statement: AdvanceWatermark,
  context: StatementContext,
): { readonly object: SourceObject | TableObject; readonly type: DataType } {
  const object = namedRelation(statement.relation, context);
  if ((object.kind !== 'source' && object.kind !== 'table') || object.watermark === null) {
    throw new SqlError('55000', `relation "${object.name}" has no watermark of its own`, {
      position: statement.relation.span.start,
      hint: 'Declare one with WATERMARK FOR column AS expression when the source or table is made.',
    });
  }
  return { object, type: object.columns[object.watermark.column]?.type ?? types.timestamp };
}

/**
 * 22023 unless the relation has that partition: one that no message ever comes from would be waited for, for ever. Only
 * INJECT feeds a source of its own connector, from whichever partitions it likes.
 */
export function requirePartition(
  object: SourceObject | TableObject,
  name: string | null,
  position: number,
): void {
  const eventTime = object.admission?.eventTime ?? null;
  if (name === null || eventTime === null || object.source?.connector.name === 'inject') return;
  const known = eventTime.partitions().map((p) => p.name);
  if (known.includes(name)) return;
  throw new SqlError('22023', `${shownKind(object)} "${object.name}" has no partition "${name}"`, {
    position,
    hint: `It has: ${known.join(', ')}.`,
  });
}

export const advanceWatermark: StatementHandler<AdvanceWatermark> = {
  describe(statement, context) {
    const { type } = targetRelation(statement, context);
    return shapeOf(bindValue(statement.value, type, 'ADVANCE WATERMARK', context).parameterTypes);
  },
  async run(statement, context) {
    context.requireNoTransactionBlock('ADVANCE WATERMARK');
    const { database } = context;
    await database.exclusive(() => {
      const { object, type } = targetRelation(statement, context);
      requirePartition(object, statement.partition, statement.relation.span.start);
      const value = timeValue(statement.value, type, 'ADVANCE WATERMARK', context);
      if (!advance(database, object, statement.partition, value)) {
        context.notice({
          severity: 'NOTICE',
          state: '00000',
          message: `the watermark of "${object.name}" is there already`,
        });
      }
      runDue(database);
    });
    return done('ADVANCE WATERMARK');
  },
};
