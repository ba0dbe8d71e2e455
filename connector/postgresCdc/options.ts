/** Options of the connector postgres-cdc, and what they say, as a typed value. */
import type { OptionSpec } from '../connector.ts';
import { postgresTlsDetails, postgresTlsOptions } from '../postgres/tls.ts';

export const POSTGRES_CDC = 'postgres-cdc';

export const postgresCdcOptions: readonly OptionSpec[] = [
  {
    name: 'hostname',
    type: 'string',
    required: true,
    alterable: true,
    doc: 'Host of the PostgreSQL server.',
  },
  { name: 'port', type: 'integer', default: '5432', alterable: true, doc: 'Its port.' },
  {
    name: 'username',
    type: 'string',
    required: true,
    alterable: true,
    doc: 'A role that may replicate (REPLICATION) and read the tables.',
  },
  { name: 'password', type: 'string', secret: true, alterable: true, doc: "The role's password." },
  { name: 'database.name', type: 'string', required: true, doc: 'The database that the tables are in.' },
  {
    name: 'schema.name',
    type: 'string',
    default: 'public',
    doc: 'Schema of tables that are named without one.',
  },
  {
    name: 'table.name',
    type: 'string',
    doc: 'CREATE TABLE ... WITH only: the table that is followed; with CREATE SOURCE, tables are named by CREATE TABLE ... FROM source TABLE.',
  },
  {
    name: 'slot.name',
    type: 'string',
    doc: 'Replication slot: lower-case letters, digits and underscores. Default: a name of its own, which the definition then shows.',
  },
  {
    name: 'slot.create.enable',
    type: 'boolean',
    default: 'true',
    doc: 'Whether Millrace makes the slot, and drops it with the source; false: slot.name is there already, is used by nobody else and stays.',
  },
  {
    name: 'publication.name',
    type: 'string',
    doc: 'Publication. Default: the name of the slot.',
  },
  {
    name: 'publication.create.enable',
    type: 'boolean',
    default: 'true',
    doc: 'Whether Millrace makes the publication, adds and removes tables, and drops it with the source; false: publication.name is there already and an administrator keeps its tables.',
  },
  ...postgresTlsOptions(false),
  {
    name: 'connect.timeout.ms',
    type: 'integer',
    default: '10000',
    alterable: true,
    doc: 'How long a connection may take to be made.',
  },
  {
    name: 'request.timeout.ms',
    type: 'integer',
    default: '30000',
    alterable: true,
    doc: 'How long one statement about slots, publications and tables may take; a stream from which nothing has come for so long is opened again.',
  },
  {
    name: 'snapshot.batch.size',
    type: 'integer',
    default: '5000',
    alterable: true,
    doc: 'Rows that a snapshot fetches at once.',
  },
  {
    name: 'snapshot.atomic.rows',
    type: 'integer',
    default: '100000',
    alterable: true,
    doc: 'A snapshot of at most so many rows appears at once, as of the same moment as the tables that are followed already; a larger one in parts.',
  },
  {
    name: 'transaction.max.mb',
    type: 'integer',
    alterable: true,
    doc: 'The largest transaction that is taken, in megabytes as the server sends it. What exceeds 8 of them waits in a file of the data directory; it becomes one tick. A larger one pauses the source. Default: what the disk has room for.',
  },
];

/** Never shown. */
export const secretOptions: ReadonlySet<string> = new Set(
  postgresCdcOptions.flatMap((o) => (o.secret === true ? [o.name] : [])),
);

export interface PostgresCdcOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | null;
  readonly database: string;
  readonly schema: string;
  readonly slot: string;
  readonly createsSlot: boolean;
  readonly publication: string;
  readonly createsPublication: boolean;
  /** Options of TLS as they are given. */
  readonly tls: Readonly<Record<string, string>>;
  readonly connectMillis: number;
  readonly requestMillis: number;
  readonly snapshotBatch: number;
  readonly snapshotAtomic: number;
  /** Null: any. */
  readonly maxTransactionBytes: number | null;
}

/** Of checked options; names of slot and publication have been filled in. */
export function readOptions(options: ReadonlyMap<string, string>): PostgresCdcOptions {
  const text = (name: string): string => options.get(name) ?? '';
  const number = (name: string): number => Number(text(name));
  const slot = text('slot.name');
  return {
    host: text('hostname'),
    port: number('port'),
    user: text('username'),
    password: options.get('password') ?? null,
    database: text('database.name'),
    schema: text('schema.name'),
    slot,
    createsSlot: text('slot.create.enable') !== 'false',
    publication: options.get('publication.name') ?? slot,
    createsPublication: text('publication.create.enable') !== 'false',
    tls: Object.fromEntries(
      [...options].filter(([name]) => name === 'ssl.mode' || postgresTlsDetails.has(name)),
    ),
    connectMillis: Math.max(1, number('connect.timeout.ms')),
    requestMillis: Math.max(1, number('request.timeout.ms')),
    snapshotBatch: Math.max(1, number('snapshot.batch.size')),
    snapshotAtomic: number('snapshot.atomic.rows'),
    maxTransactionBytes:
      options.get('transaction.max.mb') === undefined
        ? null
        : Math.max(1, number('transaction.max.mb')) * 2 ** 20,
  };
}
