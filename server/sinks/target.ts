/** A sink's writer, made of what the sink is. */
import type { SinkWriter } from '../../connector/sink.ts';
import type { Database } from '../database.ts';
import type { SinkShape } from './runtime.ts';

export function openTarget(database: Database, name: string, shape: SinkShape): Promise<SinkWriter> {
  const { id, connector, options, columns, key, format, encode, encodeOptions } = shape;
  return connector.open({
    identity: database.sinks.identity(id),
    name,
    options,
    columns,
    key,
    format,
    encode,
    encodeOptions,
  });
}
