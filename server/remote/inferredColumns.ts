/**
 * CREATE SOURCE and CREATE TABLE over a remote connector without a column list (or with `*` in it): the columns are inferred from a
 * schema or from messages, once, and written into the statement. What is kept, shown and read again at a restart is that statement,
 * so that nothing is ever inferred a second time.
 */
import { SqlError } from '../../common/sqlError.ts';
import { formatType } from '../../common/typeTable.ts';
import { type InferredColumn, inferColumns } from '../../connector/formats/infer.ts';
import type { RemoteConnector } from '../../connector/remote.ts';
import type { CreateSource, CreateTable, TableElement } from '../../parser/ast/statement.ts';
import { quoteIdent } from '../../parser/identifier.ts';
import { parse } from '../../parser/parse.ts';
import { printStatement } from '../../parser/print.ts';
import { cancellable } from '../statements/cancellable.ts';
import type { StatementContext } from '../statements/statement.ts';
import { declareRemote } from './declare.ts';
import { remoteConfig } from './remoteSource.ts';

export interface InferredStatement<S> {
  readonly statement: S;
  readonly context: StatementContext;
}

const asSchema: ReadonlySet<string> = new Set(['AVRO', 'PROTOBUF']);

function namesNoColumns(elements: readonly TableElement[]): boolean {
  return (
    elements.some((e) => e.kind === 'TableWildcard') || !elements.some((e) => e.kind === 'ColumnDefinition')
  );
}

/** The elements that declare these columns, besides those that are written. */
function withColumns(
  written: readonly TableElement[],
  columns: readonly InferredColumn[],
): readonly TableElement[] {
  const named = new Set(written.flatMap((e) => (e.kind === 'ColumnDefinition' ? [e.name.name] : [])));
  const list = columns
    .filter((c) => !named.has(c.name))
    .map((c) => `${quoteIdent(c.name)} ${formatType(c.type)}`);
  const [parsed] = parse(`CREATE TABLE t (${list.join(', ')})`);
  const added = parsed?.statement.kind === 'CreateTable' ? parsed.statement.elements : [];
  return [...added, ...written.filter((e) => e.kind !== 'TableWildcard')];
}

/** The statement with its columns; null: it has them, or there is nothing to tell them by. */
export async function inferredStatement<S extends CreateSource | CreateTable>(
  statement: S,
  remote: RemoteConnector,
  context: StatementContext,
  isKind: (parsed: CreateSource | CreateTable) => parsed is S,
): Promise<InferredStatement<S> | null> {
  const { database } = context;
  if (!namesNoColumns(statement.elements) || database.recovery !== null || database.restoring) return null;
  const declared = declareRemote(statement, remote, statement.kind === 'CreateTable', context);
  const { sample } = remote;
  if (sample === undefined && !asSchema.has(declared.encode)) return null;
  const name = statement.name.parts.at(-1)?.name ?? '';
  const config = remoteConfig({ name, identity: () => 'millrace_columns' }, declared.options);
  const inferring = inferColumns({
    format: declared.format,
    encode: declared.encode,
    options: declared.encodeOptions,
    topic: declared.options.get('topic') ?? null,
    sample: async (records) => (sample === undefined ? [] : sample(config, records)),
  });
  const columns = await cancellable(inferring, () => context.checkCancelled());
  const text = printStatement({ ...statement, elements: withColumns(statement.elements, columns) });
  const [again] = parse(text);
  const parsed = again?.statement;
  if ((parsed?.kind !== 'CreateSource' && parsed?.kind !== 'CreateTable') || !isKind(parsed)) {
    throw new SqlError('42P16', 'inferred columns cannot be declared', { hint: 'Declare the columns.' });
  }
  const inner: StatementContext = {
    ...context,
    sql: text,
    textOf: (node) => text.slice(node.span.start, node.span.end),
  };
  return { statement: parsed, context: inner };
}
