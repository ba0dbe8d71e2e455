/** on_error of sources, and the limit on bad records. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LetterPlace } from './support.ts';

let place: LetterPlace;

beforeEach(async () => {
  place = await LetterPlace.make();
});

afterEach(() => place.close());

const states = (): Promise<readonly string[]> =>
  place.text('SELECT name, state, paused_reason FROM millrace_catalog.sources ORDER BY name');

describe("on_error = 'null'", () => {
  it('makes the field NULL, says so, and a restart does the same', async () => {
    place.write('a.json', '{"id": 1, "n": "x", "d": "2024-01-01"}\n{"id": 2, "n": 3, "d": "x"}\n');
    await place.run(
      `CREATE SOURCE s (id int, n int, d date) ${place.with("on_error = 'null'")} FORMAT PLAIN ENCODE JSON`,
    );
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT * FROM s');
    await place.poll();
    const rows = ['1 | NULL | 2024-01-01', '2 | 3 | NULL'];
    expect(await place.text('SELECT * FROM v ORDER BY id')).toEqual(rows);
    expect(await place.text('SELECT position, field, outcome FROM millrace_dead.s ORDER BY id')).toEqual([
      '0 | n | nulled',
      '39 | d | nulled',
    ]);
    expect(await place.text('SELECT bad_records, nulled_fields FROM millrace_catalog.dead_letters')).toEqual([
      '0 | 2',
    ]);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    expect(await place.text('SELECT bad_records, nulled_fields FROM millrace_catalog.dead_letters')).toEqual([
      '0 | 2',
    ]);
    await place.run('CREATE MATERIALIZED VIEW w AS SELECT * FROM s');
    expect(await place.text('SELECT * FROM w ORDER BY id')).toEqual(rows);
    expect(await place.command('REPROCESS DEAD LETTERS FROM s')).toEqual(['REPROCESS 0']);
  });
});

describe("on_error = 'fail'", () => {
  it('pauses a source before a record that cannot be decoded; RESUME tries it again', async () => {
    place.write('a.csv', '1\n2\nx\n4\n');
    await place.run(
      `CREATE SOURCE s (id int) ${place.with("on_error = 'fail'")} FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, max(id) AS most FROM s');
    await place.poll();
    const stopped = [
      's | paused | bad record at a.csv:4: invalid input syntax for type integer: "x" (SQLSTATE 22P02)',
    ];
    expect(await place.text('SELECT * FROM v')).toEqual(['2 | 2']);
    expect(await states()).toEqual(stopped);
    await place.run('ALTER SOURCE s RESUME');
    await place.poll();
    expect(await states()).toEqual(stopped);
    await place.restart('again');
    await place.poll();
    expect(await place.text('SELECT * FROM v')).toEqual(['2 | 2']);
    expect(await states()).toEqual(stopped);
    expect(await place.text('SELECT count(*) FROM millrace_dead.s')).toEqual(['0']);
    place.write('a.csv', '1\n2\n3\n4\n');
    await place.run('ALTER SOURCE s RESUME');
    await place.poll();
    expect(await place.text('SELECT * FROM v')).toEqual(['4 | 4']);
    expect(await states()).toEqual(['s | running | NULL']);
  });

  it('pauses a table before a row that it refuses', async () => {
    place.write('a.json', '{"id": 1, "n": 1}\n{"id": 2, "n": 2}\n{"id": 3, "n": 0}\n{"id": 4, "n": 4}\n');
    await place.run(
      `CREATE TABLE t (id int PRIMARY KEY, n int, share int AS 12 / n) ${place.with("on_error = 'fail'")} FORMAT PLAIN ENCODE JSON`,
    );
    await place.poll();
    expect(await place.text('SELECT * FROM t ORDER BY id')).toEqual(['1 | 1 | 12', '2 | 2 | 6']);
    expect(await states()).toEqual(['t | paused | division by zero (SQLSTATE 22012)']);
    await place.restart('again');
    await place.poll();
    expect(await states()).toEqual(['t | paused | division by zero (SQLSTATE 22012)']);
    await place.run("ALTER TABLE t CONNECTOR WITH (on_error = 'skip')");
    await place.poll();
    expect(await place.text('SELECT * FROM t ORDER BY id')).toEqual(['1 | 1 | 12', '2 | 2 | 6', '4 | 4 | 3']);
    expect(await place.text('SELECT position, reason FROM millrace_dead.t')).toEqual([
      '36 | division by zero',
    ]);
  });
});

describe('on_error.max.per.minute', () => {
  it('pauses a source that brings more bad records, until it is resumed', async () => {
    const lines = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => `x${from + i}\n`).join('');
    place.write('a.csv', lines(0, 5));
    await place.run(
      `CREATE TABLE t (id int) ${place.with("on_error.max.per.minute = '10'")} FORMAT PLAIN ENCODE CSV (without_header = 'true')`,
    );
    await place.poll();
    expect(await states()).toEqual(['t | running | NULL']);
    place.append('a.csv', lines(5, 11));
    await place.poll();
    const reason =
      'source "t" has brought more than 10 bad records within a minute (option on_error.max.per.minute) (SQLSTATE 53400)';
    expect(await states()).toEqual([`t | paused | ${reason}`]);
    place.append('a.csv', '1\n');
    await place.poll();
    expect(await place.text('SELECT count(*) FROM t')).toEqual(['0']);
    await place.run('ALTER TABLE t RESUME');
    await place.poll();
    expect(await place.text('SELECT count(*) FROM t')).toEqual(['1']);
    expect(await place.text('SELECT count(*) FROM millrace_dead.t')).toEqual(['11']);
  });
});

describe('options on bad records', () => {
  it.each([
    ["on_error = 'maybe'", '22023', 'invalid value for option "on_error": "maybe"'],
    ["on_error.max.per.minute = '-1'", '22023', 'invalid value for option "on_error.max.per.minute": "-1"'],
    ["dead_letter.retention = 'soon'", '22023', 'invalid value for option "dead_letter.retention": "soon"'],
    ["dead_letter.max.rows = '0'", '22023', 'invalid value for option "dead_letter.max.rows": "0"'],
  ])('%s is refused', async (option, state, message) => {
    const sql = `CREATE SOURCE s (id int) ${place.with(option)} FORMAT PLAIN ENCODE CSV`;
    await expect(place.run(sql)).rejects.toMatchObject({ state, message });
  });

  it('need a connector', async () => {
    await expect(place.run("CREATE TABLE t (id int) WITH (on_error = 'null')")).rejects.toMatchObject({
      state: '22023',
      message: 'option "on_error" needs a connector',
    });
  });

  it('can be changed, but not so that a source which is read again gives other rows', async () => {
    await place.run(`CREATE SOURCE s (id int) ${place.with()} FORMAT PLAIN ENCODE CSV`);
    await place.run('CREATE MATERIALIZED VIEW v AS SELECT * FROM s');
    place.write('a.csv', '1\n');
    await place.poll();
    await place.run("ALTER SOURCE s CONNECTOR WITH (on_error = 'fail', dead_letter.max.rows = '5')");
    expect(await place.text('SELECT on_error FROM millrace_catalog.dead_letters')).toEqual(['fail']);
    await expect(place.run("ALTER SOURCE s CONNECTOR WITH (on_error = 'null')")).rejects.toMatchObject({
      state: '0A000',
    });
    await place.restart('again');
    expect(await place.text('SELECT on_error FROM millrace_catalog.dead_letters')).toEqual(['fail']);
  });
});
