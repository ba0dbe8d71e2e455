/** Connects to NATS and says in SQL's terms what went wrong; never with a secret in the message. */
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import {
  AuthorizationError,
  connect,
  jwtAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  NoRespondersError,
  nkeyAuthenticator,
  TimeoutError,
  UserAuthenticationExpiredError,
} from '@nats-io/transport-node';
import { SqlError } from '../../common/sqlError.ts';
import type { RemoteConfig } from '../remote.ts';
import { closedHint, type TlsSettings, tlsFailure, tlsNames, tlsSettings } from '../tls.ts';

const natsTlsNames = tlsNames('tls.');
const STREAM_NOT_FOUND = 10059;
const NOT_ENABLED = 10039;
const NOT_ENABLED_FOR_ACCOUNT = 10076;

export interface NatsClient {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

function required(options: ReadonlyMap<string, string>, name: string, mode: string): string {
  const value = options.get(name);
  if (value === undefined) {
    throw new SqlError('22023', `connect_mode = '${mode}' needs the option "${name}"`);
  }
  return value;
}

/** How to sign in, as the client's options. */
function credentials(options: ReadonlyMap<string, string>): Partial<NodeConnectionOptions> {
  const mode = options.get('connect_mode') ?? 'plain';
  switch (mode) {
    case 'user_and_password':
      return { user: required(options, 'username', mode), pass: required(options, 'password', mode) };
    case 'token':
      return { token: required(options, 'token', mode) };
    case 'nkey':
      return { authenticator: nkeyAuthenticator(seed(options, mode)) };
    case 'credential':
      return { authenticator: jwtAuthenticator(required(options, 'jwt', mode), seed(options, mode)) };
    default:
      return {};
  }
}

function seed(options: ReadonlyMap<string, string>, mode: string): Uint8Array {
  return new TextEncoder().encode(required(options, 'nkey', mode));
}

function serverList(options: ReadonlyMap<string, string>): { servers: string[]; secure: boolean } {
  const urls = (options.get('server_url') ?? '')
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');
  let secure = false;
  const servers = urls.map((url) => {
    const match = /^(?:(nats|tls):\/\/)?((?:\[[0-9a-f:]+\]|[^\s/@:]+)(?::\d+)?)\/?$/i.exec(url);
    if (match === null) {
      throw new SqlError('22023', 'option "server_url" holds something that is not a NATS server', {
        hint: 'Write nats://host:4222 or tls://host:4222; names and passwords have options of their own.',
      });
    }
    secure ||= match[1]?.toLowerCase() === 'tls';
    return match[2] ?? '';
  });
  if (servers.length === 0) throw new SqlError('22023', 'option "server_url" names no server');
  return { servers, secure };
}

/** Connects once, without trying again. */
export async function connectNats(config: RemoteConfig): Promise<NatsClient> {
  const { options } = config;
  const { servers, secure } = serverList(options);
  const tls = tlsSettings(options, natsTlsNames);
  const timeout = Number(options.get('connect.timeout.ms') ?? '5000');
  const useTls = secure || Object.keys(tls).length > 0;
  const sign = credentials(options);
  let connection: NatsConnection | null = null;
  try {
    connection = await connect({
      servers,
      ...sign,
      ...(useTls ? { tls } : {}),
      name: `millrace ${config.name}`,
      reconnect: false,
      ignoreClusterUpdates: true,
      timeout,
      pingInterval: 10_000,
      maxPingOut: 2,
    });
    const manager = await jetstreamManager(connection, { timeout });
    return { connection, manager };
  } catch (error) {
    await connection?.close();
    const what = `NATS server ${servers.join(', ')}`;
    throw connection === null ? connectError(error, what, tls, useTls) : natsError(error, what);
  }
}

/** There was no connection yet. */
function connectError(error: unknown, what: string, tls: TlsSettings, useTls: boolean): unknown {
  const known = tlsFailure(error, what, natsTlsNames, tls) ?? natsError(error, what);
  if (!(known instanceof SqlError) || known.state !== '08006') return known;
  const closed = useTls ? ` ${closedHint(natsTlsNames, tls)}` : '';
  return new SqlError('08001', `could not connect to ${what}: ${reasonOf(error)}`, {
    hint: `Check the option server_url, and that the server runs and can be reached from here.${closed}`,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof TimeoutError) return 'no answer in time';
  return error instanceof Error ? error.message : String(error);
}

/** An error of the client as SQL's. */
export function natsError(error: unknown, what: string): unknown {
  if (error instanceof SqlError) return error;
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
    return new SqlError('28P01', `${what} refused the credentials`, {
      hint: 'Check connect_mode and username, password, token, nkey or jwt.',
    });
  }
  if (
    isApiError(error, NOT_ENABLED) ||
    isApiError(error, NOT_ENABLED_FOR_ACCOUNT) ||
    (error instanceof Error && error.name === 'JetStreamNotEnabled')
  ) {
    return new SqlError('55000', `${what} does not have JetStream`, {
      hint: 'Start nats-server with -js, or give the account JetStream.',
    });
  }
  if (error instanceof NoRespondersError) {
    return new SqlError('55000', `${what} does not answer as JetStream`, {
      hint: 'Start nats-server with -js; or it is just starting.',
    });
  }
  if (!(error instanceof Error)) return error;
  return new SqlError('08006', `lost ${what}: ${reasonOf(error)}`);
}

export function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** Name of the stream that the options mean. 42704: there is none. */
export async function findStream(client: NatsClient, config: RemoteConfig): Promise<StreamInfo> {
  const given = config.options.get('stream');
  const subject = config.options.get('subject') ?? '';
  try {
    const name = given ?? (await client.manager.streams.find(subject));
    return await client.manager.streams.info(name);
  } catch (error) {
    const unknown =
      isApiError(error, STREAM_NOT_FOUND) ||
      (error instanceof Error && /no stream matches subject/.test(error.message));
    if (!unknown) throw natsError(error, 'NATS server');
    if (given !== undefined) {
      throw new SqlError('42704', `NATS stream "${given}" does not exist`, {
        hint: 'Make it (nats stream add), or correct the option stream.',
      });
    }
    throw new SqlError('42704', `no NATS stream keeps the subject "${subject}"`, {
      hint: 'Make a stream over the subject (nats stream add), or name one in the option stream.',
    });
  }
}
