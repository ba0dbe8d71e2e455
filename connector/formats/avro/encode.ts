/** ENCODE AVRO as an entry of the registry of encodings. */
import { recordNameOptions, registryOptions } from '../../registry/options.ts';
import type { Encode } from '../encode.ts';
import { avroChanges, avroRows } from './rows.ts';

export const avroEncode: Encode = {
  name: 'AVRO',
  doc: "Avro records. With a schema registry each message names its writer's schema, and older and newer ones are read alike; with `schema.location` all messages are of that file's schema.",
  options: [
    ...registryOptions,
    ...recordNameOptions,
    {
      name: 'schema.location',
      type: 'string',
      doc: 'File of the schema (.avsc), for messages that name none.',
    },
    {
      name: 'map.handling.mode',
      type: 'string',
      choices: ['jsonb'],
      default: 'jsonb',
      doc: 'Maps are objects in jsonb columns.',
    },
  ],
  formats: ['PLAIN', 'UPSERT', 'DEBEZIUM'],
  asKey: true,
  rows: avroRows,
  changes: avroChanges,
};
