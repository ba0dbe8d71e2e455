/** millrace_catalog: partitions of remote sources; options of sources as they may be shown. */
import { HIDDEN, shownValue } from '../../connector/secretOptions.ts';
import type { CatalogObject } from '../objects.ts';
import { RemoteSource } from '../remote/remoteSource.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import { eventTimeOf } from '../time/advisor.ts';
import { unitsText } from '../time/units.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const sourceColumns: ColumnSpecs = {
  source_partitions: {
    id: 12424,
    kind: 'v',
    columns:
      'source_id oid!, schema name!, source name!, partition text!, position text!, end_position text, lag int8, watermark text, note text',
  },
};

/** A source's options, without secrets. */
export function shownOptions(
  { database }: SystemView,
  object: CatalogObject,
  { config }: SourceRuntime,
): readonly (readonly [name: string, value: string])[] {
  const secret = new Set(database.secrets.optionsOf(object).map(({ option }) => option.name));
  return [...config.options].map(([name, value]) => [
    name,
    secret.has(name) ? HIDDEN : shownValue(name, value),
  ]);
}

/** Partitions of remote sources as their readers told last. */
function* sourcePartitions(view: SystemView): Generator<Fields> {
  for (const object of view.database.catalog.objects()) {
    if (object.kind !== 'table' || !(object.source?.connector instanceof RemoteSource)) continue;
    const time = eventTimeOf(object);
    for (const { partition, offset, end, lag, note } of object.source.connector.progress) {
      const watermark = time?.eventTime.find(partition)?.watermark ?? null;
      yield {
        source_id: object.id,
        schema: object.schema,
        source: object.name,
        partition,
        position: offset,
        end_position: end,
        lag,
        watermark: time === null ? null : unitsText(watermark, time.rule.type),
        note,
      };
    }
  }
}

export const sourceRows: RowSources = { source_partitions: sourcePartitions };
