/** INCLUDE clauses to columns, with RisingWave's names and the connector's types. */
import { arrayOf, type DataType, types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import type { RemoteConnector } from '../../connector/remote.ts';
import type { IncludeColumn } from '../../parser/ast/statement.ts';
import type { BindEnvironment } from '../../planner/bind/bind.ts';
import { dataTypeOf } from '../../planner/bind/typeNames.ts';
import type { IncludedColumn } from './include.ts';

/** All headers of a message. */
const headersType: DataType = arrayOf({
  id: 'struct',
  fields: [
    { name: 'name', type: types.varchar },
    { name: 'value', type: types.bytea },
  ],
});

/** RisingWave's name of a column that has none: `_rw_kafka_header_trace_varchar`. */
function defaultName(connector: string, column: IncludeColumn, type: DataType | null): string {
  const typeName = type === null ? null : formatType(type).replaceAll(' ', '_');
  return ['_rw', connector, column.field.toLowerCase(), column.key, typeName]
    .filter((part) => part !== null)
    .join('_');
}

/** Types that bytes can become. */
function isReadable(type: DataType): boolean {
  return type.id !== 'struct' && type.id !== 'array';
}

/** The columns of INCLUDE clauses, in their order. */
export function includedColumns(
  clauses: readonly IncludeColumn[],
  connector: Pick<RemoteConnector, 'name' | 'include'>,
  env: BindEnvironment,
): readonly IncludedColumn[] {
  return clauses.map((clause) => {
    const position = clause.span.start;
    const field = clause.field.toLowerCase();
    const known = connector.include.find((f) => f.name === field);
    if (known === undefined) {
      throw new SqlError('0A000', `INCLUDE ${clause.field} is not supported by connector ${connector.name}`, {
        position,
        hint: `It has ${connector.include.map((f) => f.name).join(', ') || 'nothing to include'}.`,
      });
    }
    if (clause.key !== null && field !== 'header') {
      throw new SqlError('42601', `INCLUDE ${clause.field} has no parts to choose from`, { position });
    }
    const given = clause.type === null ? null : dataTypeOf(clause.type, env);
    if (given !== null && !isReadable(given)) {
      throw new SqlError('42804', `INCLUDE ${clause.field} cannot be of type ${formatType(given)}`, {
        position,
      });
    }
    if (given !== null && field === 'header' && clause.key === null) {
      throw new SqlError('42804', 'INCLUDE header takes a type only for one header', {
        position,
        hint: `Write INCLUDE header 'name' ${formatType(given)}.`,
      });
    }
    const own = field === 'header' ? (clause.key === null ? headersType : types.bytea) : known.type;
    return {
      name: clause.alias?.name ?? defaultName(connector.name, clause, given),
      type: given ?? own,
      field,
      header: clause.key,
    };
  });
}
