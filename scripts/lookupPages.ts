/** docs/sql/lookups.md: process-time joins with rows of other servers, with each connector's options from its definition. */
import type { LookupConnector } from '../connector/lookup.ts';
import { lookupConnectors } from '../connector/lookups.ts';
import { lookupOptions } from '../server/lookup/options.ts';
import { optionTable } from './referencePages.ts';

function connectorSection({ name, doc, options }: LookupConnector): string {
  return [`## ${name}`, doc, optionTable(options)].join('\n\n');
}

export function lookupsPage(): string {
  return `${[
    '# Lookups',
    'The tables of options are written from their definitions by `scripts/writeReference.ts`.',
    [
      '```sql',
      'CREATE TABLE customers (id int PRIMARY KEY, name text, tier text)',
      "WITH (connector = 'postgres-lookup', host = '...', user = '...', database = '...', table = 'customers');",
      '',
      'CREATE MATERIALIZED VIEW enriched AS',
      'SELECT o.id, o.amount, c.name, c.tier',
      'FROM orders AS o LEFT JOIN customers FOR SYSTEM_TIME AS OF PROCTIME() AS c ON c.id = o.customer;',
      '```',
    ].join('\n'),
    'A lookup table stands for rows of another server that are found by their primary key. A process-time join in a view asks for the key of each row that comes, and joins the row with what the other server has by then; later changes there do not change what has been joined. Whatever may be looked up stays where it is: only keys that rows ask for are fetched.',
    'Rows wait while their keys are asked for, and only they: everything else goes on. Keys are asked for together (`lookup.batch.rows`), an answer is kept for `cache.ttl`, and a key without a row is an answer too. When the other server does not answer, it is asked again after 0.1 seconds at first, then ever longer, half a minute at most. Answers are in the journal like any commit: a restart joins again with the same rows, without asking, and asks for what rows still wait for. A row that is taken back takes its result with it.',
    '`SELECT * FROM customers` shows what is kept now. `millrace_catalog.lookups` says how many keys wait, are asked for and are kept, what came of them, how long the last answer took, and the last error. An answer that cannot be a row of the table (a value that does not fit its column, NULL in a NOT NULL column) counts as `unusable` there, with its reason as the last error, and joins like a key without a row.',
    'The join needs an equality for each column of the primary key, whose type the other side has (cast a wider one); further conditions may follow. Columns of the result have no watermark, since rows that have waited come later than others. A lookup table can be used in no other way in a view, a lookup join not outside of one, nobody but the server writes to it, and its rows are not part of backups of the other server: a view that has to be built again asks again.',
    '## Options of every lookup table',
    optionTable(lookupOptions),
    ...lookupConnectors.map(connectorSection),
  ].join('\n\n')}\n`;
}
