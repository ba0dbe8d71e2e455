/** Parquet files and compressed ones, read back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { createDatabase, localSession } from '../../../server/serve.ts';
import type { Session } from '../../../server/session.ts';
import { SinkDelivery } from '../../../server/sinks/delivery.ts';

let directory: string;
let database: ReturnType<typeof createDatabase>;
let session: Session;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-parts-'));
  database = createDatabase();
  session = localSession(database);
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true });
});

/** Makes a sink over the query and delivers; gives the bytes of its only part, and its name. */
async function written(query: string, clause: string, options = ''): Promise<readonly [string, Buffer]> {
  const path = join(directory, 'out');
  await session.run(
    `CREATE SINK s AS ${query} WITH (connector = 'file', path = '${path}', force_append_only = true ${options}) ${clause}`,
  );
  const delivery = new SinkDelivery(database, must(database.sinks.list()[0]));
  expect(await delivery.step(true), String(delivery.sink.runtime.reason)).toBe('delivered');
  await delivery.close();
  const [part = ''] = readdirSync(path).filter((name) => name.startsWith('part-'));
  return [part, readFileSync(join(path, part))];
}

const exactly = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer;

describe('file sink', () => {
  it('writes Parquet with every type', async () => {
    await session.run(`CREATE TABLE t (id int PRIMARY KEY, b bool, i2 smallint, i8 bigint, f4 real, f8 double precision,
      n numeric, d numeric(20, 3), s text, day date, tm time, ts timestamp, tz timestamptz, by bytea, u uuid, j jsonb,
      a int[], iv interval)`);
    await session.run(`INSERT INTO t VALUES
      (1, true, -5, 9007199254740993, 1.5, 2.25, 123456789012345678901234567890.5, -12345678901.125, 'ä',
       '2024-02-29', '12:34:56.789012', '2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.000001+00', '\\x00ff',
       '00112233-4455-6677-8899-aabbccddeeff', '{"a": [1, 2]}', '{1,NULL,3}', '1 day'),
      (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
    const [name, bytes] = await written('SELECT * FROM t', 'FORMAT PLAIN ENCODE PARQUET');
    expect(name).toMatch(/^part-\d+-\d+\.parquet$/);
    const file = exactly(bytes);
    const found = await parquetReadObjects({
      file,
      compressors,
      parsers: {
        timestampFromMilliseconds: (v: bigint) => v,
        timestampFromMicroseconds: (v: bigint) => v,
        timestampFromNanoseconds: (v: bigint) => v,
        dateFromDays: (v: number) => v,
        stringFromBytes: (b: Uint8Array) => new TextDecoder().decode(b),
        uuidFromBytes: (b: Uint8Array) => Buffer.from(b).toString('hex'),
      } as never,
    });
    const rows = [...found].sort((x, y) => Number(x.id) - Number(y.id));
    expect(rows[0]).toMatchObject({
      id: 1,
      b: true,
      i2: -5,
      i8: 9007199254740993n,
      f4: 1.5,
      f8: 2.25,
      n: '123456789012345678901234567890.5',
      s: 'ä',
      day: 19782,
      ts: 1704067200000001n,
      tz: 1704067200000001n,
      tm: 45296789012n,
      iv: '1 day',
    });
    expect(Number(rows[0]?.d)).toBeCloseTo(-12345678901.125);
    expect(rows[0]).toMatchObject({ j: '{"a": [1, 2]}', a: [1, null, 3], u: expect.anything() });
    expect(Object.values(rows[1] ?? {}).filter((v) => v !== null && v !== undefined)).toEqual([2]);
    const { schema } = parquetMetadata(file);
    expect(schema.find((e) => e.name === 'j')?.logical_type).toEqual({ type: 'JSON' });
    expect(schema.find((e) => e.name === 'd')).toMatchObject({
      converted_type: 'DECIMAL',
      precision: 20,
      scale: 3,
    });
    expect(schema.find((e) => e.name === 'tz')?.logical_type).toMatchObject({
      isAdjustedToUTC: true,
      unit: 'MICROS',
    });
    expect(schema.find((e) => e.name === 'ts')?.logical_type).toMatchObject({
      isAdjustedToUTC: false,
      unit: 'MICROS',
    });
  });

  it.each(['snappy', 'gzip', 'none'])('writes row groups, compressed: %s', async (compression) => {
    await session.run('CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 2500) g');
    const clause = `FORMAT PLAIN ENCODE PARQUET (compression = '${compression}', row_group_rows = 1000)`;
    const [, bytes] = await written('SELECT n FROM t', clause);
    const file = exactly(bytes);
    expect(parquetMetadata(file).row_groups.map((g) => Number(g.num_rows))).toEqual([1000, 1000, 500]);
    const rows = await parquetReadObjects({ file, compressors });
    const sum = rows.reduce((total, { n }) => total + Number(n), 0);
    expect([rows.length, sum]).toEqual([2500, 3126250]);
  });

  it('refuses what Parquet cannot say', async () => {
    await session.run("CREATE TABLE t AS SELECT 'infinity'::timestamp AS at");
    await expect(written('SELECT at FROM t', 'FORMAT PLAIN ENCODE PARQUET')).rejects.toThrow(/infinity/);
  });

  it('compresses lines', async () => {
    await session.run('CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 3) g');
    const [name, bytes] = await written(
      'SELECT n FROM t',
      'FORMAT PLAIN ENCODE JSON',
      ", compression = 'gzip'",
    );
    expect(name).toMatch(/\.ndjson\.gz$/);
    expect(gunzipSync(bytes).toString()).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  });
});
