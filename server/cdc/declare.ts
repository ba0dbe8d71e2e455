/** What CREATE SOURCE and CREATE TABLE say of PostgreSQL CDC: checked options, with the names that Millrace chooses written into them. */

import type { Column } from '../../common/dataType.ts';
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { SourceConfig } from '../../connector/connector.ts';
import { checkOptions } from '../../connector/options.ts';
import { POSTGRES_CDC } from '../../connector/postgresCdc/options.ts';
import { postgresCdc } from '../../connector/postgresCdc/source.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { CreateSource, CreateTable } from '../../parser/ast/statement.ts';
import type { StatementContext } from '../statements/statement.ts';

type Fed = Pick<CreateSource | CreateTable, 'options' | 'include' | 'format' | 'span'>;

/** The statement is of this connector: by its option, or because it names a source. */
export function isCdc(statement: Fed & { readonly fromSource?: CreateTable['fromSource'] }): boolean {
  if (statement.fromSource != null) return true;
  return statement.options.some(
    ({ name, value }) =>
      name === 'connector' && value.kind !== 'secret' && String(value.value).toLowerCase() === POSTGRES_CDC,
  );
}

export function refuseClauses(statement: Fed): void {
  const [include] = statement.include;
  if (include !== undefined) throw unsupported(`INCLUDE ${include.field}`, include.span.start);
  const { format } = statement;
  if (format === null || format.format === 'NATIVE') return;
  if (postgresCdc.formats.includes(`${format.format} ${format.encode}`)) return;
  throw new SqlError(
    '0A000',
    `FORMAT ${format.format} ENCODE ${format.encode} is not supported by connector ${POSTGRES_CDC}`,
    {
      position: format.span.start,
      hint: 'Leave the clause out.',
    },
  );
}

/** Options with the names of slot and publication that the definition keeps. */
export function namedOptions(statement: Fed, context: StatementContext): readonly Option[] {
  const { options, span } = statement;
  const has = (name: string): boolean => options.some((o) => o.name === name);
  const named = (name: string, value: string): Option => ({
    kind: 'Option',
    name,
    value: { kind: 'string', value },
    span,
  });
  const random = (): string => Buffer.from(context.database.environment.randomBytes(6)).toString('hex');
  const added: Option[] = [];
  const given = options.find((o) => o.name === 'slot.name')?.value;
  const slot =
    given === undefined ? `millrace_${random()}` : given.kind === 'secret' ? '' : String(given.value);
  if (!/^[a-z0-9_]{1,63}$/.test(slot)) {
    throw new SqlError('42602', `replication slot name "${slot}" is not valid`, {
      hint: 'Replication slot names may only contain lower case letters, numbers, and the underscore character.',
    });
  }
  if (given === undefined) added.push(named('slot.name', slot));
  if (!has('publication.name')) added.push(named('publication.name', slot));
  return [...options, ...added];
}

/** Checked options, and everything that a source of the connector is told. */
export function cdcConfig(
  given: ReadonlyMap<string, string>,
  columns: readonly Column[],
  context: StatementContext,
): SourceConfig {
  const { database } = context;
  return {
    options: checkOptions(postgresCdc, given),
    columns,
    format: null,
    encode: null,
    encodeOptions: new Map(),
    clock: () => database.clock(),
    timeZone: context.settings.value('timezone'),
  };
}
