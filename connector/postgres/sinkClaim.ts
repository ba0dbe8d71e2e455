/**
 * Whose turn it is: `millrace_sink_commits`, in the schema of the target, has a row for each sink with the last epoch that the
 * target has. The epoch is written in the transaction of the rows it belongs to, so one is there exactly if the others are.
 *
 * A writer takes the row over before it does anything (`generation` rises), and every transaction begins by locking it under the
 * generation that the writer took. So of two writers only the later one can commit. A connection of an earlier writer that still
 * lives (a process that hangs, a network that has forgotten to say that it is gone) is ended by the server at our wish, and the
 * lock is waited for: its last commit has happened or never will when the epoch is read.
 *
 * `owner` tells processes apart: one that has been overtaken by another process does not take the row back by itself.
 */
import pg from 'pg';
import { SqlError } from '../../common/sqlError.ts';
import { type SinkConfig, SinkRefusal } from '../sink.ts';
import { asSqlError, isLasting, isServerError, type TargetConnection } from './connection.ts';

const TABLE = 'millrace_sink_commits';

/** Another session has made the table at the same moment. */
const MADE_TWICE = ['23505', '42P07', '42710'];

export interface Claim {
  readonly commits: string;
  readonly identity: string;
  readonly owner: string;
  readonly generation: string;
  /** The last epoch that the target has. */
  readonly epoch: bigint | null;
}

function commitsName({ options }: SinkConfig): string {
  return `${pg.escapeIdentifier(options.get('schema') ?? 'public')}.${TABLE}`;
}

async function makeCommits(connection: TargetConnection, config: SinkConfig): Promise<void> {
  const commits = commitsName(config);
  const { rows } = await connection.run('SELECT to_regclass($1)::text', [commits]);
  if (rows[0]?.[0] !== null) return;
  const definition = `CREATE TABLE ${commits} (sink text PRIMARY KEY, epoch bigint, generation bigint NOT NULL, owner text NOT NULL, backend integer, backend_start timestamptz, name text NOT NULL, target text NOT NULL, written timestamptz NOT NULL DEFAULT now())`;
  try {
    await connection.script(definition);
  } catch (error) {
    if (isServerError(error) && MADE_TWICE.includes(error.code)) return;
    if (isServerError(error) && error.code === '42501') {
      throw new SqlError('42501', `the sink needs the table ${commits} for its progress: ${error.message}`, {
        hint: `Allow it, or let somebody else run: ${definition}; GRANT SELECT, INSERT, UPDATE, DELETE ON ${commits} TO ${pg.escapeIdentifier(config.options.get('user') ?? '')}`,
      });
    }
    throw isLasting(error) ? asSqlError(error) : error;
  }
}

/** Ends what an earlier writer of this sink has left at the server; `of`: only a writer of this owner. */
async function endEarlier(
  connection: TargetConnection,
  commits: string,
  identity: string,
  of: string | null,
): Promise<void> {
  await connection.run(
    `SELECT pg_terminate_backend(a.pid) FROM ${commits} c
     JOIN pg_stat_activity a ON a.pid = c.backend AND a.backend_start = c.backend_start
     WHERE c.sink = $1 AND a.pid <> pg_backend_pid() AND ($2::text IS NULL OR c.owner = $2)`,
    [identity, of],
  );
}

/** A name for this process, made by the server. */
export async function newOwner(connection: TargetConnection): Promise<string> {
  const { rows } = await connection.run('SELECT gen_random_uuid()::text');
  return rows[0]?.[0] ?? '';
}

/** Takes the sink over. `again`: this process has had it, and nobody else must have taken it since. */
export async function claim(
  connection: TargetConnection,
  config: SinkConfig,
  owner: string,
  again: boolean,
): Promise<Claim> {
  const commits = commitsName(config);
  const { identity, name } = config;
  await makeCommits(connection, config);
  await endEarlier(connection, commits, identity, again ? owner : null);
  const { rows } = await connection.run(
    `INSERT INTO ${commits} AS c (sink, generation, owner, backend, backend_start, name, target)
     SELECT $1::text, 1, $2::text, pg_backend_pid(), a.backend_start, $3::text, $4::text
     FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()
     ON CONFLICT (sink) DO UPDATE SET generation = c.generation + 1, owner = EXCLUDED.owner, backend = EXCLUDED.backend,
       backend_start = EXCLUDED.backend_start, name = EXCLUDED.name, target = EXCLUDED.target
     WHERE $5::boolean OR c.owner = EXCLUDED.owner
     RETURNING generation::text, epoch::text`,
    [identity, owner, name, config.options.get('table') ?? '', String(!again)],
  );
  const row = rows[0];
  if (row === undefined) throw overtaken(name);
  const [generation, epoch] = row;
  return {
    commits,
    identity,
    owner,
    generation: generation ?? '',
    epoch: epoch === null || epoch === undefined ? null : BigInt(epoch),
  };
}

export function overtaken(name: string): SinkRefusal {
  return new SinkRefusal(
    `another server has taken over the sink "${name}" at its target; RESUME takes it back if that server is stopped`,
  );
}

/** Within a transaction: nobody else can commit from here on. */
export async function lockClaim(connection: TargetConnection, held: Claim, name: string): Promise<void> {
  const { rows } = await connection.run(
    `SELECT generation::text, owner FROM ${held.commits} WHERE sink = $1 FOR UPDATE`,
    [held.identity],
  );
  const row = rows[0];
  if (row === undefined) throw new Error(`the row of sink "${name}" in ${held.commits} is gone`);
  if (row[1] !== held.owner) throw overtaken(name);
  if (row[0] !== held.generation) throw new Error(`a later writer has taken over the sink "${name}"`);
}

/** Within the transaction of the rows. */
export async function recordEpoch(connection: TargetConnection, held: Claim, epoch: bigint): Promise<void> {
  const { count } = await connection.run(
    `UPDATE ${held.commits} SET epoch = $2::bigint, written = now() WHERE sink = $1`,
    [held.identity, String(epoch)],
  );
  if (count !== 1) throw new Error(`the row of the sink in ${held.commits} is gone`);
}

/** Forgets a sink that has delivered nothing. */
export async function forget(connection: TargetConnection, held: Claim): Promise<void> {
  await connection.run(`DELETE FROM ${held.commits} WHERE sink = $1 AND owner = $2 AND epoch IS NULL`, [
    held.identity,
    held.owner,
  ]);
}
