/** CREATE SOURCE and CREATE TABLE over a remote connector: what the statement says, checked. */
import { createHash } from 'node:crypto';
import { must } from '../../common/assert.ts';
import { SqlError } from '../../common/sqlError.ts';
import { checkEncodeOptions } from '../../connector/formats/encodes.ts';
import type { MessageFormat } from '../../connector/formats/message.ts';
import { checkOptions } from '../../connector/options.ts';
import type { RemoteConnector } from '../../connector/remote.ts';
import type { CreateSource, CreateTable } from '../../parser/ast/statement.ts';
import type { Database } from '../database.ts';
import { letterPolicy } from '../deadLetters/policy.ts';
import type { TableColumn } from '../objects.ts';
import { bindEnvironment } from '../planning.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { SourceRuntime } from '../sourceRuntime.ts';
import { cancellable } from '../statements/cancellable.ts';
import { rateLimitOf } from '../statements/rateLimit.ts';
import type { StatementContext } from '../statements/statement.ts';
import { durationOf, optionText, otherOptions } from '../time/timeOptions.ts';
import { checkDecoding, checkRegistry } from './checkDecoding.ts';
import type { IncludedColumn } from './include.ts';
import { includedColumns } from './includedColumns.ts';
import { retentionOption } from './options.ts';
import { optionsOf, RemoteSource, remoteConfig } from './remoteSource.ts';

type Made = Pick<CreateSource | CreateTable, 'options' | 'format' | 'include' | 'span'>;

/** A remote source as its statement has it. */
export interface DeclaredRemote {
  readonly remote: RemoteConnector;
  readonly options: ReadonlyMap<string, string>;
  readonly format: MessageFormat;
  readonly encode: string;
  readonly keyEncode: string | null;
  readonly encodeOptions: ReadonlyMap<string, string>;
  readonly include: readonly IncludedColumn[];
  /** Rows a second; null: no limit. */
  readonly limit: number | null;
  /** How long rows are kept, microseconds; null: for ever. */
  readonly retention: bigint | null;
}

/** The remote connector that options name; null: none, or one of another kind. */
export function findRemote(statement: Pick<Made, 'options'>, database: Database): RemoteConnector | null {
  const option = statement.options.find((o) => o.name === 'connector');
  if (option === undefined) return null;
  const name = optionText(option).toLowerCase();
  return database.remote.connectors.find((c) => c.name === name) ?? null;
}

const messageFormats: readonly MessageFormat[] = ['PLAIN', 'UPSERT', 'DEBEZIUM'];

/** FORMAT and ENCODE; without the clause the connector's first ones, where it takes that. */
function formatOf(statement: Made, remote: RemoteConnector) {
  const { format: clause, span } = statement;
  const isNative = clause === null || (clause.format === 'NATIVE' && clause.encode === 'NATIVE');
  const own = remote.formats.find((f) => f !== 'NATIVE');
  const spelled =
    isNative && remote.formats.includes('NATIVE') && own !== undefined ? own : spelledOf(clause);
  if (!remote.formats.includes(spelled)) {
    const shown = `FORMAT ${spelled.replace(' ', ' ENCODE ')} is not supported by connector ${remote.name}`;
    const message = clause === null ? `connector ${remote.name} needs a FORMAT clause` : shown;
    const taken = remote.formats.map((f) =>
      f === 'NATIVE' ? 'no clause' : `FORMAT ${f.replace(' ', ' ENCODE ')}`,
    );
    throw new SqlError(clause === null ? '42601' : '0A000', message, {
      position: clause?.span.start ?? span.start,
      hint: `It takes ${taken.join(' or ')}.`,
    });
  }
  const [first, encode = ''] = spelled.split(' ');
  const format = must(messageFormats.find((f) => f === first));
  return { format, encode, keyEncode: clause?.keyEncode?.toUpperCase() ?? null };
}

function spelledOf(clause: Made['format']): string {
  return clause === null ? 'NATIVE' : `${clause.format} ${clause.encode}`;
}

/** Everything that the statement says of its connector. */
export function declareRemote(
  statement: Made,
  remote: RemoteConnector,
  isTable: boolean,
  context: StatementContext,
): DeclaredRemote {
  const position = statement.span.start;
  const secrets = secretsFor(context);
  const given = optionValues(otherOptions(statement.options), secrets);
  const limit = given.get('source_rate_limit');
  given.delete('source_rate_limit');
  const kept = statement.options.find((o) => o.name === retentionOption.name);
  if (kept !== undefined && isTable) {
    throw new SqlError('22023', `option "${retentionOption.name}" is for sources`, {
      position: kept.span.start,
      hint: 'Rows of a table go with the option "ttl", and are then taken back from views.',
    });
  }
  const options = checkOptions({ name: remote.name, options: optionsOf(remote) }, given);
  const { format, encode, keyEncode } = formatOf(statement, remote);
  const encodeGiven = optionValues(statement.format?.options ?? [], secrets);
  const encodeOptions = checkEncodeOptions(encode, encodeGiven, keyEncode);
  return {
    remote,
    options,
    format,
    encode,
    keyEncode,
    encodeOptions,
    include: includedColumns(statement.include, remote, bindEnvironment(context)),
    limit: limit === undefined ? null : rateLimitOf(limit, position),
    retention: kept === undefined ? null : durationOf(kept),
  };
}

/** FORMAT UPSERT and DEBEZIUM change rows by their key. */
export function checkChanges(
  declared: DeclaredRemote,
  key: readonly number[],
  isTable: boolean,
  position: number,
): void {
  const { format } = declared;
  if (format === 'PLAIN') return;
  if (!isTable) {
    throw new SqlError('42P16', `FORMAT ${format} needs a table`, {
      position,
      hint: 'Use CREATE TABLE ... (..., PRIMARY KEY (...)) WITH (...): its messages change and remove rows.',
    });
  }
  if (key.length === 0) {
    throw new SqlError('42P16', `FORMAT ${format} needs a PRIMARY KEY`, {
      position,
      hint: 'Name the columns that identify a row; INCLUDE key AS name makes one of the message key.',
    });
  }
}

const IDENTITY_DIGITS = 12;

/** A name for a source within this server, that stays over restarts. */
function identityOf(database: Database, id: number): string {
  const server = createHash('sha256').update(database.random.secret).update('server').digest('hex');
  return `millrace_${server.slice(0, IDENTITY_DIGITS)}_${id}`;
}

/**
 * Connects, so that what is wrong is said to whoever makes the relation; gives the partitions that are known. A restart does not:
 * it must not wait for other servers.
 */
export async function checkRemote(
  declared: DeclaredRemote,
  name: string,
  context: StatementContext,
): Promise<readonly string[]> {
  const { database } = context;
  if (database.recovery !== null || database.restoring) return [];
  const { remote, options, encodeOptions } = declared;
  const check = (): void => context.checkCancelled();
  await cancellable(checkRegistry(encodeOptions, options.get('topic')), check);
  const identity = (): string => identityOf(database, database.catalog.nextId);
  const { partitions } = await cancellable(remote.check(remoteConfig({ name, identity }, options)), check);
  return partitions;
}

/** The running part. `columns`: the physical ones, those of INCLUDE at the end; `key`: positions among them. */
export function remoteRuntime(
  statement: Made,
  declared: DeclaredRemote,
  relation: {
    readonly name: string;
    readonly id: () => number;
    readonly columns: readonly TableColumn[];
    readonly key: readonly number[];
  },
  context: StatementContext,
): SourceRuntime {
  const { database } = context;
  const { remote, options, format, encode, keyEncode, encodeOptions, include, limit } = declared;
  const { name, id, columns, key } = relation;
  const letters = letterPolicy(statement.options);
  const identity = (): string => identityOf(database, id());
  const connector = new RemoteSource(
    remote,
    { name, identity, format, encode, keyEncode, include, key },
    { host: database.remote, wake: () => database.onInput() },
  );
  const config = {
    options,
    columns,
    format,
    encode,
    encodeOptions,
    clock: () => database.clock(),
    timeZone: context.settings.value('timezone'),
    onError: letters.onError,
  };
  const source = new SourceRuntime(connector, config);
  source.letters = letters;
  source.limit = limit;
  connector.limit = () => source.limit;
  // What does not go together fails now. A restart must not fail at it.
  if (database.recovery === null && !database.restoring) checkDecoding(connector, config);
  return source;
}
