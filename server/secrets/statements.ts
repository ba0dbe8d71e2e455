/**
 * CREATE SECRET and ALTER SECRET. The journal has their statements with the value sealed (secretKey.ts), under a backend that only the
 * server itself may name.
 */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Alter } from '../../parser/ast/alter.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { CreateSecret } from '../../parser/ast/streaming.ts';
import { quoteIdent, quoteString } from '../../parser/identifier.ts';
import type { Database } from '../database.ts';
import { ownerNamed } from '../statements/alterNames.ts';
import {
  creationSchema,
  done,
  originOf,
  type StatementContext,
  type StatementHandler,
  splitName,
} from '../statements/statement.ts';
import { reopenUsers } from './reopen.ts';
import type { SecretObject } from './secrets.ts';

const SEALED = 'sealed';
const BACKENDS = ['meta'];

/** True when the value is as the disk has it: in a statement that the server has written. */
function isSealed(options: readonly Option[], { database }: StatementContext): boolean {
  const [first, second] = options;
  const unknown = options.find((o) => o.name !== 'backend');
  if (unknown !== undefined) {
    throw new SqlError('22023', `unknown option "${unknown.name}" for a secret`, {
      position: unknown.span.start,
      hint: 'Options of secrets: backend.',
    });
  }
  if (second !== undefined) {
    throw new SqlError('42601', 'option "backend" specified more than once', {
      position: second.span.start,
    });
  }
  if (first === undefined) return false;
  const backend = first.value.kind === 'secret' ? '' : String(first.value.value).toLowerCase();
  if (backend === SEALED && (database.recovery !== null || database.restoring)) return true;
  if (BACKENDS.includes(backend)) return false;
  if (backend === 'hashicorp_vault') throw unsupported(`backend "${backend}"`, first.span.start);
  throw new SqlError('22023', `invalid value for option "backend": "${backend}"`, {
    position: first.span.start,
    hint: `Use one of: ${BACKENDS.join(', ')}.`,
  });
}

const fullName = ({ schema, name }: SecretObject): string => `${quoteIdent(schema)}.${quoteIdent(name)}`;

const sealedTail = ({ sealed }: SecretObject): string =>
  `WITH (backend = '${SEALED}') AS ${quoteString(sealed)}`;

/** The statement that makes the secret, for the disk. */
export function sealedStatement(secret: SecretObject): string {
  return `CREATE SECRET ${fullName(secret)} ${sealedTail(secret)}`;
}

export const createSecret: StatementHandler<CreateSecret> = {
  async run(statement, context) {
    const tag = 'CREATE SECRET';
    context.requireNoTransactionBlock(tag);
    const { database } = context;
    const { secrets, catalog } = database;
    const sealed = isSealed(statement.options, context);
    const target = splitName(statement.name, context);
    const schema = creationSchema(target, context);
    const { name } = target;
    return database.exclusive(() => {
      if (secrets.find(schema, name, []) !== null) {
        const message = `secret "${name}" already exists`;
        if (!statement.ifNotExists) throw new SqlError('42710', message, { position: target.position });
        context.notice({ severity: 'NOTICE', state: '42710', message: `${message}, skipping` });
        return done(tag);
      }
      const made = { id: catalog.allocateId(), schema, name, owner: context.user };
      if (sealed) secrets.addSealed(made, statement.value);
      else journalNew(database, secrets.add(made, statement.value), context);
      return done(tag);
    });
  },
};

function journalNew(database: Database, secret: SecretObject, context: StatementContext): void {
  database.journalDdl({ ...originOf(context), sql: sealedStatement(secret) }, secret.id);
}

/** The secret that a statement names; null when it is missing and IF EXISTS allows it. */
export function findSecret(
  statement: Pick<Alter, 'name' | 'ifExists'>,
  context: StatementContext,
): SecretObject | null {
  const { schema, name, position } = splitName(statement.name, context);
  const secret = context.database.secrets.find(schema, name, context.searchPath());
  if (secret !== null) return secret;
  const message = `secret "${schema === null ? name : `${schema}.${name}`}" does not exist`;
  if (!statement.ifExists) throw new SqlError('42704', message, { position });
  context.notice({ severity: 'NOTICE', state: '00000', message: `${message}, skipping` });
  return null;
}

export const alterSecret: StatementHandler<Alter> = {
  async run(statement, context) {
    const tag = 'ALTER SECRET';
    context.requireNoTransactionBlock(tag);
    const [action, second] = statement.actions;
    if (second !== undefined) throw unsupported('several such changes in one ALTER', statement.span.start);
    const { database } = context;
    return database.exclusive(() => {
      const secret = findSecret(statement, context);
      if (secret === null) return done(tag);
      if (action?.kind === 'owner') {
        secret.owner = ownerNamed(action.to, context);
        database.journalDdl(originOf(context), null);
      } else if (action?.kind === 'secretValue') {
        const sealed = isSealed(action.options, context);
        changeValue(database, secret, action.value, sealed);
        const sql = `ALTER SECRET ${fullName(secret)} ${sealedTail(secret)}`;
        database.journalDdl({ ...originOf(context), sql }, null);
      } else {
        throw unsupported(`this form of ${tag}`, statement.span.start);
      }
      return done(tag);
    });
  },
};

/** What uses the secret is opened again. If the value does not do for all of it, nothing has changed. */
function changeValue(database: Database, secret: SecretObject, text: string, sealed: boolean): void {
  const { secrets } = database;
  const { value, sealed: before } = secret;
  if (sealed) secrets.changeSealed(secret, text);
  else secrets.change(secret, text);
  try {
    reopenUsers(database, secret);
  } catch (error) {
    Object.assign(secret, { value, sealed: before });
    reopenUsers(database, secret);
    throw error;
  }
}
