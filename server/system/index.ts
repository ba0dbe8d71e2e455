/**
 * The system catalog: every relation of the system schemas by schema and name and by id. A relation without a source of
 * rows is empty: it stands for a feature that there is nothing of here, and clients may ask.
 */
import type { RelationEntry } from '../../common/catalog.ts';
import type { Row } from '../../common/value.ts';
import {
  INFORMATION_SCHEMA,
  MILLRACE_CATALOG,
  PG_CATALOG,
  RW_CATALOG,
  type SystemRelations,
} from '../catalog.ts';
import { cdcCatalog, cdcColumns } from '../cdc/catalog.ts';
import type { Database } from '../database.ts';
import type { Session } from '../session.ts';
import { type ColumnSpecs, type RowSources, SystemRelation } from './definition.ts';
import { durabilityCatalog, durabilityColumns } from './durabilityCatalog.ts';
import { informationSchema } from './informationSchema.ts';
import { informationSchemaColumns } from './informationSchemaColumns.ts';
import { letterCatalog, letterColumns } from './letterCatalog.ts';
import { lookupCatalog, lookupColumns } from './lookupCatalog.ts';
import { memoryCatalog, memoryColumns } from './memoryCatalog.ts';
import { millraceCatalog, millraceColumns } from './millraceCatalog.ts';
import { pgCatalogColumns } from './pgCatalogColumns.ts';
import { pgRelations } from './pgRelations.ts';
import { pgServer } from './pgServer.ts';
import { pgTypes } from './pgTypes.ts';
import { rwCatalog, rwColumns } from './rwCatalog.ts';
import { secretCatalog, secretColumns } from './secretCatalog.ts';
import { sinkCatalog, sinkColumns } from './sinkCatalog.ts';
import { sourceColumns, sourceRows } from './sourceCatalog.ts';
import { SystemView } from './systemView.ts';
import { timeCatalog, timeColumns } from './timeCatalog.ts';

interface SchemaContent {
  readonly schema: string;
  readonly columns: ColumnSpecs;
  readonly rows: RowSources;
}

export const systemSchemaContents: readonly SchemaContent[] = [
  { schema: PG_CATALOG, columns: pgCatalogColumns, rows: { ...pgRelations, ...pgTypes, ...pgServer } },
  { schema: INFORMATION_SCHEMA, columns: informationSchemaColumns, rows: informationSchema },
  {
    schema: MILLRACE_CATALOG,
    columns: {
      ...millraceColumns,
      ...timeColumns,
      ...sourceColumns,
      ...durabilityColumns,
      ...sinkColumns,
      ...lookupColumns,
      ...memoryColumns,
      ...letterColumns,
      ...cdcColumns,
      ...secretColumns,
    },
    rows: {
      ...millraceCatalog,
      ...timeCatalog,
      ...sourceRows,
      ...durabilityCatalog,
      ...sinkCatalog,
      ...lookupCatalog,
      ...memoryCatalog,
      ...letterCatalog,
      ...cdcCatalog,
      ...secretCatalog,
    },
  },
  { schema: RW_CATALOG, columns: rwColumns, rows: rwCatalog },
];

export class SystemCatalog implements SystemRelations {
  readonly #database: Database;
  /** When the server started, for pg_postmaster_start_time. */
  readonly startTime: bigint;
  readonly #byName = new Map<string, Map<string, SystemRelation>>();
  readonly #byId = new Map<number, SystemRelation>();

  constructor(database: Database) {
    this.#database = database;
    this.startTime = database.environment.clock();
    for (const { schema, columns, rows } of systemSchemaContents) {
      const names = new Map<string, SystemRelation>();
      for (const [name, spec] of Object.entries(columns)) {
        const relation = new SystemRelation(schema, name, spec, rows[name] ?? null);
        names.set(name, relation);
        this.#byId.set(relation.id, relation);
      }
      this.#byName.set(schema, names);
    }
  }

  relation(schema: string, name: string): RelationEntry | null {
    return this.#byName.get(schema)?.get(name) ?? null;
  }

  names(schema: string): readonly string[] {
    return [...(this.#byName.get(schema)?.keys() ?? [])];
  }

  /** What the rows and the catalog functions of one session are made from. */
  view(session: Session): SystemView {
    return new SystemView(this.#database, session, this.#byId.values());
  }

  rows(id: number, session: Session): Iterable<Row> | null {
    return this.#byId.get(id)?.rows(this.view(session)) ?? null;
  }
}
