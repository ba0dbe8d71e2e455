/** INCLUDE of files: the record's place and text, the same after a restart, for later views and for dead letters. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LetterPlace } from './deadLetters/support.ts';
import { stateOf } from './journal/support.ts';

let place: LetterPlace;

beforeEach(async () => {
  place = await LetterPlace.make();
});

afterEach(() => place.close());

const rows = [
  'a.json | 0 | {"n": 1} | 1',
  'a.json | 9 | {"n": 2} | 2',
  'b.json | 0 | {"n": 3} | 3',
  'b.json | 9 | {"n": 40} | 40',
];

describe('INCLUDE of a file source', () => {
  it('has the place and the text of each record, also when it is read again', async () => {
    place.write('a.json', '{"n": 1}\n{"n": 2}\n');
    place.write('b.json', '{"n": 3}\n');
    await place.run(
      `CREATE SOURCE s (n int) INCLUDE file INCLUDE offset INCLUDE payload ${place.with()} FORMAT PLAIN ENCODE JSON`,
    );
    const all = 'SELECT _rw_posix_fs_file, _rw_posix_fs_offset, _rw_posix_fs_payload, n FROM';
    expect(await place.text(`${all} s ORDER BY n`)).toEqual(rows.slice(0, 3));
    await place.run(`CREATE MATERIALIZED VIEW v AS ${all} s`);
    await place.poll();
    place.append('b.json', '{"n": 40}\n');
    await place.poll();
    expect(await place.text('SELECT * FROM v ORDER BY n')).toEqual(rows);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    await place.run(`CREATE MATERIALIZED VIEW w AS ${all} s`);
    expect(await place.text('SELECT * FROM w ORDER BY n')).toEqual(rows);
    expect((await place.text('SHOW CREATE SOURCE s')).join()).toMatch(/INCLUDE file/i);
  });

  it('is a key of a table, with types and names of its own, and for letters that are decoded again', async () => {
    place.write('a.csv', 'n,t\n1,x\n2,y\n1,z\n?,u\n');
    await place.run(
      `CREATE TABLE t (n int, t text, PRIMARY KEY (file, at))
       INCLUDE file AS file INCLUDE offset bigint AS at ${place.with()} FORMAT PLAIN ENCODE CSV (without_header = 'false')`,
    );
    await place.poll();
    const all = 'SELECT file, at, n, t FROM t ORDER BY at';
    const read = ['a.csv | 4 | 1 | x', 'a.csv | 8 | 2 | y', 'a.csv | 12 | 1 | z'];
    expect(await place.text(all)).toEqual(read);
    const { before, after } = await place.restart('again');
    expect(after).toEqual(before);
    expect(await place.text('SELECT partition, position FROM millrace_dead.t')).toEqual(['a.csv | 16']);
    await place.run("ALTER TABLE t CONNECTOR WITH (on_error = 'null')");
    await place.run('REPROCESS DEAD LETTERS FROM t');
    expect(await place.text(all)).toEqual([...read, 'a.csv | 16 | NULL | u']);
  });

  it('says what it cannot be', async () => {
    const declare = (include: string, encode: string): Promise<string> =>
      stateOf(place.run(`CREATE SOURCE x (n int) ${include} ${place.with()} FORMAT PLAIN ENCODE ${encode}`));
    expect(await declare('INCLUDE key', 'JSON')).toBe('0A000');
    expect(await declare('INCLUDE payload', 'PARQUET')).toBe('0A000');
    expect(await stateOf(place.run('CREATE TABLE x (n int) INCLUDE file'))).toBe('0A000');
    expect(await stateOf(place.run("CREATE SOURCE x INCLUDE a WITH (connector = 'datagen')"))).not.toBe(
      'done',
    );
    // A field that is not of its column's type is a bad record, as others are.
    place.write('a.json', '{"n": 1}\n');
    await place.run(`CREATE TABLE y (n int) INCLUDE file int AS f ${place.with()} FORMAT PLAIN ENCODE JSON`);
    await place.poll();
    expect(await place.text('SELECT count(*) FROM y')).toEqual(['0']);
    expect(await place.text('SELECT reason FROM millrace_dead.y')).toEqual([
      'invalid input syntax for type integer: "a.json"',
    ]);
  });
});
