/** Column types of the rows in a relation's events. */
import type { SourceObject, TableObject } from '../objects.ts';
import type { EventTypes } from './eventLog.ts';

export function eventTypes(object: SourceObject | TableObject): EventTypes {
  const all = object.columns.map((c) => c.type);
  if (object.kind === 'table') return { physical: all, all };
  return { physical: object.columns.filter((c) => c.generated === null).map((c) => c.type), all };
}
