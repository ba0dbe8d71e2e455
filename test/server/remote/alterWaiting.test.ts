/**
 * ALTER ... ADD | DROP COLUMN of relations whose server sends again what was not acknowledged: the reader stays open, and what it
 * had decoded is completed.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../journal/support.ts';
import { generator } from '../time/random.ts';
import { Broker, closeRemote, type OpenedRemote, openRemote, rowsOf, settle } from './support.ts';

let place: ReturnType<typeof temporaryDirectory>;
let broker: Broker;
let opened: OpenedRemote;

beforeEach(async () => {
  place = temporaryDirectory('remote-alter-waiting');
  broker = new Broker();
  broker.create('t');
  Object.assign(broker.connector, { waitsForAcknowledgements: true });
  opened = await openRemote(broker, `${place.path}/data`);
});

afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);

/** The reader decodes what there is, and nobody takes it. */
async function decode(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const WITH = "WITH (connector = 'memory', topic = 't') FORMAT PLAIN ENCODE JSON";

describe('a reader that stays open', () => {
  it('has its blocks completed, and decodes the new columns from then on', async () => {
    await run(
      `CREATE SOURCE s (a int, b text, twice int GENERATED ALWAYS AS (a * 2) STORED) INCLUDE offset AS o ${WITH}`,
    );
    broker.json('t', [{ a: 1, b: 'one', c: 1 }]);
    await settle(opened);
    broker.json('t', [{ a: 2, b: 'zwölf', c: 2 }]);
    await decode();
    await run(
      'ALTER SOURCE s ADD COLUMN c int DEFAULT 7, ADD COLUMN more int GENERATED ALWAYS AS (a + 100) STORED',
    );
    await run('ALTER SOURCE s DROP COLUMN b');
    broker.json('t', [{ a: 3, b: 'drei', c: 3 }]);
    await decode();
    await run('ALTER SOURCE s RENAME COLUMN c TO d');
    broker.json('t', [{ a: 4, c: 4, d: 40 }]);
    await settle(opened);
    expect(await run('SELECT a, twice, d, more, o FROM s ORDER BY a')).toEqual([
      '1 | 2 | 7 | 101 | 0',
      '2 | 4 | 7 | 102 | 1',
      '3 | 6 | 3 | 103 | 2',
      '4 | 8 | 40 | 104 | 3',
    ]);
    expect(broker.opened).toBe(1);
    // Values of another type cannot be completed.
    await run('ALTER SOURCE s ALTER COLUMN d TYPE text');
    broker.json('t', [{ a: 5, d: 'five' }]);
    await settle(opened);
    expect(await run('SELECT d FROM s WHERE a > 3 ORDER BY a')).toEqual(['40', 'five']);
    expect(broker.opened).toBe(2);
  });

  it('has removals completed', async () => {
    await run(
      `CREATE TABLE t (n int, id int PRIMARY KEY) WITH (connector = 'memory', topic = 't') FORMAT UPSERT ENCODE JSON`,
    );
    const send = (id: number, value: object | null): void =>
      broker.send('t', [
        { key: JSON.stringify({ id }), value: value === null ? null : JSON.stringify({ id, ...value }) },
      ]);
    send(1, { n: 1 });
    send(2, { n: 2 });
    await settle(opened);
    send(1, null);
    send(3, { n: 3, m: 3 });
    await decode();
    await run('ALTER TABLE t ADD COLUMN m int, DROP COLUMN n');
    send(4, { n: 4, m: 4 });
    await settle(opened);
    expect(await run('SELECT * FROM t ORDER BY id')).toEqual(['2 | NULL', '3 | NULL', '4 | 4']);
    expect(broker.opened).toBe(1);
  });

  it('loses nothing and takes nothing twice, whenever columns change', async () => {
    const random = generator(7);
    await run(`CREATE SOURCE s (a int) ${WITH}`);
    await run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, sum(a) AS a FROM s');
    const columns: string[] = [];
    let sent = 0;
    for (let step = 0; step < 60; step++) {
      for (let i = random(5); i > 0; i--, sent++) {
        broker.json('t', [{ a: sent, c0: sent, c1: sent, c2: sent }], sent % 2);
      }
      for (let turn = random(3); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      if (random(3) === 0) await opened.database.pollSources();
      if (random(4) > 0) continue;
      const column = `c${random(3)}`;
      if (columns.includes(column)) {
        await run(`ALTER SOURCE s DROP COLUMN ${column}`);
        columns.splice(columns.indexOf(column), 1);
      } else {
        await run(`ALTER SOURCE s ADD COLUMN ${column} int`);
        columns.push(column);
      }
    }
    await settle(opened);
    broker.json('t', [{ a: sent, c0: sent, c1: sent, c2: sent }]);
    sent++;
    await settle(opened);
    const numbers = Array.from({ length: sent }, (_, n) => n);
    expect(await run('SELECT a FROM s ORDER BY a')).toEqual(numbers.map(String));
    expect(await run('SELECT * FROM v')).toEqual([`${sent} | ${numbers.reduce((x, y) => x + y, 0)}`]);
    for (const column of columns) {
      expect(await run(`SELECT a FROM s WHERE ${column} <> a`)).toEqual([]);
      expect(await run(`SELECT count(*) > 0 FROM s WHERE ${column} = a`)).toEqual(['t']);
    }
    expect(broker.opened).toBe(1);
  });
});
