/** A sink's writer, made of what the sink is. */
import type { SinkWriter } from '../../connector/sink.ts';
import type { Database } from '../database.ts';
import type { SinkObject } from '../objects.ts';

export function openTarget(database: Database, sink: SinkObject): Promise<SinkWriter> {
  const { connector, options, columns, key, format, encode, encodeOptions } = sink.runtime.shape;
  return connector.open({
    identity: database.sinks.identity(sink.id),
    name: sink.name,
    options,
    columns,
    key,
    format,
    encode,
    encodeOptions,
  });
}
