/**
 * ALTER TABLE | SOURCE ... ADD | DROP | ALTER COLUMN of a relation that a connector feeds by the names of its columns. The
 * connector's runtime stays the same one, with its position and counts; what its reader has decoded and the journal has not is
 * decoded again, or completed, by the new columns (`RemoteSource.changeColumns`). So every row up to the statement's record
 * in the journal has the old layout, and every one after it the new.
 */
import { must } from '../../common/assert.ts';
import type { Row } from '../../common/value.ts';
import { makingStatement } from '../definitions/ownStatement.ts';
import type { TableObject } from '../objects.ts';
import { checkChanges, declareRemote } from '../remote/declare.ts';
import { RemoteSource } from '../remote/remoteSource.ts';
import { type TableShape, tableShape } from './columns.ts';
import { localIncluded } from './createSource.ts';
import { tableStatement } from './createStream.ts';
import { checkShape, makeTable } from './createTable.ts';
import type { StatementContext } from './statement.ts';

/** Connectors of the server's own whose rows depend on nothing but what they read. */
const byName: ReadonlySet<string> = new Set(['webhook', 'posix_fs']);

/** A connector fills whichever columns the relation has. */
export function isFedByName(table: TableObject): boolean {
  const { source } = table;
  if (source === null) return false;
  const { connector, config } = source;
  if (connector instanceof RemoteSource) return true;
  return byName.has(connector.name) && connector.fixedColumns(config.options) === null;
}

export interface FedTable {
  readonly after: TableObject;
  readonly shape: TableShape;
  /** Cannot fail: the connector fills the new columns from now on. `declared`: of a row of before; null: it cannot tell. */
  readonly goOn: (declared: ((row: Row) => Row) | null) => void;
}

/** The relation anew from its changed statement, fed by what feeds `table`. `context`: what the statement is understood by. */
export function fedTable(table: TableObject, sql: string, context: StatementContext): FedTable {
  // Parsed once more: texts are cut out of it by their places.
  const statement = makingStatement({ sql });
  const made =
    statement.kind === 'CreateSource'
      ? tableStatement(statement)
      : must(statement.kind === 'CreateTable' ? statement : null);
  const source = must(table.source);
  const { connector } = source;
  const isTable = table.stream === null;
  const remote =
    connector instanceof RemoteSource ? declareRemote(made, connector.remote, isTable, context) : null;
  const included = remote?.include ?? localIncluded(made, connector, context);
  const shape = tableShape(made.elements, null, table.name, context, included);
  checkShape(made, shape);
  if (remote !== null) checkChanges(remote, shape.primaryKey, isTable, made.span.start);
  const after = makeTable(made, shape, table.schema, table.name, context, table.id, remote, !isTable);
  const fresh = must(after.source);
  Object.assign(after, { source, stream: table.stream });
  const goOn = (declared: ((row: Row) => Row) | null): void => {
    if (connector instanceof RemoteSource && fresh.connector instanceof RemoteSource) {
      connector.redefine(fresh.connector.definition);
    }
    const [placed, picked] = [must(table.expander), must(after.expander)];
    const complete = declared === null ? null : (row: Row) => picked.physicalOf(declared(placed.place(row)));
    source.changeColumns(fresh.config, complete);
    source.validation = fresh.validation;
  };
  return { after, shape, goOn };
}
