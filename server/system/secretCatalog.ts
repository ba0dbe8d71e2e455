/** millrace_catalog.secrets: which secrets there are and what uses them. Their values are shown nowhere. */
import { SqlArray } from '../../common/sqlArray.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const secretColumns: ColumnSpecs = {
  secrets: {
    id: 12480,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, owner name!, backend text!, has_value bool!, used_by text[]!, used_by_ids oid[]!',
  },
};

function* secrets({ database }: SystemView): Generator<Fields> {
  for (const secret of database.secrets.list()) {
    const users = database.secrets.users(secret);
    yield {
      id: secret.id,
      schema: secret.schema,
      name: secret.name,
      owner: secret.owner,
      backend: 'meta',
      has_value: secret.value !== null,
      used_by: new SqlArray(users.map((o) => `${o.schema}.${o.name}`)),
      used_by_ids: new SqlArray(users.map((o) => o.id)),
    };
  }
}

export const secretCatalog: RowSources = { secrets };
