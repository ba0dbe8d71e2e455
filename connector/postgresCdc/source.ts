/**
 * The connector postgres-cdc as the list of connectors has it: its name and options. It is not read by polling: the database
 * follows its stream of transactions (server/cdc), each of which is one tick over all tables.
 */
import { assert } from '../../common/assert.ts';
import type { SourceConnector, SourceReader } from '../connector.ts';
import { POSTGRES_CDC, postgresCdcOptions } from './options.ts';

function unread(): SourceReader {
  assert(false, 'postgres-cdc is followed, not polled');
}

export const postgresCdc: SourceConnector = {
  name: POSTGRES_CDC,
  doc: 'Tables of a PostgreSQL database: their rows, then every committed transaction (logical replication). CREATE SOURCE names the database, CREATE TABLE ... FROM source TABLE follows a table.',
  columnsDoc:
    'A source has no columns; a table takes those of the table that it follows where `*` stands, or declares them.',
  options: postgresCdcOptions,
  formats: ['NATIVE', 'PLAIN JSON', 'DEBEZIUM JSON'],
  appendOnly: false,
  fixedColumns: () => null,
  open: unread,
  currentEnd: () => null,
};
