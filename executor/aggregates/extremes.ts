/** min and max of every ordered type. */
import type { AggregateFunction, TypePattern } from '../../common/function.ts';
import { aggregate, over } from './define.ts';

/** Type, and two values in ascending order with the text of each. */
type Sample = readonly [type: TypePattern, low: string, high: string, lowText: string, highText: string];

const firstUuid = '00000000-0000-0000-0000-000000000001';
const secondUuid = '00000000-0000-0000-0000-000000000002';

const samples: readonly Sample[] = [
  ['int2', '1::int2', '2::int2', '1', '2'],
  ['int4', '1', '2', '1', '2'],
  ['int8', '1::int8', '2::int8', '1', '2'],
  ['float4', '1.5::float4', "'NaN'::float4", '1.5', 'NaN'],
  ['float8', '1.5::float8', "'NaN'::float8", '1.5', 'NaN'],
  ['numeric', '1.5', '1.51', '1.5', '1.51'],
  ['text', "'a'", "'b'", 'a', 'b'],
  ['bpchar', "'a'::bpchar", "'b'::bpchar", 'a', 'b'],
  ['bytea', "'\\x01'::bytea", "'\\x02'::bytea", '\\x01', '\\x02'],
  ['uuid', `'${firstUuid}'::uuid`, `'${secondUuid}'::uuid`, firstUuid, secondUuid],
  ['oid', '1::oid', '2::oid', '1', '2'],
  ['date', "date '2024-01-01'", "date '2024-01-02'", '2024-01-01', '2024-01-02'],
  ['time', "time '01:00'", "time '02:00'", '01:00:00', '02:00:00'],
  ['timetz', "timetz '02:00+01'", "timetz '02:00+00'", '02:00:00+01', '02:00:00+00'],
  [
    'timestamp',
    "timestamp '2024-01-01'",
    "timestamp '2024-01-02'",
    '2024-01-01 00:00:00',
    '2024-01-02 00:00:00',
  ],
  [
    'timestamptz',
    "timestamptz '2024-01-01 00:00+00'",
    "timestamptz '2024-01-02 00:00+00'",
    '2024-01-01 00:00:00+00',
    '2024-01-02 00:00:00+00',
  ],
  ['interval', "interval '1 hour'", "interval '1 day'", '01:00:00', '1 day'],
  ['anyarray', 'array[1,2]', 'array[1,3]', '{1,2}', '{1,3}'],
  ['record', "row(1, 'a'::text)", "row(1, 'b'::text)", '(1,a)', '(1,b)'],
];

/** A record is any struct; its result is the same struct, as with anyelement. */
function extreme(name: 'min' | 'max', sample: Sample): AggregateFunction {
  const [type, low, high, lowText, highText] = sample;
  return aggregate({
    name,
    args: [type],
    returns: type === 'record' ? ([actual]) => actual ?? { id: 'unknown' } : type,
    doc: name === 'min' ? 'Smallest value.' : 'Largest value.',
    examples: [[`${name}(x) ${over(low, 'NULL', high)}`, name === 'min' ? lowText : highText]],
    implement: () => ({ form: 'extreme', end: name }),
  });
}

export const extremeAggregates: readonly AggregateFunction[] = samples.flatMap((sample) => [
  extreme('min', sample),
  extreme('max', sample),
]);
