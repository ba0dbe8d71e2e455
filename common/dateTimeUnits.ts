/** Names of the units that date_trunc, extract and date_part take, and the errors for those that do not fit. */
import { MAX_WORD } from './dateTimeTokens.ts';
import { SqlError } from './sqlError.ts';

export type DateTimeUnit =
  | 'microsecond'
  | 'millisecond'
  | 'second'
  | 'minute'
  | 'hour'
  | 'day'
  | 'week'
  | 'month'
  | 'quarter'
  | 'year'
  | 'decade'
  | 'century'
  | 'millennium'
  | 'timezone'
  | 'timezone_hour'
  | 'timezone_minute'
  | 'epoch'
  | 'julian'
  | 'dow'
  | 'isodow'
  | 'doy'
  | 'isoyear';

/** Types with units, by their SQL names as the errors give them. */
export type UnitTypeName =
  | 'date'
  | 'time without time zone'
  | 'time with time zone'
  | 'timestamp without time zone'
  | 'timestamp with time zone'
  | 'interval';

const spellings: { readonly [K in DateTimeUnit]: string } = {
  microsecond: 'us usec usecs usecond useconds microsecon',
  millisecond: 'ms msec msecs msecond mseconds millisecon',
  second: 's sec secs second seconds',
  minute: 'm min mins minute minutes',
  hour: 'h hr hrs hour hours',
  day: 'd day days',
  week: 'w week weeks',
  month: 'mon mons month months',
  quarter: 'qtr quarter',
  year: 'y yr yrs year years',
  decade: 'dec decs decade decades',
  century: 'c cent century centuries',
  millennium: 'mil mils millennia millennium',
  timezone: 'timezone',
  timezone_hour: 'timezone_h',
  timezone_minute: 'timezone_m',
  epoch: 'epoch',
  julian: 'julian jd j',
  dow: 'dow',
  isodow: 'isodow',
  doy: 'doy',
  isoyear: 'isoyear',
};

/** Units that extract knows and date_trunc does not even recognise. */
const extractOnly: ReadonlySet<DateTimeUnit> = new Set([
  'epoch',
  'julian',
  'dow',
  'isodow',
  'doy',
  'isoyear',
]);

const units: ReadonlyMap<string, DateTimeUnit> = new Map(
  (Object.keys(spellings) as DateTimeUnit[]).flatMap((unit) =>
    spellings[unit].split(' ').map((name) => [name, unit] as const),
  ),
);

function notRecognized(text: string, typeName: UnitTypeName): SqlError {
  return new SqlError('22023', `unit "${text.toLowerCase()}" not recognized for type ${typeName}`);
}

/** The error for a unit that exists but not for this type. */
export function unitNotSupported(text: string, typeName: UnitTypeName, detail?: string): SqlError {
  return new SqlError(
    '0A000',
    `unit "${text.toLowerCase()}" not supported for type ${typeName}`,
    detail === undefined ? {} : { detail },
  );
}

/** The unit extract and date_part mean by `text`; 22023 when there is none of that name. */
export function extractUnit(text: string, typeName: UnitTypeName): DateTimeUnit {
  const unit = units.get(text.toLowerCase().slice(0, MAX_WORD));
  if (unit === undefined) throw notRecognized(text, typeName);
  return unit;
}

/** The unit date_trunc means by `text`; 22023 when there is none of that name. */
export function truncateUnit(text: string, typeName: UnitTypeName): DateTimeUnit {
  const unit = units.get(text.toLowerCase().slice(0, MAX_WORD));
  if (unit === undefined || extractOnly.has(unit)) throw notRecognized(text, typeName);
  return unit;
}
