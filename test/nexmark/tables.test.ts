/** Nexmark over tables: views follow random inserts, updates and deletes, and hold no state when all rows are gone. */
import { expect, it } from 'vitest';
import { eventTables, nexmarkRows } from '../../bench/support/nexmarkEvents.ts';
import { queryNames, queryText, tableStatements } from '../../bench/support/nexmarkQueries.ts';
import { createViews, engineWith, lines, literalRow } from './harness.ts';

const EVENTS = 1200;
const STEP = 300;

it('follows changes and forgets deleted rows', async () => {
  const engine = await engineWith(tableStatements());
  await createViews(engine);
  const check = async (): Promise<void> => {
    for (const name of queryNames())
      expect(await lines(engine, `SELECT * FROM ${name}`), name).toEqual(
        await lines(engine, queryText(name)),
      );
  };
  const rows = [...nexmarkRows(EVENTS)];
  for (let at = 0; at < rows.length; at += STEP) {
    for (const table of eventTables) {
      const values = rows
        .slice(at, at + STEP)
        .flatMap((r) => (r.table === table ? [literalRow(table, r.row)] : []));
      await engine.session.run(`INSERT INTO ${table} VALUES ${values.join(', ')}`);
    }
    const k = at / STEP;
    await engine.session.run(`
      BEGIN;
      UPDATE bid SET price = price * 2, bidder = bidder + 1 WHERE auction % 6 = ${k};
      DELETE FROM bid WHERE bidder % 13 = ${k};
      UPDATE auction SET category = 10 + (category + 1) % 5 WHERE id % 7 = ${k};
      UPDATE person SET state = 'ca' WHERE id % 5 = ${k};
      DELETE FROM auction WHERE id % 17 = ${k};
      COMMIT`);
    await check();
  }
  for (const table of [...eventTables, 'side_input']) await engine.session.run(`DELETE FROM ${table}`);
  for (const name of queryNames())
    expect(await lines(engine, `SELECT * FROM ${name}`), name).toEqual(name === 'q106' ? ['[null]'] : []);
  for (const object of engine.database.catalog.objects()) {
    if (object.kind !== 'materialized view') continue;
    const held = [...object.nodes].map((n) => [n.name, n.operator?.stateRows() ?? 0] as const);
    // The row of an aggregate without groups stays.
    const global = object.name === 'q102' || object.name === 'q106' ? 1 : 0;
    const rowsHeld = held.filter(([name]) => !name.startsWith('MaterializedView'));
    expect(
      rowsHeld.filter(([, n]) => n > global),
      object.name,
    ).toEqual([]);
  }
});
