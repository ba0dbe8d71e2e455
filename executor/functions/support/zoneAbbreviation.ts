/** Abbreviation of a time zone at a moment (EST, CEST), which to_char prints for TZ; the offset where there is none. */
import { formatOffset } from '../../../common/dateTime.ts';
import type { Zone } from '../../../common/timeZone.ts';
import { offsetAt } from '../../../common/timeZone.ts';

/** Each of these locales knows the abbreviations of its own region. */
const locales = ['en-US', 'en-GB', 'en-AU', 'en-CA', 'en-NZ', 'en-IN', 'en-ZA', 'ja', 'ko'];

/** Keyed by zone and offset: an abbreviation belongs to an offset of the zone. */
const known = new Map<string, string>();

function ask(zone: Zone, timestamp: bigint): string | null {
  for (const locale of locales) {
    const format = new Intl.DateTimeFormat(locale, { timeZone: zone.name, timeZoneName: 'short' });
    const parts = format.formatToParts(Number(timestamp / 1000n));
    const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
    if (/^[A-Z]{3,5}$/.test(name)) return name;
  }
  return null;
}

export function zoneAbbreviation(zone: Zone, timestamp: bigint): string {
  const offset = offsetAt(zone, timestamp);
  if (zone.name === 'UTC' || zone.name === 'GMT') return zone.name;
  const key = `${zone.name} ${offset}`;
  let abbreviation = known.get(key);
  if (abbreviation === undefined) {
    // A name that is no IANA zone is an abbreviation or an offset already.
    abbreviation = zone.name.includes('/')
      ? (ask(zone, timestamp) ?? formatOffset(offset).replace(':', ''))
      : zone.name;
    if (abbreviation.startsWith('<')) abbreviation = abbreviation.slice(1, abbreviation.indexOf('>'));
    known.set(key, abbreviation);
  }
  return abbreviation;
}
