/** Types as written to types. */
import { arrayOf, type DataType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { TypeName } from '../../parser/ast/common.ts';
import type { BindEnvironment } from './environment.ts';
import { isFields } from './intervals.ts';

/** The type that a type name means; 42704 when there is none. `env` finds row types of relations. */
export function dataTypeOf(name: TypeName, env: BindEnvironment | null = null): DataType {
  const position = name.span.start;
  const parts = name.name.parts.map((p) => p.name);
  const last = parts[parts.length - 1] ?? '';
  let base: DataType | null;
  if (name.fields !== null) {
    base = {
      id: 'struct',
      fields: name.fields.map((f) => ({ name: f.name.name, type: dataTypeOf(f.type, env) })),
    };
  } else {
    refuseKnown(last, parts, position);
    const known =
      parts.length === 1 || parts[0] === 'pg_catalog' ? typeName(last, name.modifiers, position) : null;
    base =
      known ??
      env?.catalog.rowType(parts.length > 1 ? (parts[0] ?? null) : null, last, env.searchPath) ??
      null;
  }
  const schema = parts.at(-2);
  if (base === null && schema !== undefined && env?.catalog.hasSchema(schema) === false) {
    throw new SqlError('3F000', `schema "${schema}" does not exist`, { position });
  }
  if (base === null) throw new SqlError('42704', `type "${parts.join('.')}" does not exist`, { position });
  const type = withFields(base, name.intervalFields);
  return name.arrayDepth > 0 ? arrayOf(type) : type;
}

/** `interval day to minute`: the fields that an interval type keeps. */
function withFields(type: DataType, fields: string | null): DataType {
  if (type.id !== 'interval' || fields === null || !isFields(fields)) return type;
  return { ...type, fields };
}

/** PostgreSQL's and RisingWave's types that are not here, so that they are not taken for misspelled ones. */
const otherTypes: ReadonlySet<string> = new Set([
  ...['map', 'vector', 'int256', 'rw_int256', 'variant'],
  ...['bit', 'varbit', 'bit varying', 'money', 'xml', 'jsonpath', 'tsvector', 'tsquery', 'pg_lsn'],
  ...['inet', 'cidr', 'macaddr', 'macaddr8', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'],
  ...['int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange'],
  ...[
    'int4multirange',
    'int8multirange',
    'nummultirange',
    'tsmultirange',
    'tstzmultirange',
    'datemultirange',
  ],
  ...['hstore', 'citext', 'txid_snapshot', 'pg_snapshot'],
]);

function refuseKnown(last: string, parts: readonly string[], position: number): void {
  if (!otherTypes.has(last)) return;
  if (parts.length === 1 || parts[0] === 'pg_catalog') throw unsupported(`type ${last}`, position);
}

function typeName(name: string, modifiers: readonly number[], position: number): DataType | null {
  try {
    return typeFromName(name, modifiers);
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}
