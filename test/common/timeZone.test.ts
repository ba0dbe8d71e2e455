/** Offset tables against Intl itself, and the rules for local times that do not exist or exist twice. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp, formatTimestampTz } from '../../common/dateTime.ts';
import { parseTimestamp } from '../../common/dateTimeParse.ts';
import {
  findZone,
  fixedZone,
  isTimeZone,
  localToUtc,
  offsetAt,
  timeZoneSetting,
  utcToLocal,
  zoneForExpression,
  zoneOf,
} from '../../common/timeZone.ts';
import { context } from './operations.ts';

const names = [
  'America/New_York',
  'Europe/London',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'UTC',
];

/** Seconds east of UTC by the name of the offset, which Intl prints to the second. */
function intlOffset(name: string, second: number): number {
  const text = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' }).format(
    second * 1000,
  );
  const match = /GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text);
  if (match === null) throw new Error(text);
  const size = Number(match[2] ?? 0) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
  return match[1] === '-' ? 0 - size : size;
}

describe('offsets', () => {
  it.each(names)('%s as Intl', (name) => {
    const zone = zoneOf(name);
    fc.assert(
      fc.property(fc.integer({ min: -3_000_000_000, max: 15_000_000_000 }), (second) => {
        expect(offsetAt(zone, BigInt(second) * 1_000_000n)).toBe(intlOffset(name, second));
      }),
      { numRuns: 60 },
    );
  });

  it('goes from UTC to local and back, except in the hour that comes twice', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.bigInt({ min: -3_000_000_000_000_000n, max: 15_000_000_000_000_000n }),
        (name, moment) => {
          const zone = zoneOf(name);
          const back = localToUtc(zone, utcToLocal(zone, moment));
          const distance = back > moment ? back - moment : moment - back;
          expect(distance <= 7_200_000_000n).toBe(true);
          expect(utcToLocal(zone, back)).toBe(utcToLocal(zone, moment));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([
    ['2024-03-10 02:30:00', '2024-03-10 03:30:00-04'],
    ['2024-11-03 01:30:00', '2024-11-03 01:30:00-05'],
    ['2024-11-03 00:59:59', '2024-11-03 00:59:59-04'],
    ['1883-11-18 12:00:00', '1883-11-18 12:00:00-05'],
    ['1800-01-01 00:00:00', '1800-01-01 00:00:00-04:56:02'],
  ])('reads local %s in New York as %s', (local, expected) => {
    const zone = zoneOf('America/New_York');
    const moment = localToUtc(zone, parseTimestamp(local, context));
    expect(formatTimestampTz(moment, offsetAt(zone, moment))).toBe(expected);
  });
});

describe('names', () => {
  it('takes names in any case, abbreviations, and POSIX offsets counted west', () => {
    const noon = parseTimestamp('2020-01-01 12:00:00', context);
    const at = (name: string): string => formatTimestamp(utcToLocal(zoneForExpression(name), noon));
    expect(at('america/new_york')).toBe('2020-01-01 07:00:00');
    expect(at('PST')).toBe('2020-01-01 04:00:00');
    expect(at('+05:30')).toBe('2020-01-01 06:30:00');
    expect(at('FOO+3')).toBe('2020-01-01 09:00:00');
    expect(at('MSK')).toBe('2020-01-01 15:00:00');
    expect(() => at('nosuch')).toThrow('time zone "nosuch" not recognized');
    expect(findZone('Mars/Olympus')).toBeNull();
    expect(isTimeZone('Asia/Tokyo')).toBe(true);
  });

  it('keeps settings by canonical name; numbers are hours east', () => {
    expect(timeZoneSetting('utc')).toBe('UTC');
    expect(timeZoneSetting('europe/paris')).toBe('Europe/Paris');
    expect(timeZoneSetting('-8.5')).toBe('<-08:30>+08:30');
    expect(offsetAt(zoneOf(timeZoneSetting('-8.5')), 0n)).toBe(-30_600);
    expect(offsetAt(fixedZone(3600), 0n)).toBe(3600);
    expect(() => timeZoneSetting('x y')).toThrow('invalid value for parameter "TimeZone": "x y"');
  });
});
