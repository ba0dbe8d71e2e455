/**
 * What a Kafka client or broker reports, in SQL's terms: class 08 for what may pass by itself. Messages are made here, of error
 * codes and addresses only; texts of the client or the broker, which might quote a credential, are not passed on.
 */
import { SqlError } from '../../common/sqlError.ts';
import type { SqlState } from '../../common/sqlStates.ts';
import { closedHint, tlsFailure } from '../tls.ts';
import { type BrokerAddress, type KafkaSettings, kafkaTlsNames } from './options.ts';

/** Error codes of the protocol that are handled by name. */
export const kafkaCodes = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  NOT_COORDINATOR: 16,
  COORDINATOR_NOT_AVAILABLE: 15,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  INVALID_TOPIC_EXCEPTION: 17,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  CONCURRENT_TRANSACTIONS: 51,
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 53,
  UNKNOWN_TOPIC_ID: 100,
  INCONSISTENT_TOPIC_ID: 103,
} as const;

/** Codes that pass when brokers have moved on: another leader, a restart. */
const passing: ReadonlySet<number> = new Set([
  -1, 2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 41, 43, 51, 56, 71, 72, 73, 74, 75, 76, 78, 83, 89, 100,
  103, 106, 107,
]);

/** Codes of a coordinator that moves, loads, or still ends the last transaction. */
export const coordinatorPasses: ReadonlySet<number> = new Set([
  kafkaCodes.NOT_COORDINATOR,
  kafkaCodes.COORDINATOR_NOT_AVAILABLE,
  kafkaCodes.COORDINATOR_LOAD_IN_PROGRESS,
  kafkaCodes.CONCURRENT_TRANSACTIONS,
]);

/** Codes of a partition whose leader is another by now, or does not know of it yet: a topic that has just been made. */
export const leaderMoves: ReadonlySet<number> = new Set([5, 6, 74, 76]);

/** A broker answered with an error code. */
export class KafkaProtocolError extends Error {
  override readonly name = 'KafkaProtocolError';
  readonly code: number;

  constructor(code: number, doing: string) {
    super(`${doing}: Kafka error ${code}`);
    this.code = code;
  }

  /** Worth trying again, after asking for metadata again. */
  get passes(): boolean {
    return passing.has(this.code);
  }
}

interface ClientError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly apiId?: string;
  readonly apiCode?: number;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** An error with everything that caused it, outermost first. */
function chain(error: unknown): readonly ClientError[] {
  const all: ClientError[] = [];
  const visit = (e: unknown): void => {
    if (typeof e !== 'object' || e === null || all.length > 50) return;
    const item: ClientError = e;
    all.push(item);
    visit(item.cause);
    if (Array.isArray(item.errors)) for (const inner of item.errors) visit(inner);
  };
  visit(error);
  return all;
}

/** The protocol's error code in a client's error; null: it did not come from a broker. */
export function protocolCode(error: unknown): number | null {
  if (error instanceof KafkaProtocolError) return error.code;
  return chain(error).find((e) => typeof e.apiCode === 'number')?.apiCode ?? null;
}

const addressText = (a: BrokerAddress): string => `${a.host}:${a.port}`;

/** A connection could not be made or broke. */
export function connectionError(
  error: unknown,
  settings: KafkaSettings,
  address: BrokerAddress | null,
): SqlError {
  if (error instanceof SqlError) return error;
  const where = address === null ? settings.bootstrap.map(addressText).join(', ') : addressText(address);
  const errors = chain(error);
  const has = (test: (e: ClientError) => boolean): boolean => errors.some(test);
  const user = settings.sasl?.username ?? '';
  if (has((e) => e.apiId === 'SASL_AUTHENTICATION_FAILED'))
    return new SqlError(
      '28P01',
      `password authentication failed for user "${user}" at Kafka broker ${where}`,
      {
        hint: 'Check properties.sasl.username, properties.sasl.password and properties.sasl.mechanism.',
      },
    );
  if (has((e) => e.apiId === 'UNSUPPORTED_SASL_MECHANISM'))
    return new SqlError(
      '28000',
      `Kafka broker ${where} does not offer the SASL mechanism ${settings.sasl?.mechanism ?? ''}`,
      { hint: 'Set properties.sasl.mechanism to one that its listener offers.' },
    );
  if (has((e) => e.apiId === 'ILLEGAL_SASL_STATE' || e.message === 'Cannot find a suitable SASL mechanism.'))
    return new SqlError('28000', `Kafka broker ${where} does not sign in with SASL on this listener`, {
      hint: 'Check properties.security.protocol and the port.',
    });
  const tls =
    settings.tls === null ? null : tlsFailure(error, `Kafka broker ${where}`, kafkaTlsNames, settings.tls);
  if (tls !== null) return tls;
  if (settings.sasl !== null && has((e) => e.code === 'PLT_KFK_AUTHENTICATION'))
    return new SqlError(
      '28P01',
      `password authentication failed for user "${user}" at Kafka broker ${where}`,
    );
  if (has((e) => e.message === 'Broker requires TLS.'))
    return new SqlError('08001', `Kafka broker ${where} wants TLS`, {
      hint: 'Set properties.security.protocol to SSL or SASL_SSL.',
    });
  const code = errors.find((e) => typeof e.code === 'string' && /^E[A-Z]+/.test(e.code))?.code;
  const timeout = has((e) => e.code === 'PLT_KFK_TIMEOUT' || e.name === 'TimeoutError');
  const why = code ?? (timeout ? 'timeout' : 'connection closed');
  const closed = why === 'connection closed' || why === 'ECONNRESET' || why === 'EPIPE';
  const more = closed && settings.tls !== null ? ` ${closedHint(kafkaTlsNames, settings.tls)}` : '';
  return new SqlError('08001', `could not connect to Kafka at ${where} (${why})`, {
    hint: closed
      ? `The broker closed the connection: check properties.security.protocol, and that the port is that of such a listener.${more}`
      : 'Check properties.bootstrap.server, and that the broker runs and its advertised.listeners can be reached from here.',
  });
}

function codeState(code: number): SqlState {
  switch (code) {
    case kafkaCodes.TOPIC_AUTHORIZATION_FAILED:
    case kafkaCodes.GROUP_AUTHORIZATION_FAILED:
    case kafkaCodes.CLUSTER_AUTHORIZATION_FAILED:
    case kafkaCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return '42501';
    case kafkaCodes.INVALID_TOPIC_EXCEPTION:
      return '22023';
    default:
      return passing.has(code) ? '08006' : '58030';
  }
}

/** A request failed: the broker's error code decides, and anything else is the connection. */
export function requestError(error: unknown, doing: string, settings: KafkaSettings): SqlError {
  if (error instanceof SqlError) return error;
  const code = protocolCode(error);
  if (code === null) {
    const connection = connectionError(error, settings, null);
    return connection.state === '08001' ? new SqlError('08006', connection.message) : connection;
  }
  const state = codeState(code);
  if (code === kafkaCodes.INVALID_TOPIC_EXCEPTION)
    return new SqlError(state, `${doing}: Kafka refuses the name of the topic`, {
      hint: 'Names of topics have letters, digits, points, hyphens and underscores, 249 at most.',
    });
  return new SqlError(
    state,
    state === '42501' ? `permission denied by Kafka: ${doing}` : `${doing}: Kafka error ${code}`,
  );
}

/** The topic is not there. */
export function missingTopic(topic: string): SqlError {
  return new SqlError('42704', `topic "${topic}" does not exist`, {
    hint: 'Make it first (kafka-topics.sh --create), or check its name and, where brokers hide topics, the rights of the user.',
  });
}
