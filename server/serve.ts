/**
 * The server: a database with its journal, the Postgres wire, HTTP and the source loop. The one place where the outside
 * world (clock, randomness, sockets) is handed to the engine.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir, totalmem } from 'node:os';
import { SqlError } from '../common/sqlError.ts';
import { functionCatalog } from '../executor/functions/index.ts';
import { warmUp } from '../parser/parse.ts';
import { startListener, type WireListener } from '../wire/listener.ts';
import type { ConnectionContext, SessionFactory, StartupParameters } from '../wire/port.ts';
import { Backups } from './backup/backups.ts';
import { type OpenDirectory, switchToBackup } from './backup/restore.ts';
import type { Checkpointer } from './checkpoint/checkpointer.ts';
import { RecoveryProgress, type RecoveryReport } from './checkpoint/progress.ts';
import { type RunDdl, recoverDirectory } from './checkpoint/recovery.ts';
import { CheckpointSchedule } from './checkpoint/schedule.ts';
import { Database } from './database.ts';
import type { EngineEnvironment } from './evalContext.ts';
import { type HttpListener, listenHttp } from './http.ts';
import { Journal } from './journal.ts';
import { LookupLoops } from './lookup/loop.ts';
import { MemoryLimit } from './memory/memoryLimit.ts';
import { MetricsEndpoint } from './metrics/endpoint.ts';
import { KEY_VARIABLE, SecretKey } from './secrets/secretKey.ts';
import { Session } from './session.ts';
import { SinkLoops } from './sinks/loop.ts';
import { SourceLoop } from './sourceLoop.ts';
import { SystemCatalog } from './system/index.ts';
import { ServerClock } from './time/clock.ts';
import { WEBHOOK_PREFIX, WebhookEndpoint } from './webhook/endpoint.ts';

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  /** Null: nothing is kept. */
  readonly dataDir: string | null;
  /** What cannot be read any more is given up; else the server does not start. */
  readonly acceptDataLoss?: boolean;
  /** Between checkpoints, by default 10 seconds; Infinity: only when it stops. */
  readonly checkpointIntervalMs?: number;
  /** Bytes of state in memory; by default half of the machine's. What is above is kept on disk. */
  readonly memoryLimit?: number;
  /** Sets the data directory back to this backup first. */
  readonly fromBackup?: string;
  /** What values of secrets are kept by (secrets/secretKey.ts); by default the environment variable, or the directory's. */
  readonly secretKey?: string;
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

/** What does not fit is kept in the data directory, or where temporary files are. */
function limitMemory(database: Database, options: ServeOptions): void {
  database.memory = new MemoryLimit(database, {
    limit: options.memoryLimit ?? totalmem() / 2,
    directory: options.dataDir ?? tmpdir(),
    log: options.log,
  });
}

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

/** What values of secrets in the data directory are read and kept by. */
function useSecretKey(database: Database, directory: string, options: ServeOptions): void {
  const { secrets } = database;
  secrets.useKey(new SecretKey(directory, options.secretKey ?? process.env[KEY_VARIABLE] ?? null));
  secrets.acceptLoss = options.acceptDataLoss ?? false;
  secrets.onLost = ({ message, detail }) => options.log([message, detail].join(': '));
}

const CHECKPOINT_INTERVAL_MS = 10_000;

/** Brings the database to what its data directory holds, and keeps it there from now on. */
async function recover(
  database: Database,
  directory: string,
  journal: Journal,
  options: ServeOptions,
  progress: RecoveryProgress,
): Promise<CheckpointSchedule> {
  useSecretKey(database, directory, options);
  const { checkpointer, report } = await recoverDirectory(
    database,
    directory,
    journal,
    ddlRunner(database),
    options.log,
    progress,
  );
  options.onRecovered?.(database, report);
  const interval = options.checkpointIntervalMs ?? CHECKPOINT_INTERVAL_MS;
  return new CheckpointSchedule(checkpointer, interval, options.log);
}

/** The data directory as it is, recovered, for nobody but a backup. */
async function openDirectory(directory: string, options: ServeOptions): Promise<OpenDirectory> {
  const database = createDatabase();
  limitMemory(database, options);
  const journal = openJournal(database, directory, options);
  try {
    useSecretKey(database, directory, options);
    const runDdl = ddlRunner(database);
    const { checkpointer } = await recoverDirectory(database, directory, journal, runDdl, options.log);
    const close = async (): Promise<void> => {
      await checkpointer.close();
      database.close();
    };
    return { backups: new Backups(directory, checkpointer), close };
  } catch (error) {
    closeAll(database, journal);
    throw error;
  }
}

/** Until it is recovered, a database does not have its journal. */
function closeAll(database: Database, journal: Journal | null): void {
  const owned = database.journal !== null;
  database.close();
  if (!owned) journal?.close();
}

function openJournal(database: Database, dataDir: string, options: ServeOptions): Journal {
  return new Journal(dataDir, {
    now: () => database.clock(),
    acceptDataLoss: options.acceptDataLoss ?? false,
    log: options.log,
  });
}

function sessionFactory(database: Database, isReady: () => boolean): SessionFactory {
  return {
    async connect(startup: StartupParameters, connection: ConnectionContext) {
      if (!isReady()) throw new SqlError('57P03', 'the database system is starting up');
      if (startup.database !== database.catalog.database) {
        throw new SqlError('3D000', `database "${startup.database}" does not exist`);
      }
      const session = new Session(database, startup, connection, () => database.sessions.delete(session));
      database.sessions.add(session);
      return session;
    },
  };
}

/** Recovers the data directory and starts serving. Meanwhile it listens: clients are told that it is starting. */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { dataDir, fromBackup } = options;
  if (dataDir !== null && fromBackup !== undefined) {
    const now = BigInt(Date.now()) * 1000n;
    await switchToBackup(dataDir, fromBackup, () => openDirectory(dataDir, options), now, options.log);
  }
  const database = createDatabase();
  limitMemory(database, options);
  const internalError = (error: unknown): void => {
    options.log(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  // The lock of the directory comes before the ports, which a server that is stopping gives back before it.
  const journal = dataDir === null ? null : openJournal(database, dataDir, options);
  const progress = new RecoveryProgress(() => database.environment.serverClock.system(), options.log);
  let ready = false;
  const metrics = new MetricsEndpoint(database, () => ready, internalError);
  let http: HttpListener | null = null;
  let wire: WireListener | null = null;
  let checkpoints: CheckpointSchedule | null = null;
  try {
    warmUp();
    const state = () => ({ ready, status: ready ? 'ready' : progress.text });
    const webhooks = new WebhookEndpoint(
      database,
      (sql) => localSession(database).run(sql),
      () => ready,
      internalError,
    );
    const route = {
      prefix: WEBHOOK_PREFIX,
      handle: (request: IncomingMessage, response: ServerResponse) => void webhooks.handle(request, response),
    };
    http = await listenHttp(options.host, options.httpPort, state, [metrics, route]);
    wire = await startListener({
      host: options.host,
      port: options.port,
      factory: sessionFactory(database, () => ready),
      newSecretKey: () => randomInt(2 ** 31),
      onInternalError: internalError,
    });
    if (dataDir !== null && journal !== null) {
      checkpoints = await recover(database, dataDir, journal, options, progress);
    }
  } catch (error) {
    metrics.close();
    await wire?.close();
    await http?.close();
    closeAll(database, journal);
    throw error;
  }
  database.jobs.onInternalError = internalError;
  const loop = new SourceLoop(database, internalError);
  loop.start();
  const redactedLog = (line: string): void => options.log(database.secrets.redacted(line));
  const sinks = new SinkLoops(database, redactedLog);
  sinks.start();
  const lookups = new LookupLoops(database);
  lookups.start();
  database.cdc.start(redactedLog, dataDir);
  checkpoints?.start();
  ready = true;
  const [httpListener, wireListener, schedule] = [http, wire, checkpoints];
  return {
    pgHost: wireListener.host,
    pgPort: wireListener.port,
    httpHost: httpListener.host,
    httpPort: httpListener.port,
    database,
    checkpointer: schedule?.checkpointer ?? null,
    async close() {
      ready = false;
      database.jobs.stopped = true;
      await loop.stop();
      await database.cdc.stop();
      await wireListener.close();
      await httpListener.close();
      metrics.close();
      await sinks.stop();
      await lookups.stop();
      await schedule?.stop();
      await database.remote.close();
      database.close();
    },
  };
}
