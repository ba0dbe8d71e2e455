/** CREATE SOURCE, and the connector part of CREATE TABLE. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import { plainContext } from '../../common/textIo.ts';
import type { SourceConnector } from '../../connector/connector.ts';
import { checkEncodeOptions } from '../../connector/formats/encodes.ts';
import { sourceConnectors } from '../../connector/index.ts';
import { checkOptions } from '../../connector/options.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import type { CreateSource, CreateTable, FormatEncode } from '../../parser/ast/statement.ts';
import { createCdcSource } from '../cdc/createSource.ts';
import { isCdc } from '../cdc/declare.ts';
import { createDeadRelation } from '../deadLetters/deadRelation.ts';
import { letterPolicy } from '../deadLetters/policy.ts';
import { Entry, type SourceObject, type TableColumn } from '../objects.ts';
import { bindEnvironment, routinesUsed } from '../planning.ts';
import { findRemote } from '../remote/declare.ts';
import { type IncludedColumn, includedFields } from '../remote/include.ts';
import { includedColumns } from '../remote/includedColumns.ts';
import { inferredStatement } from '../remote/inferredColumns.ts';
import { optionValues, secretsFor } from '../secrets/optionValues.ts';
import { SourceRuntime } from '../sourceRuntime.ts';
import { declaredTime, sourceAdmission } from '../time/declare.ts';
import { createLateRelation } from '../time/lateRelation.ts';
import { otherOptions, ttlOptions } from '../time/timeOptions.ts';
import { bindValidation } from '../webhook/validation.ts';
import { catalogWatermark, tableShape } from './columns.ts';
import { createStream } from './createStream.ts';
import { rateLimitOf } from './rateLimit.ts';
import {
  creationSchema,
  done,
  nameTaken,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from './statement.ts';

export function findConnector(name: string, position: number): SourceConnector {
  const connector = sourceConnectors.find((c) => c.name === name.toLowerCase());
  if (connector === undefined) {
    throw unsupported(
      `connector "${name}"`,
      position,
      `Connectors: ${[...sourceConnectors, ...remoteConnectors].map((c) => c.name).join(', ')}.`,
    );
  }
  return connector;
}

function checkFormat(connector: SourceConnector, format: FormatEncode | null, position: number): void {
  const spelled = format === null ? 'NATIVE' : `${format.format} ${format.encode}`;
  if (format?.format === 'NATIVE' && format.encode === 'NATIVE' && connector.formats.includes('NATIVE'))
    return;
  if (!connector.formats.includes(spelled)) {
    const shown = format === null ? 'no FORMAT clause' : `FORMAT ${format.format} ENCODE ${format.encode}`;
    throw new SqlError('0A000', `${shown} is not supported by connector ${connector.name}`, {
      position: format?.span.start ?? position,
      hint: `It takes ${connector.formats.map((f) => (f === 'NATIVE' ? 'no clause' : `FORMAT ${f.replace(' ', ' ENCODE ')}`)).join(' or ')}.`,
    });
  }
}

/** The columns of INCLUDE over a connector of the server's own. */
export function localIncluded(
  { include }: Pick<CreateSource | CreateTable, 'include'>,
  connector: SourceConnector,
  context: StatementContext,
): readonly IncludedColumn[] {
  const { name, include: known = [] } = connector;
  return includedColumns(include, { name, include: known }, bindEnvironment(context));
}

/** The running part of a source for the physical columns, those of INCLUDE at the end. */
export function sourceOf(
  statement: Pick<CreateSource | CreateTable, 'options' | 'format' | 'include' | 'span'> &
    Partial<Pick<CreateTable, 'validation'>>,
  columns: readonly TableColumn[],
  context: StatementContext,
): SourceRuntime {
  const secrets = secretsFor(context);
  const given = optionValues(otherOptions(statement.options), secrets);
  const limit = given.get('source_rate_limit');
  given.delete('source_rate_limit');
  const connector = findConnector(given.get('connector') ?? '', statement.span.start);
  const options = checkOptions(connector, given);
  checkFormat(connector, statement.format, statement.span.start);
  const fixed = connector.fixedColumns(options);
  if (fixed !== null) checkFixed(columns, fixed, connector);
  const letters = letterPolicy(statement.options);
  const { database } = context;
  const timeZone = context.settings.value('timezone');
  const included = includedFields(localIncluded(statement, connector, context), columns.length, {
    ...plainContext(() => database.clock()),
    timeZone,
  });
  const validation = statement.validation ?? null;
  const config = {
    options,
    columns,
    format: statement.format?.format ?? null,
    encode: statement.format?.encode ?? null,
    encodeOptions:
      statement.format === null ? new Map<string, string>() : optionValues(statement.format.options, secrets),
    clock: () => database.clock(),
    timeZone,
    onError: letters.onError,
    ...(included === undefined ? {} : { included }),
    validated: validation !== null,
  };
  // A reader is opened once now, so that a bad configuration fails here. A restart must not fail at it.
  if (database.recovery === null) {
    checkOwnOptions(config.encode, config.encodeOptions);
    connector.open(config, null).close();
    connector.currentEnd(config);
  }
  const source = new SourceRuntime(connector, config);
  source.letters = letters;
  if (validation !== null) source.validation = bindValidation(validation, columns, context);
  if (limit !== undefined) source.limit = rateLimitOf(limit, statement.span.start);
  return source;
}

/** 22023 for options that the encoding does not have; of Parquet, which only files are in, the connector says so itself. */
function checkOwnOptions(encode: string | null, given: ReadonlyMap<string, string>): void {
  if (encode === 'JSON' || encode === 'CSV') checkEncodeOptions(encode, given);
}

/** Columns written for a connector with a schema of its own must be that schema's, in its order. */
function checkFixed(
  columns: readonly TableColumn[],
  fixed: readonly { readonly name: string; readonly type: TableColumn['type'] }[],
  connector: SourceConnector,
): void {
  const wrong =
    columns.length !== fixed.length ||
    columns.some((c, i) => c.name !== fixed[i]?.name || !compatible(c.type, fixed[i]?.type));
  if (!wrong) return;
  throw new SqlError('42P16', `columns do not match those of connector ${connector.name}`, {
    detail: `Its columns are ${fixed.map((c) => c.name).join(', ')}.`,
    hint: 'Leave the column list out to take them.',
  });
}

function compatible(a: TableColumn['type'], b: TableColumn['type'] | undefined): boolean {
  if (b === undefined) return false;
  if (a.id === 'struct' && b.id === 'struct') {
    return (
      a.fields.length === b.fields.length &&
      a.fields.every((f, i) => f.name === b.fields[i]?.name && compatible(f.type, b.fields[i]?.type))
    );
  }
  const isText = (t: TableColumn['type']): boolean => t.id === 'text' || t.id === 'varchar';
  return a.id === b.id || (isText(a) && isText(b));
}

/** Rows of a source are never taken back: they cannot expire. */
function refuseTtl({ options, elements }: CreateSource): void {
  const option = options.find((o) => ttlOptions.some((t) => t.name === o.name));
  if (option !== undefined) {
    throw new SqlError('22023', `option "${option.name}" is for tables and materialized views`, {
      position: option.span.start,
      hint: 'Rows of a source are never taken back. Use it on a view over the source, or on CREATE TABLE ... WITH (connector = ...).',
    });
  }
  const watermark = elements.find((e) => e.kind === 'Watermark');
  if (watermark?.withTtl === true) {
    throw new SqlError('42P16', 'WATERMARK ... WITH TTL is not allowed on a source', {
      position: watermark.column.span.start,
      hint: 'Rows of a source are never taken back: leave WITH TTL out.',
    });
  }
}

export const createSource: StatementHandler<CreateSource> = {
  async run(statement, context) {
    context.requireNoTransactionBlock('CREATE SOURCE');
    if (isCdc(statement)) return createCdcSource(statement, context);
    if (statement.temporary) throw unsupported('CREATE TEMPORARY SOURCE', statement.span.start);
    refuseTtl(statement);
    const remote = findRemote(statement, context.database);
    if (remote !== null) {
      const told = await inferredStatement(statement, remote, context, (s) => s.kind === 'CreateSource');
      return createStream(told?.statement ?? statement, remote, told?.context ?? context);
    }
    const target = splitName(statement.name, context);
    const schema = creationSchema(target, context);
    const given = otherOptions(statement.options).filter((o) => o.name !== 'source_rate_limit');
    const options = optionValues(given, secretsFor(context));
    const name = options.get('connector');
    if (name === undefined) {
      throw new SqlError('42601', 'CREATE SOURCE needs the option connector', {
        position: statement.span.start,
        hint: "Write WITH (connector = '...').",
      });
    }
    const connector = findConnector(name, statement.span.start);
    if (connector.tablesOnly === true) {
      throw unsupported(
        `CREATE SOURCE with connector ${connector.name}`,
        statement.span.start,
        'Use CREATE TABLE: what comes is kept.',
      );
    }
    const fixed = connector.fixedColumns(checkOptions(connector, options));
    const included = localIncluded(statement, connector, context);
    const shape = tableShape(statement.elements, fixed, target.name, context, included);
    if (shape.columns.length === included.length) {
      throw new SqlError('42P16', `a source of connector ${connector.name} needs a column list`, {
        position: statement.span.start,
      });
    }
    if (shape.primaryKey.length > 0)
      throw unsupported(
        'PRIMARY KEY on a source',
        statement.span.start,
        'Use CREATE TABLE ... WITH (connector = ...).',
      );
    const source = sourceOf(
      statement,
      shape.columns.filter((c) => c.generated === null),
      context,
    );
    const timeZone = context.settings.value('timezone');
    const partitions = connector.partitions?.(source.config.options) ?? [];
    const rule = declaredTime(shape.watermark, shape.columns, statement.options, timeZone, partitions);
    const { database } = context;
    return database.exclusive(() => {
      if (nameTaken(schema, target.name, statement.ifNotExists, context)) return done('CREATE SOURCE');
      const id = database.catalog.allocateId();
      const node = database.dataflow.add(null, `Source ${target.name}`, []);
      const entry = new Entry({
        id,
        kind: 'source',
        schema,
        name: target.name,
        columns: shape.columns,
        key: null,
        appendOnly: connector.appendOnly,
        watermark: catalogWatermark(shape.watermark),
        processTime: shape.processTime,
        rows: () => Number(source.rowsRead),
      });
      const object: SourceObject = {
        kind: 'source',
        id,
        schema,
        name: target.name,
        owner: context.user,
        ...originOf(context),
        dependsOn: routinesUsed(context),
        columns: shape.columns,
        node,
        source,
        admission: sourceAdmission(database, shape, rule, source, timeZone),
        watermark: catalogWatermark(shape.watermark),
        entry,
      };
      database.catalog.add(object);
      if (rule !== null) createLateRelation(database, object, object.columns, rule.type, rule.options);
      createDeadRelation(database, object, source.letters);
      database.journalDdl(originOf(context), id);
      return done('CREATE SOURCE');
    });
  },
};
