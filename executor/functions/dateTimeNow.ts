/** The current time: now() and its relatives. Within a statement, or a tick of a maintained view, now() is constant. */
import { splitTimestamp } from '../../common/dateTime.ts';
import type { EvalContext, ScalarFunction } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import { TimeTz } from '../../common/timeTz.ts';
import { offsetAt, utcToLocal, zoneOf } from '../../common/timeZone.ts';
import { breakDownTimestamp, formatBrokenDown } from './support/dateTimeToChar.ts';
import { parseDateTemplate } from './support/formatTemplate.ts';
import { zoneAbbreviation } from './support/zoneAbbreviation.ts';

function localNow(context: EvalContext): bigint {
  return utcToLocal(zoneOf(context.timeZone), context.now());
}

const stable = { args: [], volatility: 'stable', infallible: true } as const;

function nowFunction(name: string, doc: string): ScalarFunction {
  return scalar({
    ...stable,
    name,
    returns: 'timestamptz',
    doc,
    examples: [[`${name}() = now()`, 't']],
    evaluateWith: (context) => context.now(),
  });
}

const timeOfDayTemplate = parseDateTemplate('Dy Mon DD HH24:MI:SS.US YYYY TZ');

export const nowFunctions: readonly ScalarFunction[] = [
  nowFunction('now', 'Start of the transaction, or of the tick in a maintained view.'),
  nowFunction('transaction_timestamp', 'Start of the transaction.'),
  nowFunction('statement_timestamp', 'Start of the statement.'),
  scalar({
    ...stable,
    name: 'clock_timestamp',
    returns: 'timestamptz',
    volatility: 'volatile',
    doc: 'The clock at this moment.',
    examples: [['clock_timestamp() >= now()', 't']],
    evaluateWith: (context) => context.clock(),
  }),
  scalar({
    ...stable,
    name: 'proctime',
    returns: 'timestamptz',
    volatility: 'volatile',
    doc: 'Time at which a row is processed.',
    examples: [['proctime() >= now()', 't']],
    evaluateWith: (context) => context.now(),
  }),
  scalar({
    ...stable,
    name: 'timeofday',
    returns: 'text',
    volatility: 'volatile',
    doc: 'The clock at this moment, as text.',
    examples: [['length(timeofday()) > 30', 't']],
    evaluateWith: (context) => {
      const zone = zoneOf(context.timeZone);
      const moment = context.clock();
      const local = utcToLocal(zone, moment);
      const broken = breakDownTimestamp(local, zoneAbbreviation(zone, moment), offsetAt(zone, moment));
      return formatBrokenDown(broken, timeOfDayTemplate);
    },
  }),
  scalar({
    ...stable,
    name: 'current_date',
    returns: 'date',
    doc: 'Current date in the session time zone.',
    examples: [['current_date = now()::date', 't']],
    evaluateWith: (context) => splitTimestamp(localNow(context)).days,
  }),
  scalar({
    ...stable,
    name: 'localtimestamp',
    returns: 'timestamp',
    doc: 'Current date and time in the session time zone.',
    examples: [['localtimestamp = now()::timestamp', 't']],
    evaluateWith: localNow,
  }),
  scalar({
    ...stable,
    name: 'localtime',
    returns: 'time',
    doc: 'Current time of day in the session time zone.',
    examples: [['localtime = now()::time', 't']],
    evaluateWith: (context) => BigInt(splitTimestamp(localNow(context)).micros),
  }),
  scalar({
    ...stable,
    name: 'current_time',
    returns: 'timetz',
    doc: 'Current time of day with the session time zone.',
    examples: [['current_time = now()::timetz', 't']],
    evaluateWith: (context) =>
      new TimeTz(
        BigInt(splitTimestamp(localNow(context)).micros),
        offsetAt(zoneOf(context.timeZone), context.now()),
      ),
  }),
];
