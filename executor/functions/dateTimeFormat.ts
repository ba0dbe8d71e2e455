/** to_char, to_date, to_timestamp and to_number. Templates are parsed once per call site. */
import {
  checkDate,
  checkTimestamp,
  isFiniteTimestamp,
  joinTimestamp,
  MICROS_PER_SECOND,
} from '../../common/dateTime.ts';
import type { Decimal } from '../../common/decimal.ts';
import type { EvalContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import type { Interval } from '../../common/interval.ts';
import { SqlError } from '../../common/sqlError.ts';
import { localToUtc, offsetAt, utcToLocal, zoneOf } from '../../common/timeZone.ts';
import type { Value } from '../../common/value.ts';
import { parseMoment } from './support/dateTimeFromChar.ts';
import { breakDownInterval, breakDownTimestamp, formatBrokenDown } from './support/dateTimeToChar.ts';
import { parseDateTemplate } from './support/formatTemplate.ts';
import { memoized } from './support/likePattern.ts';
import { readNumber } from './support/numberFromChar.ts';
import { type NumberTemplate, numberTemplate } from './support/numberTemplate.ts';
import { formatDecimal, formatFloat, formatInteger } from './support/numberToChar.ts';
import { zoneAbbreviation } from './support/zoneAbbreviation.ts';

type Examples = readonly (readonly [sql: string, result: string])[];

function toChar(
  type: TypePattern,
  volatility: 'immutable' | 'stable',
  examples: Examples,
  /** The body for one call site. */
  body: () => (context: EvalContext, value: never, template: string) => Value,
): ScalarFunction {
  return scalar({
    name: 'to_char',
    args: [type, 'text'],
    returns: 'text',
    mayReturnNull: true,
    volatility,
    doc: 'Text of the value by a template.',
    examples,
    implement: () => ({ evaluateWith: body() }),
  });
}

/** Fields that are the same for all moments of one minute. */
const MINUTE_FIELDS: ReadonlySet<string> = new Set(
  'YYYY YYY YY Y MM MON MONTH DDD DD D DAY DY HH HH12 HH24 MI AM PM Q WW IW J CC'.split(' '),
);
const MICROS_PER_MINUTE = 60_000_000n;

/**
 * Rows that come in the order of time mostly share their minute: for a template that shows nothing smaller, the last
 * result is kept.
 */
function timestampToChar(): (context: EvalContext, value: bigint, template: string) => Value {
  const parse = memoized((template) => {
    const nodes = parseDateTemplate(template);
    return {
      nodes,
      byMinute: nodes.every((n) => n.kind !== 'field' || MINUTE_FIELDS.has(n.name.toUpperCase())),
    };
  });
  let lastTemplate = '';
  let from = 0n;
  let last = '';
  return (_context, value, template) => {
    if (template === lastTemplate && value >= from && value < from + MICROS_PER_MINUTE) return last;
    if (template === '' || !isFiniteTimestamp(value)) return null;
    const { nodes, byMinute } = parse(template);
    const text = formatBrokenDown(breakDownTimestamp(value), nodes);
    if (byMinute) {
      const rest = value % MICROS_PER_MINUTE;
      from = value - (rest < 0n ? rest + MICROS_PER_MINUTE : rest);
      last = text;
      lastTemplate = template;
    }
    return text;
  };
}

const moments: readonly ScalarFunction[] = [
  toChar(
    'timestamp',
    'immutable',
    [
      ["to_char(timestamp '2002-04-20 17:31:12.66', 'HH12:MI:SS.MS')", '05:31:12.660'],
      ["to_char(timestamp '2002-04-20 17:31:12', 'FMDay, DDth FMMonth YYYY')", 'Saturday, 20th April 2002'],
    ],
    timestampToChar,
  ),
  toChar(
    'timestamptz',
    'stable',
    [
      [
        "to_char(timestamptz '2002-04-20 17:31:12+00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
        '2002-04-20 17:31:12 +00:00',
      ],
    ],
    () => {
      const parse = memoized(parseDateTemplate);
      return (context: EvalContext, value: bigint, template: string) => {
        if (template === '' || !isFiniteTimestamp(value)) return null;
        const zone = zoneOf(context.timeZone);
        const local = utcToLocal(zone, value);
        const abbreviation = /tz/i.test(template) ? zoneAbbreviation(zone, value) : '';
        return formatBrokenDown(
          breakDownTimestamp(local, abbreviation, offsetAt(zone, value)),
          parse(template),
        );
      };
    },
  ),
  toChar('interval', 'immutable', [["to_char(interval '15h 2m 12s', 'HH24:MI:SS')", '15:02:12']], () => {
    const parse = memoized(parseDateTemplate);
    return (_context: EvalContext, value: Interval, template: string) =>
      template === '' ? null : formatBrokenDown(breakDownInterval(value), parse(template));
  }),
];

/** to_char of a number type. */
function numberToChar(
  type: TypePattern,
  examples: Examples,
  format: (value: never, template: NumberTemplate) => string,
): ScalarFunction {
  return toChar(type, 'immutable', examples, () => {
    const parse = memoized(numberTemplate);
    const print = format as (value: unknown, template: NumberTemplate) => string;
    return (_context: EvalContext, value: unknown, template: string) =>
      template === '' ? '' : print(value, parse(template));
  });
}

const numbers: readonly ScalarFunction[] = [
  numberToChar(
    'int4',
    [
      ["to_char(-485, '999')", '-485'],
      ["to_char(485, 'RN')", '        CDLXXXV'],
      ["to_char(482, '999th')", ' 482nd'],
    ],
    (value: number, t) => formatInteger(BigInt(value), t),
  ),
  numberToChar('int8', [["to_char(1485::int8, '9,999')", ' 1,485']], formatInteger),
  numberToChar(
    'numeric',
    [
      ["to_char(-125.8, '999D99S')", '125.80-'],
      ["to_char(0.1, 'FM9.99')", '.1'],
    ],
    (value: Decimal, t) => formatDecimal(value, t),
  ),
  numberToChar('float4', [["to_char(125.8::float4, '999D9')", ' 125.8']], (value: number, t) =>
    formatFloat(value, t, 6),
  ),
  numberToChar('float8', [["to_char(148.5::float8, '999.999')", ' 148.500']], (value: number, t) =>
    formatFloat(value, t, 15),
  ),
  scalar({
    name: 'to_number',
    args: ['text', 'text'],
    returns: 'numeric',
    mayReturnNull: true,
    doc: 'Number that a text shows by a template.',
    examples: [["to_number('12,454.8-', '99G999D9S')", '-12454.8']],
    implement: () => {
      const parse = memoized(numberTemplate);
      return {
        evaluate: (text: string, template: string) =>
          template === '' ? null : readNumber(text, parse(template)),
      };
    },
  }),
];

const parsing: readonly ScalarFunction[] = [
  scalar({
    name: 'to_date',
    args: ['text', 'text'],
    returns: 'date',
    doc: 'Date that a text shows by a template.',
    examples: [["to_date('05 Dec 2000', 'DD Mon YYYY')", '2000-12-05']],
    implement: () => {
      const parse = memoized(parseDateTemplate);
      return {
        evaluate: (text: string, template: string) => checkDate(parseMoment(text, parse(template)).days),
      };
    },
  }),
  scalar({
    name: 'to_timestamp',
    args: ['text', 'text'],
    returns: 'timestamptz',
    volatility: 'stable',
    doc: 'Moment that a text shows by a template, in the session time zone unless it gives one.',
    examples: [["to_timestamp('05 Dec 2000 13:14', 'DD Mon YYYY HH24:MI')", '2000-12-05 13:14:00+00']],
    implement: () => {
      const parse = memoized(parseDateTemplate);
      return {
        evaluateWith: (context: EvalContext, text: string, template: string) => {
          const { days, micros, offsetSeconds } = parseMoment(text, parse(template));
          const local = joinTimestamp(days, micros);
          const result =
            offsetSeconds === null
              ? localToUtc(zoneOf(context.timeZone), local)
              : local - BigInt(offsetSeconds) * MICROS_PER_SECOND;
          if (days > 106_751_991) throw new SqlError('22008', 'timestamp out of range');
          return checkTimestamp(result);
        },
      };
    },
  }),
];

export const formattingFunctions: readonly ScalarFunction[] = [...moments, ...numbers, ...parsing];
