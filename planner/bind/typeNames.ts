/** Types as written to types. */
import { arrayOf, type DataType } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { typeFromName } from '../../common/typeTable.ts';
import type { TypeName } from '../../parser/ast/common.ts';
import type { BindEnvironment } from './environment.ts';

/** The type that a type name means; 42704 when there is none. `env` finds row types of relations. */
export function dataTypeOf(name: TypeName, env: BindEnvironment | null = null): DataType {
  const position = name.span.start;
  const parts = name.name.parts.map((p) => p.name);
  const last = parts[parts.length - 1] ?? '';
  if (name.intervalFields !== null) throw unsupported(`type interval ${name.intervalFields}`, position);
  let base: DataType | null;
  if (name.fields !== null) {
    base = {
      id: 'struct',
      fields: name.fields.map((f) => ({ name: f.name.name, type: dataTypeOf(f.type, env) })),
    };
  } else {
    if (last === 'map' || last === 'vector' || last === 'int256' || last === 'rw_int256')
      throw unsupported(`type ${last}`, position);
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
  return name.arrayDepth > 0 ? arrayOf(base) : base;
}

function typeName(name: string, modifiers: readonly number[], position: number): DataType | null {
  try {
    return typeFromName(name, modifiers);
  } catch (error) {
    throw error instanceof SqlError ? error.at(position) : error;
  }
}
