/** A target for the tests of the `postgres` sink: a PostgreSQL server and configurations of sinks. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { type Column, type DataType, types } from '../../../common/dataType.ts';
import type { Row } from '../../../common/value.ts';
import { checkOptions } from '../../../connector/options.ts';
import { postgresSink } from '../../../connector/postgres/sink.ts';
import type { SinkBatch, SinkChange, SinkConfig, SinkWriter } from '../../../connector/sink.ts';
import { type PostgresServer, postgresBin, startPostgres } from '../../harness/postgres.ts';

export class Target {
  readonly server: PostgresServer;
  readonly url: URL;
  readonly client: pg.Client;

  private constructor(server: PostgresServer) {
    this.server = server;
    this.url = new URL(server.url('postgres'));
    this.client = new pg.Client({ connectionString: server.url('postgres') });
    this.client.on('error', () => {});
  }

  /** Null: there is no PostgreSQL here. */
  static async start(): Promise<Target | null> {
    const bin = postgresBin();
    if (bin === null) return null;
    const target = new Target(await startPostgres(bin));
    await target.client.connect();
    return target;
  }

  get port(): number {
    return Number(this.url.port);
  }

  async run(sql: string): Promise<void> {
    await this.client.query(sql);
  }

  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const result = await this.client.query({ text: sql, rowMode: 'array' });
    return result.rows as unknown[][];
  }

  /** The server dies and comes back; whoever was connected is not any more. */
  async restart(mode: 'immediate' | 'fast'): Promise<Target> {
    const [[data] = []] = await this.rows('SHOW data_directory');
    await this.client.end().catch(() => {});
    const program = join(postgresBin() ?? '', 'pg_ctl');
    const args = ['-D', String(data), '-w', '-m', mode, '-l', join(String(data), '..', 'log'), 'restart'];
    const root = process.getuid?.() === 0;
    const [command, rest] = root ? ['runuser', ['-u', 'postgres', '--', program, ...args]] : [program, args];
    const done = spawnSync(command, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (done.status !== 0) throw new Error(done.stderr);
    const again = new Target(this.server);
    await again.client.connect();
    return again;
  }

  /** The server dies. */
  async down(): Promise<void> {
    await this.client.end().catch(() => {});
    this.server.stop('immediate');
  }

  /** It comes back. */
  async up(): Promise<Target> {
    this.server.start();
    const again = new Target(this.server);
    await again.client.connect();
    return again;
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => {});
    this.server.close();
  }
}

export interface Shape {
  readonly columns: readonly (readonly [name: string, type: DataType])[];
  readonly key: readonly number[] | null;
  readonly format?: SinkConfig['format'];
  readonly identity?: string;
  readonly options: Readonly<Record<string, string>>;
}

export function configOf(port: number, shape: Shape): SinkConfig {
  const base = { host: '127.0.0.1', port: String(port), user: 'root', database: 'postgres' };
  const columns: readonly Column[] = shape.columns.map(([name, type]) => ({ name, type, nullable: true }));
  return {
    identity: shape.identity ?? `sink-${shape.options.table}`,
    name: 's',
    options: checkOptions(postgresSink, new Map(Object.entries({ ...base, ...shape.options }))),
    columns,
    key: shape.key,
    format: shape.format ?? 'UPSERT',
    encode: 'NATIVE',
    encodeOptions: new Map(),
  };
}

export const idAndValue = [['id', types.int4] as const, ['v', types.text] as const];

export const came = (...row: Row): SinkChange => ({ before: null, after: row });
export const went = (...row: Row): SinkChange => ({ before: row, after: null });

export const batchOf = (epoch: number, changes: readonly SinkChange[]): SinkBatch => ({
  epoch: BigInt(epoch),
  at: 0n,
  first: 0,
  changes,
});

/** One transaction of one epoch. */
export async function deliver(
  writer: SinkWriter,
  epoch: number,
  changes: readonly SinkChange[],
): Promise<void> {
  const transaction = await writer.begin(BigInt(epoch));
  try {
    await transaction.write(batchOf(epoch, changes));
    await transaction.prepare(BigInt(epoch));
  } catch (error) {
    await transaction.abort().catch(() => {});
    throw error;
  }
  await transaction.commit();
}
