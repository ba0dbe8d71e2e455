/** What a session is told when rows of its transaction were late. */
import type { Notice } from '../../wire/port.ts';
import { MILLRACE_LATE } from '../catalog.ts';
import type { Database } from '../database.ts';
import { lateRelationOf } from './lateRelation.ts';
import type { LateReason } from './lateRow.ts';
import type { LateSummary } from './ticks.ts';
import { unitsText } from './units.ts';

const plainName = /^[a-z_][a-z0-9_]*$/;

export function lateNotice(database: Database, { table, inserted, late }: LateSummary): Notice {
  const rule = table.admission?.rule ?? null;
  const name = lateRelationOf(database, table.id)?.name ?? table.name;
  const shown = plainName.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
  const watermark = late.find((l) => l.watermark !== null)?.watermark ?? null;
  const count = (reason: LateReason): number => late.filter((l) => l.reason === reason).length;
  const details = [
    ...(watermark === null || rule === null ? [] : [`The watermark was ${unitsText(watermark, rule.type)}.`]),
    ...(count('null event time') > 0 ? [`${count('null event time')} without an event time.`] : []),
    ...(count('too far in the future') > 0
      ? [`${count('too far in the future')} too far in the future.`]
      : []),
  ];
  return {
    severity: 'WARNING',
    state: '01000',
    message: `${late.length} of ${inserted} rows inserted into "${table.name}" ${late.length === 1 ? 'was' : 'were'} late`,
    ...(details.length === 0 ? {} : { detail: details.join(' ') }),
    hint: `See ${MILLRACE_LATE}.${shown}.`,
  };
}
