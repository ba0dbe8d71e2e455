/**
 * The server: a database with its journal, the Postgres wire, HTTP and the source loop. The one place where the outside
 * world (clock, randomness, sockets) is handed to the engine.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { SqlError } from '../common/sqlError.ts';
import { functionCatalog } from '../executor/functions/index.ts';
import { warmUp } from '../parser/parse.ts';
import { startListener, type WireListener } from '../wire/listener.ts';
import type { ConnectionContext, SessionFactory, StartupParameters } from '../wire/port.ts';
import type { Checkpointer } from './checkpoint/checkpointer.ts';
import { type RecoveryReport, type RunDdl, recoverDirectory } from './checkpoint/recovery.ts';
import { CheckpointSchedule } from './checkpoint/schedule.ts';
import { Database } from './database.ts';
import type { EngineEnvironment } from './evalContext.ts';
import { type HttpListener, listenHttp } from './http.ts';
import { Journal } from './journal.ts';
import { Session } from './session.ts';
import { SourceLoop } from './sourceLoop.ts';
import { SystemCatalog } from './system/index.ts';
import { ServerClock } from './time/clock.ts';

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  /** Null: nothing is kept. */
  readonly dataDir: string | null;
  /** What cannot be read any more is given up; else the server does not start. */
  readonly acceptDataLoss?: boolean;
  /** Between checkpoints; by default 10 seconds. */
  readonly checkpointIntervalMs?: number;
  /** Told when the data directory has been recovered, before anything else happens to the database. */
  readonly onRecovered?: (database: Database, report: RecoveryReport) => void;
  /** One line about something an operator should know. */
  readonly log: (line: string) => void;
}

export interface RunningServer {
  readonly pgHost: string;
  readonly pgPort: number;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly database: Database;
  /** Null: nothing is kept. */
  readonly checkpointer: Checkpointer | null;
  close(): Promise<void>;
}

/** Microseconds since the epoch, never going back within the process. */
function wallClock(): () => bigint {
  const base = BigInt(Date.now()) * 1000n;
  const start = process.hrtime.bigint();
  return () => base + (process.hrtime.bigint() - start) / 1000n;
}

export function realEnvironment(): EngineEnvironment {
  const serverClock = new ServerClock(wallClock());
  return {
    serverClock,
    clock: () => serverClock.now(),
    random: () => randomInt(2 ** 48 - 1) / (2 ** 48 - 1),
    randomBytes: (count) => randomBytes(count),
  };
}

/** A database with its system catalog, without wire, journal or sources running. */
export function createDatabase(environment: EngineEnvironment = realEnvironment()): Database {
  const database = new Database(functionCatalog, environment);
  const system = new SystemCatalog(database);
  database.system = system;
  database.catalog.attachSystem(system);
  return database;
}

const internalUser: StartupParameters = { user: 'root', database: 'dev', settings: new Map() };

/** A session that belongs to no connection: embedding, recovery, tests. */
export function localSession(database: Database, user = internalUser.user): Session {
  return new Session(database, { ...internalUser, user }, null);
}

/** Carries out statements of the journal or a checkpoint. */
export function ddlRunner(database: Database): RunDdl {
  return async ({ sql, searchPath, timeZone, user, id }) => {
    const { nextId } = database.catalog;
    if (id !== null) database.catalog.setNextId(id);
    const session = localSession(database, user);
    session.settings.set('search_path', searchPath.map((s) => `"${s.replaceAll('"', '""')}"`).join(', '));
    session.settings.set('timezone', timeZone);
    try {
      await session.run(sql);
    } finally {
      // What is replaced keeps its id, lower than those that have been given out since.
      database.catalog.reserveIdsThrough(nextId - 1);
    }
  };
}

const CHECKPOINT_INTERVAL_MS = 10_000;

/** Brings the database to what its data directory holds, and keeps it there from now on. */
async function recover(
  database: Database,
  directory: string,
  options: ServeOptions,
): Promise<CheckpointSchedule> {
  const journal = openJournal(database, directory, options);
  try {
    const { checkpointer, report } = await recoverDirectory(
      database,
      directory,
      journal,
      ddlRunner(database),
      options.log,
    );
    options.onRecovered?.(database, report);
    const interval = options.checkpointIntervalMs ?? CHECKPOINT_INTERVAL_MS;
    return new CheckpointSchedule(checkpointer, interval, options.log);
  } catch (error) {
    journal.close();
    throw error;
  }
}

function openJournal(database: Database, dataDir: string, options: ServeOptions): Journal {
  return new Journal(dataDir, {
    now: () => database.clock(),
    acceptDataLoss: options.acceptDataLoss ?? false,
    log: options.log,
  });
}

function sessionFactory(database: Database): SessionFactory {
  return {
    connect(startup: StartupParameters, connection: ConnectionContext) {
      if (startup.database !== database.catalog.database) {
        return Promise.reject(new SqlError('3D000', `database "${startup.database}" does not exist`));
      }
      const session = new Session(database, startup, connection, () => database.sessions.delete(session));
      database.sessions.add(session);
      return Promise.resolve(session);
    },
  };
}

/** Recovers the data directory and starts serving. */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const database = createDatabase();
  const checkpoints = options.dataDir === null ? null : await recover(database, options.dataDir, options);
  const internalError = (error: unknown): void => {
    options.log(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  let ready = false;
  let http: HttpListener | null = null;
  let wire: WireListener | null = null;
  try {
    warmUp();
    http = await listenHttp(options.host, options.httpPort, () => ({ ready }));
    wire = await startListener({
      host: options.host,
      port: options.port,
      factory: sessionFactory(database),
      newSecretKey: () => randomInt(2 ** 31),
      onInternalError: internalError,
    });
  } catch (error) {
    await http?.close();
    database.close();
    throw error;
  }
  const loop = new SourceLoop(database, internalError);
  loop.start();
  checkpoints?.start();
  ready = true;
  const [httpListener, wireListener] = [http, wire];
  return {
    pgHost: wireListener.host,
    pgPort: wireListener.port,
    httpHost: httpListener.host,
    httpPort: httpListener.port,
    database,
    checkpointer: checkpoints?.checkpointer ?? null,
    async close() {
      ready = false;
      await loop.stop();
      await wireListener.close();
      await httpListener.close();
      await checkpoints?.stop();
      database.close();
    },
  };
}
