/** ADVANCE CLOCK and ADVANCE WATERMARK: time in the hands of a test. */
import { castValue } from '../../common/cast.ts';
import { type DataType, types } from '../../common/dataType.ts';

import { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { NonNullValue } from '../../common/value.ts';
import { addToTimestampTz } from '../../executor/functions/support/dateTimeMath.ts';
import type { Expr } from '../../parser/ast/expr.ts';
import type { AdvanceClock, AdvanceWatermark } from '../../parser/ast/time.ts';
import { requireRelation } from '../catalog.ts';
import { bindStandalone, scalarValue } from '../planning.ts';
import { advanceWatermark as advance } from '../time/control.ts';
import { pollUntilQuiet, runDue, stepClock } from '../time/due.ts';
import { done, type StatementContext, type StatementHandler, splitName } from './statement.ts';

/** The value of an expression as `type`; NULL is refused. */
function requiredValue(expr: Expr, type: DataType, what: string, context: StatementContext): NonNullValue {
  const scalar = bindStandalone(expr, context);
  const value = scalarValue(scalar, context);
  const cast = value === null ? null : castValue(value, scalar.type, type, false, context.eval);
  if (cast === null) throw new SqlError('22004', `${what} must not be null`, { position: expr.span.start });
  return cast;
}

export const advanceClock: StatementHandler<AdvanceClock> = {
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
    await pollUntilQuiet(database);
    await database.exclusive(() => runDue(database));
    return done('ADVANCE CLOCK');
  },
};

function targetOf(statement: AdvanceClock, now: bigint, context: StatementContext): bigint {
  if (statement.by) {
    const by = requiredValue(statement.value, types.interval, 'the interval', context);
    if (by instanceof Interval) return addToTimestampTz(now, by, context.settings.value('timezone'));
  } else {
    const to = requiredValue(statement.value, types.timestamptz, 'the time', context);
    if (typeof to === 'bigint') return to;
  }
  throw new SqlError('22023', 'ADVANCE CLOCK needs a time', { position: statement.value.span.start });
}

export const advanceWatermark: StatementHandler<AdvanceWatermark> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('ADVANCE WATERMARK');
    const { database } = context;
    const target = splitName(statement.relation, context);
    await database.exclusive(() => {
      const object = requireRelation(
        database.catalog,
        target.schema,
        target.name,
        context.searchPath(),
        target.position,
      );
      if ((object.kind !== 'source' && object.kind !== 'table') || object.watermark === null) {
        throw new SqlError('55000', `relation "${object.name}" has no watermark of its own`, {
          position: target.position,
          hint: 'Declare one with WATERMARK FOR column AS expression when the source or table is made.',
        });
      }
      const type = object.columns[object.watermark.column]?.type ?? types.timestamp;
      const value = requiredValue(statement.value, type, 'the watermark', context);
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
