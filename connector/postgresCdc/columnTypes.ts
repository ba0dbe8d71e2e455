/** Which of our types a column of PostgreSQL has, and which others it may be declared as. Values arrive as text. */
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { typeOfOid } from '../../common/typeTable.ts';

/** A type as pg_type has it, domains resolved. */
export interface UpstreamType {
  readonly oid: number;
  /** As format_type writes it. */
  readonly name: string;
  /** typtype: b, e (enum), c ... */
  readonly kind: string;
  /** Of an array; null: it is none. */
  readonly element: { readonly oid: number; readonly kind: string } | null;
}

/** Types whose text means the same here. */
const same: ReadonlySet<DataType['id']> = new Set([
  'bool',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'varchar',
  'bytea',
  'date',
  'time',
  'timetz',
  'timestamp',
  'timestamptz',
  'interval',
  'json',
  'jsonb',
  'uuid',
]);

function scalarOf(oid: number, kind: string): DataType | null {
  if (kind === 'e') return types.varchar;
  const type = typeOfOid(oid);
  if (type === null) return null;
  if (type.id === 'oid') return types.int8;
  // Blanks at the end stay as the server writes them.
  if (type.id === 'bpchar' || type.id === 'name' || type.id === 'char') return types.varchar;
  return same.has(type.id) ? type : null;
}

/** The type that `*` gives the column; null: there is none like it. */
export function columnType({ oid, kind, element }: UpstreamType): DataType | null {
  if (element === null) return scalarOf(oid, kind);
  const item = scalarOf(element.oid, element.kind);
  return item === null ? null : arrayOf(item);
}

const isText = (type: DataType): boolean => type.id === 'varchar' || type.id === 'text';

/** Every value of the key fits the others. */
const wider: Readonly<Partial<Record<DataType['id'], readonly DataType['id'][]>>> = {
  int2: ['int4', 'int8', 'numeric', 'float4', 'float8'],
  int4: ['int8', 'numeric', 'float8'],
  int8: ['numeric'],
  float4: ['float8'],
  json: ['jsonb'],
  jsonb: ['json'],
};

function fits(from: DataType, to: DataType): boolean {
  if (from.id === 'array') return to.id === 'array' && fits(from.element, to.element);
  return from.id === to.id || (isText(from) && isText(to)) || wider[from.id]?.includes(to.id) === true;
}

/** Whether a column of the server's may be declared with this type. Text takes everything, as the server writes it. */
export function mayBeDeclared(upstream: UpstreamType, declared: DataType): boolean {
  if (isText(declared)) return true;
  const own = columnType(upstream);
  return own !== null && fits(own, declared);
}
