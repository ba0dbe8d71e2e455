/** Options as connectors get them: by name, with the values of secrets in the place of their names. */
import { SqlError } from '../../common/sqlError.ts';
import type { Option } from '../../parser/ast/common.ts';
import type { StatementContext } from '../statements/statement.ts';
import type { SecretScope } from './secrets.ts';

/** Secrets as a statement names them. */
export function secretsFor({
  database,
  searchPath,
}: Pick<StatementContext, 'database' | 'searchPath'>): SecretScope {
  return database.secrets.scope(searchPath());
}

/** 42601 for an option that comes twice, 42704 for a secret that there is not. */
export function optionValues(options: readonly Option[], secrets: SecretScope): Map<string, string> {
  const map = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, value, span } of options) {
    if (seen.has(name)) {
      throw new SqlError('42601', `option "${name}" specified more than once`, { position: span.start });
    }
    seen.add(name);
    const text = value.kind === 'secret' ? secrets.value(value.name, value.asFile) : String(value.value);
    // One that is lost is as if it had not been given.
    if (text !== null) map.set(name, text);
  }
  return map;
}
