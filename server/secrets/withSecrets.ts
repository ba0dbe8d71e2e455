/**
 * Around every statement whose options may be secret: secrets that it names are there until it has ended, however long it takes to
 * connect, and whoever writes one in plain text is told that there is a better way.
 */
import { SqlError } from '../../common/sqlError.ts';
import { isPlainSecret } from '../../connector/secretOptions.ts';
import type { Statement } from '../../parser/ast/statement.ts';
import type { StatementContext, StatementHandler } from '../statements/statement.ts';
import { optionsIn, secretOptionsIn } from './optionsIn.ts';
import { secretsFor } from './optionValues.ts';
import type { SecretObject } from './secrets.ts';

function advise(statement: Statement, context: StatementContext): void {
  for (const { name, value } of optionsIn(statement)) {
    if (value.kind === 'secret' || !isPlainSecret(name, String(value.value))) continue;
    context.notice({
      severity: 'NOTICE',
      state: '00000',
      message: `option "${name}" is a secret in plain text`,
      hint: `It is shown nowhere, but kept as it is written. CREATE SECRET name WITH (backend = 'meta') AS '...' keeps it encrypted: write ${name} = SECRET name.`,
    });
  }
}

/** In a restart a lost value is reported at its end. */
function requireValues(secrets: readonly SecretObject[], { database }: StatementContext): void {
  if (database.recovery !== null || database.restoring) return;
  const lost = secrets.find((s) => s.value === null);
  if (lost === undefined) return;
  throw new SqlError('55000', `secret "${lost.name}" has no value`, {
    hint: `Its key is lost. Give it a value: ALTER SECRET ${lost.name} AS '...'.`,
  });
}

/** The handler, so surrounded. */
export function withSecrets<S extends Statement>(handler: StatementHandler<S>): StatementHandler<S> {
  return {
    ...handler,
    async run(statement, context) {
      const scope = secretsFor(context);
      const named = secretOptionsIn(statement).map(({ value }) => scope.secret(value.name));
      requireValues(named, context);
      advise(statement, context);
      const release = context.database.secrets.hold(named);
      try {
        return await handler.run(statement, context);
      } finally {
        release();
      }
    },
  };
}
