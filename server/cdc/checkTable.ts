/** Whether a table here can follow a table in PostgreSQL: its columns, their types, and a key by which changes find their rows. */
import { must } from '../../common/assert.ts';
import type { DataType } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import { columnType, mayBeDeclared } from '../../connector/postgresCdc/columnTypes.ts';
import { shownTable, type UpstreamTable } from '../../connector/postgresCdc/upstream.ts';
import type { Followed } from './runtime.ts';

interface DeclaredColumn {
  readonly name: string;
  readonly type: DataType;
}

/** What `*` stands for. 0A000 where a column has a type that there is none like. */
export function upstreamColumns(
  table: UpstreamTable,
): readonly (DeclaredColumn & { readonly nullable: boolean })[] {
  return table.columns.flatMap((column) => {
    if (column.generated) return [];
    const type = columnType(column.type);
    if (type === null) {
      throw new SqlError(
        '0A000',
        `column "${column.name}" of table "${shownTable(table)}" has type ${column.type.name}, which is not supported`,
        {
          hint: 'Write the columns out: it can be declared varchar, which takes the text that PostgreSQL writes, or be left out.',
        },
      );
    }
    return [{ name: column.name, type, nullable: !column.notNull }];
  });
}

/** Columns that come from the connector, checked one by one; gives what is to be remembered of them. */
export function followedOf(table: UpstreamTable, columns: readonly DeclaredColumn[]): Followed {
  const types: Record<string, number> = {};
  for (const { name, type } of columns) {
    const column = table.columns.find((c) => c.name === name);
    if (column === undefined) {
      throw new SqlError(
        '42703',
        `column "${name}" does not exist in table "${shownTable(table)}" in PostgreSQL`,
        {
          hint: `Its columns are ${table.columns.map((c) => c.name).join(', ')}.`,
        },
      );
    }
    if (column.generated) {
      throw new SqlError(
        '0A000',
        `column "${name}" of table "${shownTable(table)}" is generated in PostgreSQL`,
        {
          hint: 'Generated columns are not in the stream of changes. Leave it out, or generate it here: name type AS expression.',
        },
      );
    }
    if (!mayBeDeclared(column.type, type)) {
      const own = columnType(column.type);
      throw new SqlError(
        '42804',
        `column "${name}" is of type ${column.type.name} in PostgreSQL, it cannot be ${formatType(type)}`,
        {
          hint: own === null ? 'Declare it varchar.' : `Declare it ${formatType(own)} or varchar.`,
        },
      );
    }
    types[name] = column.typeOid;
  }
  return { oid: table.oid, types };
}

/** Changes must tell which row they are of. 55000 with what to do when they do not. */
export function checkKey(table: UpstreamTable, key: readonly string[]): void {
  if (table.identity === 'full') return;
  const name = shownTable(table);
  if (table.identity === 'none') {
    throw new SqlError(
      '55000',
      `table "${name}" has no replica identity: its updates and deletions do not tell which row they are of`,
      {
        hint: `Give it a primary key, or ALTER TABLE ${name} REPLICA IDENTITY FULL in PostgreSQL.`,
      },
    );
  }
  const identity = new Set(table.identityColumns);
  if (identity.size === key.length && key.every((column) => identity.has(column))) return;
  throw new SqlError(
    '42P16',
    `PRIMARY KEY (${key.join(', ')}) is not the replica identity of table "${name}"`,
    {
      hint: `Use PRIMARY KEY (${table.identityColumns.join(', ')}), or ALTER TABLE ${name} REPLICA IDENTITY FULL in PostgreSQL.`,
    },
  );
}

/** The key that `*` takes over: the table's own, else that of its replica identity. */
export function keyOf(table: UpstreamTable): readonly string[] {
  const key = table.primaryKey.length > 0 ? table.primaryKey : table.identityColumns;
  if (key.length > 0) return key;
  throw new SqlError('42P16', `table "${shownTable(table)}" has no primary key in PostgreSQL`, {
    hint: 'Write PRIMARY KEY (...) with columns that tell its rows apart.',
  });
}

/** The columns of a table by position, as `followedOf` takes them. */
export function columnsAt<C>(columns: readonly C[], positions: readonly number[]): readonly C[] {
  return positions.map((p) => must(columns[p]));
}
