/** The same queries over the same rows in PostgreSQL: text for text, also after updates and deletes. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventTables, eventTypes, nexmarkRows } from '../../bench/support/nexmarkEvents.ts';
import { queryNames, queryText, tableStatements } from '../../bench/support/nexmarkQueries.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../harness/postgres.ts';
import { asPostgres, createViews, type Engine, engineWith, lines, literalRow, textOf } from './harness.ts';

const EVENTS = 3000;
const bin = postgresBin();

/** Statements that change rows that the queries have seen, in ways that move rows between groups and windows. */
const changes: readonly string[] = [
  'UPDATE bid SET price = price + 100000 WHERE bidder % 7 = 1',
  "UPDATE bid SET date_time = date_time + interval '2 seconds' WHERE auction % 5 = 2",
  'DELETE FROM bid WHERE price % 3 = 1',
  'UPDATE auction SET category = 10 WHERE id % 4 = 0',
  "UPDATE auction SET expires = expires + interval '1 second' WHERE seller % 2 = 0",
  'DELETE FROM auction WHERE id % 9 = 5',
  "UPDATE person SET state = 'or' WHERE id % 3 = 0",
  'DELETE FROM person WHERE id % 8 = 3',
  "UPDATE bid SET channel = 'apple' WHERE bidder % 11 = 4",
  'DELETE FROM bid WHERE auction % 2 = 0',
];

describe.runIf(bin !== null)('nexmark tables against PostgreSQL', () => {
  let server: PostgresServer;
  let client: pg.Client;
  let engine: Engine;

  const compare = async (): Promise<void> => {
    for (const name of queryNames()) {
      const answer = await client.query({
        text: asPostgres(queryText(name)),
        rowMode: 'array',
        types: { getTypeParser: () => (value: string) => value },
      });
      const expected = (answer.rows as (readonly (string | null)[])[])
        .map((row) => JSON.stringify(row))
        .sort();
      expect(await lines(engine, `SELECT * FROM ${name}`), name).toEqual(expected);
    }
  };

  beforeAll(async () => {
    server = await startPostgres(bin ?? '');
    client = new pg.Client({ connectionString: await server.createDatabase('nexmark') });
    await client.connect();
    await client.query(tableStatements());
    engine = await engineWith(tableStatements());
    await createViews(engine);
    const rows = [...nexmarkRows(EVENTS)];
    for (const table of eventTables) {
      const own = rows.flatMap((r) => (r.table === table ? [r.row] : []));
      const types = eventTypes(table);
      const text = own.map(
        (row) => `${types.map((t, i) => textOf(row[i] ?? null, t) ?? '\\N').join('\t')}\n`,
      );
      await pipeline(Readable.from(text), client.query(copyFrom(`COPY ${table} FROM STDIN`)));
    }
    // In the order of the events, a hundred to a transaction.
    for (let at = 0; at < rows.length; at += 100) {
      for (const table of eventTables) {
        const values = rows
          .slice(at, at + 100)
          .flatMap((r) => (r.table === table ? [literalRow(table, r.row)] : []));
        if (values.length > 0) await engine.session.run(`INSERT INTO ${table} VALUES ${values.join(', ')}`);
      }
    }
  });

  afterAll(async () => {
    await client?.end();
    server?.close();
  });

  it('agrees after the inserts', compare);

  it('agrees after every update and delete', async () => {
    for (const change of changes) {
      await client.query(change);
      await engine.session.run(change);
      await compare();
    }
  });

  it('agrees when everything is gone', async () => {
    for (const table of eventTables) {
      await client.query(`DELETE FROM ${table}`);
      await engine.session.run(`DELETE FROM ${table}`);
    }
    await compare();
  });
});
