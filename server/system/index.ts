/** System relations. */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Row } from '../../common/value.ts';
import type { SystemRelations } from '../catalog.ts';
import type { Database } from '../database.ts';
import type { Session } from '../session.ts';

export class SystemCatalog implements SystemRelations {
  readonly database: Database;
  constructor(database: Database) {
    this.database = database;
  }
  relation(_schema: string, _name: string): RelationEntry | null {
    return null;
  }
  names(_schema: string): readonly string[] {
    return [];
  }
  rows(_id: number, _session: Session): Iterable<Row> | null {
    return null;
  }
}
