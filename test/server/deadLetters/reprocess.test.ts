/** REPROCESS DEAD LETTERS: what can be used now comes in, once; what still cannot says why. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import type { Row } from '../../../common/value.ts';
import { deadRelationOf } from '../../../server/deadLetters/deadRelation.ts';
import type { DecodedLetter } from '../../../server/deadLetters/decodeAgain.ts';
import { reprocess } from '../../../server/deadLetters/reprocess.ts';
import { lateStoreOf } from '../../../server/time/lateStore.ts';
import { LetterPlace } from './support.ts';

let place: LetterPlace;

beforeEach(async () => {
  place = await LetterPlace.make();
});

afterEach(() => place.close());

/** The letters of a relation with these rows for what they decode to. */
function decodedAs(name: string, rows: readonly Row[]): readonly DecodedLetter[] {
  const { catalog } = place.opened.database;
  const owner = must(catalog.find('public', name, []));
  const relation = must(deadRelationOf(place.opened.database, owner.id));
  return [...lateStoreOf(relation).rows()].map((letter, i) => {
    const changes = [{ row: must(rows[i]), removes: false }];
    return { letter, changes, partition: '0', failure: null, nulled: [] };
  });
}

describe('REPROCESS DEAD LETTERS', () => {
  it('brings rows into a source at their time of now: some are late, and later views see the same', async () => {
    const { database } = place.opened;
    place.write('a.json', '{"id": 1, "at": "2024-01-01 10:00"}\n{"id": "x"}\n{"id": "y"}\n{"id": "z"}\n');
    await place.run(
      `CREATE SOURCE s (id int, at timestamp, n int AS 12 / id, WATERMARK FOR at AS at - INTERVAL '1 minute') ${place.with()} FORMAT PLAIN ENCODE JSON`,
    );
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT id, n FROM s');
    await place.poll();
    const source = must(database.catalog.find('public', 's', []));
    const at = (hours: number): bigint => 1_704_067_200_000_000n + BigInt(hours) * 3_600_000_000n;
    const decoded = decodedAs('s', [
      [2, at(11)],
      [0, at(11)],
      [4, at(1)],
    ]);
    const result = await database.exclusive(() =>
      source.kind === 'source' ? reprocess(database, source, decoded) : null,
    );
    expect(result).toMatchObject({ done: 2, failed: 1 });
    const rows = ['1 | 12', '2 | 6'];
    expect(await place.text('SELECT * FROM v ORDER BY id')).toEqual(rows);
    expect(await place.text('SELECT id, late_reason FROM millrace_late.s')).toEqual(['4 | late']);
    expect(await place.text('SELECT reason, attempts FROM millrace_dead.s')).toEqual([
      'division by zero | 2',
    ]);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    await place.run('CREATE MATERIALIZED VIEW w AS SELECT id, n FROM s');
    expect(await place.text('SELECT * FROM w ORDER BY id')).toEqual(rows);
  });

  it('admits to a table with a watermark what is not late', async () => {
    place.write('a.csv', '1,2024-01-01 10:00\nx,2024-01-01 01:00\ny,2024-01-01 11:00\n');
    await place.run(
      `CREATE TABLE t (id int, at timestamp, WATERMARK FOR at AS at - INTERVAL '1 minute') APPEND ONLY ${place.with()} FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await place.poll();
    await place.run("ALTER TABLE t CONNECTOR WITH (on_error = 'null')");
    expect(await place.command('REPROCESS DEAD LETTERS FROM t')).toEqual(['REPROCESS 2']);
    expect(await place.text('SELECT id, at FROM t ORDER BY at')).toEqual([
      '1 | 2024-01-01 10:00:00',
      'NULL | 2024-01-01 11:00:00',
    ]);
    expect(await place.text('SELECT at FROM millrace_late.t')).toEqual(['2024-01-01 01:00:00']);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
  });

  it('counts attempts that come to nothing', async () => {
    place.write('a.json', '{"id": 1, "n": 2}\n{"id": 2, "n": 0}\n{"id": 3, "n": 0}\nno\n');
    await place.run('CREATE FUNCTION share(n int) RETURNS int LANGUAGE sql AS $$ SELECT 12 / n $$');
    await place.run(
      `CREATE SOURCE s (id int, n int, part int AS share(n)) ${place.with()} FORMAT PLAIN ENCODE JSON`,
    );
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT id, part FROM s');
    await place.poll();
    expect(await place.text('SELECT * FROM v')).toEqual(['1 | 6']);
    const failing = await place.command('REPROCESS DEAD LETTERS FROM s');
    expect(failing).toEqual([
      'NOTICE 3 dead letters still cannot be used: The first: invalid input syntax for type json (SQLSTATE 22P02).',
      'REPROCESS 0',
    ]);
    expect(await place.text('SELECT DISTINCT attempts FROM millrace_dead.s')).toEqual(['2']);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
  });

  it('applies a table as it is now, one tick for all', async () => {
    place.write(
      'a.json',
      '{"id": 1, "n": 1}\n{"id": "2", "n": "x"}\n{"id": 3, "n": "4"}\n{"id": 1, "n": 7}\n',
    );
    await place.run(
      `CREATE TABLE t (id int PRIMARY KEY, n int) ON CONFLICT DO UPDATE FULL ${place.with("on_error = 'skip'")} FORMAT PLAIN ENCODE JSON`,
    );
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS c, sum(n) AS s FROM t');
    await place.poll();
    expect(await place.text('SELECT * FROM v')).toEqual(['2 | 11']);
    await place.run("ALTER TABLE t CONNECTOR WITH (on_error = 'null')");
    expect(await place.command("REPROCESS DEAD LETTERS FROM t WHERE field = 'none'")).toEqual([
      'REPROCESS 0',
    ]);
    expect(await place.command("REPROCESS DEAD LETTERS FROM t WHERE field = 'n'")).toEqual(['REPROCESS 1']);
    expect(await place.text('SELECT * FROM t ORDER BY id')).toEqual(['1 | 7', '2 | NULL', '3 | 4']);
    expect(await place.text('SELECT field, outcome, attempts FROM millrace_dead.t')).toEqual([
      'n | nulled | 2',
    ]);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    expect(await place.command('REPROCESS DEAD LETTERS FROM t')).toEqual(['REPROCESS 0']);
  });

  it('has the row where the table refused it', async () => {
    place.write('a.csv', 'at,id\n2024-01-01 00:00,1\n2024-01-01 00:00,x\n2024-01-01 09:00,3\n');
    await place.run(
      `CREATE TABLE t (id text, at timestamp, n int AS id::int, WATERMARK FOR at AS at - INTERVAL '1 minute') APPEND ONLY ${place.with()} FORMAT PLAIN ENCODE CSV (without_header = 'false')`,
    );
    await place.poll();
    expect(await place.text('SELECT id FROM t ORDER BY id')).toEqual(['1', '3']);
    expect(await place.text('SELECT "row"->>\'id\', value IS NULL FROM millrace_dead.t')).toEqual(['x | f']);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
  });

  it('leaves letters that another statement has taken', async () => {
    place.write('a.csv', 'x\n');
    await place.run(
      `CREATE TABLE t (id int) ${place.with()} FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await place.poll();
    await place.run("ALTER TABLE t CONNECTOR WITH (on_error = 'null')");
    const tags = await Promise.all([1, 2].map(() => place.command('REPROCESS DEAD LETTERS FROM t')));
    expect(tags.flat().sort()).toEqual(['REPROCESS 0', 'REPROCESS 1']);
    expect(await place.text('SELECT count(*) FROM t')).toEqual(['1']);
  });

  it('is refused where there are none to have', async () => {
    await place.run('CREATE TABLE t (id int)');
    await expect(place.run('REPROCESS DEAD LETTERS FROM t')).rejects.toMatchObject({
      state: '55000',
      message: 'relation "t" has no dead letters',
    });
    await expect(place.run('BEGIN; REPROCESS DEAD LETTERS FROM t')).rejects.toMatchObject({ state: '25001' });
  });
});
