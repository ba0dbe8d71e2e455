/** Records that a source cannot use become dead letters: once, whatever happens to the server, and not without bound. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LetterPlace } from './support.ts';

let place: LetterPlace;

beforeEach(async () => {
  place = await LetterPlace.make();
});

afterEach(() => place.close());

const letters = (name: string): Promise<readonly string[]> =>
  place.text(
    `SELECT partition, position, convert_from(value, 'UTF8'), reason, sqlstate, field, outcome, attempts FROM millrace_dead.${name} ORDER BY id`,
  );

describe('dead letters', () => {
  it('hold the record, where it was and why it could not be used', async () => {
    place.write(
      'a.json',
      '{"id": 1, "name": "one"}\nnot json\n{"id": "six", "name": "x"}\n{"id": 2, "name": "two"}\n',
    );
    await place.run(`CREATE SOURCE s (id int, name text) ${place.with()} FORMAT PLAIN ENCODE JSON`);
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT * FROM s');
    await place.run(
      'CREATE MATERIALIZED VIEW reasons AS SELECT sqlstate, count(*) FROM millrace_dead.s GROUP BY sqlstate',
    );
    await place.poll();
    expect(await place.text('SELECT * FROM v ORDER BY id')).toEqual(['1 | one', '2 | two']);
    expect(await letters('s')).toEqual([
      'a.json | 25 | not json | invalid input syntax for type json | 22P02 | NULL | skipped | 1',
      'a.json | 34 | {"id": "six", "name": "x"} | field "id": invalid input syntax for type integer: "six" | 22P02 | id | skipped | 1',
    ]);
    expect(await place.text('SELECT * FROM reasons')).toEqual(['22P02 | 2']);
    expect(await place.text('SELECT position, raw, sqlstate FROM millrace_catalog.source_errors')).toEqual([
      'a.json:25 | not json | 22P02',
      'a.json:34 | {"id": "six", "name": "x"} | 22P02',
    ]);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    place.append('a.json', 'neither\n');
    await place.poll();
    expect(await letters('s')).toHaveLength(3);
  });

  it('of a table hold rows that it refuses, with their records', async () => {
    place.write('a.json', '{"id": 1, "n": 1}\n{"id": null, "n": 2}\n{"id": 1, "n": 3}\n{"id": 4, "n": 0}\n');
    await place.run(
      `CREATE TABLE t (id int PRIMARY KEY, n int, share int AS 12 / n) ON CONFLICT DO NOTHING ${place.with()} FORMAT PLAIN ENCODE JSON`,
    );
    await place.poll();
    expect(await place.text('SELECT * FROM t ORDER BY id')).toEqual(['1 | 1 | 12']);
    expect(await letters('t')).toEqual([
      'a.json | 18 | {"id": null, "n": 2} | null value in column "id" of relation "t" violates not-null constraint | 23502 | id | skipped | 1',
      'a.json | 57 | {"id": 4, "n": 0} | division by zero | 22012 | NULL | skipped | 1',
    ]);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
  });

  it('are bounded in number and age, and counted', async () => {
    place.write('a.csv', Array.from({ length: 25 }, (_, i) => `x${i}\n`).join(''));
    await place.run(
      `CREATE TABLE t (id int) ${place.with("dead_letter.max.rows = '10', dead_letter.retention = '1 hour'")} FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await place.poll();
    const counts = (): Promise<readonly string[]> =>
      place.text('SELECT relation, bad_records, retained, dropped FROM millrace_catalog.dead_letters');
    expect(await counts()).toEqual(['millrace_dead.t | 25 | 10 | 15']);
    expect(await place.text("SELECT min(convert_from(value, 'UTF8')) FROM millrace_dead.t")).toEqual(['x15']);
    await place.restart('again');
    expect(await counts()).toEqual(['millrace_dead.t | 25 | 10 | 15']);
    await place.run("SET millrace.clock = '2024-01-01 00:01:00+00'");
    await place.run("ADVANCE CLOCK BY INTERVAL '2 hours'");
    expect(await counts()).toEqual(['millrace_dead.t | 25 | 0 | 25']);
  });

  it('go with their owner and follow its name, and nobody else writes them', async () => {
    place.write('a.csv', 'x\n');
    await place.run(`CREATE TABLE t (id int) ${place.with()} FORMAT PLAIN ENCODE CSV`);
    await place.poll();
    await place.run('ALTER TABLE t RENAME TO u');
    expect(await letters('u')).toHaveLength(1);
    await expect(place.run('DELETE FROM millrace_dead.u')).rejects.toMatchObject({ state: '42809' });
    await expect(place.run('DROP TABLE millrace_dead.u')).rejects.toMatchObject({ state: '2BP01' });
    await place.restart('again');
    expect(await letters('u')).toHaveLength(1);
    await place.run('DROP TABLE u');
    await expect(letters('u')).rejects.toMatchObject({ state: '42P01' });
  });
});

describe('drift', () => {
  const drift = (): Promise<readonly string[]> =>
    place.text('SELECT field, kind, count, sample FROM millrace_catalog.source_drift ORDER BY kind, field');

  it('is counted by field, over restarts', async () => {
    place.write(
      'a.json',
      '{"id": 1, "extra": [1]}\n{"id": "x", "name": "n"}\n{"id": 3, "extra": 2, "name": "m"}\n',
    );
    await place.run(`CREATE SOURCE s (id int, name text) ${place.with()} FORMAT PLAIN ENCODE JSON`);
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT * FROM s');
    await place.poll();
    const expected = [
      'name | missing field | 1 | NULL',
      'id | type changed | 1 | "x"',
      'extra | unknown field | 2 | [1]',
    ];
    expect(await drift()).toEqual(expected);
    await place.restart('again');
    expect(await drift()).toEqual(expected);
  });

  it('of files with a header is told once a file', async () => {
    place.write('a.csv', 'id,extra\n1,a\n2,b\n');
    await place.run(
      `CREATE TABLE t (id int, name text) ${place.with()} FORMAT PLAIN ENCODE CSV (without_header = 'false')`,
    );
    await place.poll();
    const expected = ['name | missing field | 1 | NULL', 'extra | unknown field | 1 | NULL'];
    expect(await drift()).toEqual(expected);
    await place.restart('again');
    place.append('a.csv', '3,c\n');
    await place.poll();
    expect(await drift()).toEqual(expected);
    expect(await place.text('SELECT count(*) FROM t')).toEqual(['3']);
  });
});
