/** What a CREATE SINK statement says, checked: connector, options, format, and over a relation its columns, key and mode. */
import type { Column } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { OptionSpec } from '../../connector/connector.ts';
import { encodeOptions, KEY_ENCODE } from '../../connector/encoders/encoder.ts';
import { checkOptions } from '../../connector/options.ts';
import type { SinkConnector, SinkFormat } from '../../connector/sink.ts';
import { sinkConnectors } from '../../connector/sinks.ts';
import type { SinkMode } from '../../executor/operators/sink.ts';
import type { CreateSink } from '../../parser/ast/streaming.ts';
import type { RelationObject } from '../objects.ts';
import { optionValues } from '../secrets/optionValues.ts';
import type { SecretScope } from '../secrets/secrets.ts';
import type { ViewPlan } from '../views/planView.ts';

/** Options of every sink, whatever its connector. */
export const sinkOptions: readonly OptionSpec[] = [
  { name: 'connector', type: 'string', required: true, doc: 'What writes.' },
  {
    name: 'type',
    type: 'string',
    choices: ['append-only', 'upsert', 'debezium'],
    doc: 'Another way to say FORMAT PLAIN, UPSERT or DEBEZIUM.',
  },
  {
    name: 'primary_key',
    type: 'list',
    doc: 'Columns that tell rows apart, for UPSERT and DEBEZIUM. They must include the key of the relation, which they are when the option is absent.',
  },
  {
    name: 'force_append_only',
    type: 'boolean',
    default: 'false',
    doc: 'FORMAT PLAIN of a relation whose rows change: new rows are written, and those that go are not mentioned.',
  },
  {
    name: 'snapshot',
    type: 'boolean',
    default: 'true',
    doc: 'Whether the rows that are there already are written too.',
  },
  {
    name: 'columns',
    type: 'list',
    doc: 'Columns that are written. By default those that the relation has now.',
  },
  {
    name: 'sink_rate_limit',
    type: 'integer',
    alterable: true,
    doc: 'Changes a second that are delivered at most; `ALTER SINK ... SET SINK_RATE_LIMIT` changes it. 0: none.',
  },
  {
    name: 'sink_backlog_limit',
    type: 'integer',
    doc: 'Bytes of changes that may wait on disk for the target. What comes beyond them is not kept change by change, but given as the difference that it makes when the target has taken the rest; not of sinks over a source. Default: as much as the disk takes.',
  },
];

const formatOfType: Readonly<Record<string, SinkFormat>> = {
  'append-only': 'PLAIN',
  upsert: 'UPSERT',
  debezium: 'DEBEZIUM',
};

/** The statement without its relation. */
export interface DeclaredSink {
  readonly connector: SinkConnector;
  readonly options: ReadonlyMap<string, string>;
  /** Null: what the relation allows. */
  readonly format: SinkFormat | null;
  readonly encode: string;
  readonly encodeOptions: ReadonlyMap<string, string>;
  readonly primaryKey: readonly string[] | null;
  readonly columns: readonly string[] | null;
  readonly force: boolean;
  readonly snapshot: boolean;
  /** Changes a second; null: no limit. */
  readonly rateLimit: number | null;
  /** Bytes; null: no limit. */
  readonly backlogLimit: number | null;
  readonly position: number;
}

function connectorNamed(
  name: string | undefined,
  connectors: readonly SinkConnector[],
  position: number,
): SinkConnector {
  const known = `Connectors: ${connectors.map((c) => c.name).join(', ')}.`;
  if (name === undefined) {
    throw new SqlError('42601', 'CREATE SINK needs the option connector', {
      position,
      hint: `Write WITH (connector = '...'). ${known}`,
    });
  }
  const connector = connectors.find((c) => c.name === name.toLowerCase());
  if (connector === undefined) throw unsupported(`connector "${name}"`, position, known);
  return connector;
}

/** A JSON array of names, or names parted by commas. */
export function optionNames(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  if (text.startsWith('[')) return JSON.parse(text) as readonly string[];
  return text.split(',').map((name) => name.trim());
}

interface Clause {
  readonly format: SinkFormat;
  readonly encode: string;
  readonly keyEncode: string | null;
}

/** FORMAT and ENCODE, from the clause, the option `type`, or the connector's default. */
function clauseOf(statement: CreateSink, type: string | undefined, connector: SinkConnector): Clause {
  const position = statement.format?.span.start ?? statement.span.start;
  const written = statement.format;
  const [first = 'NATIVE'] = connector.formats;
  if (written === null && first === 'NATIVE')
    return { format: formatOfType[type ?? ''] ?? 'DEBEZIUM', encode: 'NATIVE', keyEncode: null };
  const [firstFormat = 'PLAIN', firstEncode = 'JSON'] = first.split(' ');
  const format = written?.format ?? formatOfType[type ?? ''] ?? firstFormat;
  const encode = written?.encode ?? firstEncode;
  if (written !== null && type !== undefined && formatOfType[type] !== format) {
    throw new SqlError('42601', `option "type" says ${type}, but FORMAT ${format} is written`, { position });
  }
  const keyEncode = written?.keyEncode ?? null;
  if (keyEncode !== null && connector.keyEncodes?.includes(keyEncode) !== true)
    throw unsupported(`KEY ENCODE ${keyEncode}`, position);
  if (!connector.formats.includes(`${format} ${encode}`)) {
    throw new SqlError(
      '0A000',
      `FORMAT ${format} ENCODE ${encode} is not supported by connector ${connector.name}`,
      {
        position,
        hint: `It takes ${connector.formats.map((f) => (f === 'NATIVE' ? 'no clause' : `FORMAT ${f.replace(' ', ' ENCODE ')}`)).join(' or ')}.`,
      },
    );
  }
  return { format: format as SinkFormat, encode, keyEncode };
}

/** Options of the ENCODE clause: those of its encoding, and of the key's where that is another. */
function encodeSpecs(
  connector: SinkConnector,
  encode: string,
  keyEncode: string | null,
): readonly OptionSpec[] {
  const own = connector.encodeOptions?.get(encode) ?? encodeOptions.get(encode) ?? [];
  const key = keyEncode === null ? [] : (encodeOptions.get(keyEncode) ?? []);
  return [...own, ...key.filter((spec) => own.every((o) => o.name !== spec.name))];
}

/** `connectors`: where sinks can write. */
export function declaredSink(
  statement: CreateSink,
  secrets: SecretScope,
  connectors: readonly SinkConnector[] = sinkConnectors,
): DeclaredSink {
  const position = statement.span.start;
  const options = optionValues(statement.options, secrets);
  const connector = connectorNamed(options.get('connector'), connectors, position);
  const common = new Map<string, string>();
  for (const { name } of sinkOptions) {
    const value = options.get(name);
    if (value === undefined) continue;
    common.set(name, value);
    options.delete(name);
  }
  const specs = sinkOptions.filter(({ name }) => name !== 'connector');
  const own = checkOptions({ name: connector.name, options: specs }, common);
  const { format, encode, keyEncode } = clauseOf(statement, own.get('type'), connector);
  const encodeGiven = optionValues(statement.format?.options ?? [], secrets);
  // RisingWave has it there.
  const forced = encodeGiven.get('force_append_only') ?? own.get('force_append_only');
  encodeGiven.delete('force_append_only');
  return {
    connector,
    options: checkOptions(connector, options),
    format,
    encode,
    encodeOptions: new Map([
      ...checkOptions(
        {
          name: `ENCODE ${encode}`,
          options: encodeSpecs(connector, encode, keyEncode),
        },
        encodeGiven,
      ),
      ...(keyEncode === null ? [] : [[KEY_ENCODE, keyEncode] as const]),
    ]),
    primaryKey: optionNames(own.get('primary_key')),
    columns: optionNames(own.get('columns')),
    force: forced?.toLowerCase() === 'true',
    snapshot: own.get('snapshot') === 'true',
    rateLimit: own.has('sink_rate_limit') ? Number(own.get('sink_rate_limit')) : null,
    backlogLimit: own.has('sink_backlog_limit') ? Number(own.get('sink_backlog_limit')) : null,
    position,
  };
}

/** What there is to be known of a relation or query. */
export interface SinkInput {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly key: readonly number[] | null;
  readonly appendOnly: boolean;
}

export function relationInput({ name, columns, entry }: RelationObject): SinkInput {
  return { name, columns, key: entry.key, appendOnly: entry.appendOnly };
}

export function queryInput(name: string, { columns, planned }: ViewPlan): SinkInput {
  return { name, columns, key: planned.key, appendOnly: planned.plan.appendOnly };
}

/** The part of a sink that depends on its relation. */
export interface SinkOver {
  readonly columns: readonly Column[];
  /** Where they lie in the relation. */
  readonly positions: readonly number[];
  readonly key: readonly number[] | null;
  readonly mode: SinkMode;
  readonly format: SinkFormat;
}

/** Positions in the relation of the columns that are written. */
export function columnsOf(declared: DeclaredSink, relation: SinkInput): readonly number[] {
  const visible = relation.columns.flatMap((c, i) => (c.hidden === true ? [] : [i]));
  return declared.columns === null
    ? visible
    : declared.columns.map((name) => positionOf(relation, name, visible, declared.position));
}

function positionOf(relation: SinkInput, name: string, among: readonly number[], position: number): number {
  const found = among.find((i) => relation.columns[i]?.name === name);
  if (found !== undefined) return found;
  throw new SqlError('42703', `column "${name}" of relation "${relation.name}" does not exist`, { position });
}

/** Positions in the relation of the columns that tell its rows apart for the target; null: there are none. */
function keyOf(
  declared: DeclaredSink,
  relation: SinkInput,
  positions: readonly number[],
): readonly number[] | null {
  const { primaryKey, position, format } = declared;
  const { key } = relation;
  const shown = (columns: readonly number[]): string =>
    columns.map((c) => relation.columns[c]?.name).join(', ');
  if (primaryKey === null) return key?.every((k) => positions.includes(k)) === true ? key : null;
  if (primaryKey.length === 0 && format === 'PLAIN') return null;
  const own = primaryKey.map((name) => positionOf(relation, name, positions, position));
  if (format === 'PLAIN' || key?.every((k) => own.includes(k)) === true) return own;
  const hidden = key === null || key.some((k) => relation.columns[k]?.hidden === true);
  throw new SqlError(
    '42P16',
    `primary_key (${shown(own)}) does not tell the rows of "${relation.name}" apart`,
    {
      position,
      detail: hidden
        ? `"${relation.name}" has no key among its columns.`
        : `Its key is (${shown(key)}): the primary key must include it.`,
    },
  );
}

/** Checks that the relation's changes can be said in the sink's format. */
export function sinkOver(declared: DeclaredSink, relation: SinkInput): SinkOver {
  const { force, position, encode } = declared;
  const format = declared.format ?? 'PLAIN';
  const positions = columnsOf(declared, relation);
  const columns = positions.flatMap((p) => relation.columns[p] ?? []);
  const key = keyOf(declared, relation, positions);
  const within = key?.map((k) => positions.indexOf(k)) ?? null;
  if (format === 'PLAIN') {
    if (!relation.appendOnly && !force) {
      throw new SqlError('42P16', `an append-only sink cannot take the changes of "${relation.name}"`, {
        position,
        detail: 'Its rows are not only added, but changed and removed.',
        hint: "Use FORMAT UPSERT or DEBEZIUM, or force_append_only = 'true' to leave removals out.",
      });
    }
    // Forced: whatever the relation is now, it may become another (CREATE OR REPLACE), and a restart sees only that.
    return { columns, positions, key: within, mode: force ? 'inserts' : 'rows', format };
  }
  if (within === null && encode !== 'NATIVE') {
    throw new SqlError(
      '42P16',
      `FORMAT ${format} needs a primary key, and "${relation.name}" has none among its columns`,
      {
        position,
        hint: 'Let the query give the columns of its key, or use FORMAT PLAIN.',
      },
    );
  }
  return { columns, positions, key: within, mode: 'changes', format };
}
