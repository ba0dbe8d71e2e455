/**
 * What the rows of system relations are made from: the catalog, seen as PostgreSQL's objects with oids. Primary keys get
 * an index and a constraint, relations a row type, roles an oid; those oids are derived from the object's id, so they
 * are as stable as it.
 */

import { hashText } from '../../common/compare.ts';
import type { Column } from '../../common/dataType.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { Value } from '../../common/value.ts';
import { printExpr } from '../../parser/print.ts';
import type { Database } from '../database.ts';
import {
  type IndexObject,
  isRelation,
  type RelationObject,
  shownKind,
  type TableColumn,
} from '../objects.ts';
import type { Session } from '../session.ts';
import type { SystemRelation } from './definition.ts';

/** Distances of derived oids from an object's id; ids themselves stay below the first. */
const KEY_INDEX = 1_000_000_000;
const KEY_CONSTRAINT = 1_500_000_000;
const ROW_TYPE = 2_000_000_000;
const DEFAULTS = 2_500_000_000;
const ROLES = 3_000_000_000;

export const ROOT_ROLE = 10;
/** Access methods. */
export const HEAP = 2;
export const BTREE = 403;
export const DATABASE_OID = 1;
export const TABLESPACE_OID = 1663;
/** Catalogs that others refer to by `classoid`. */
export const PG_CLASS = 1259;
export const PG_NAMESPACE = 2615;
export const PG_DATABASE = 1262;

export type RelationKindCode = 'r' | 'v' | 'm' | 'f';

export interface ColumnView {
  /** 1-based position, hidden columns counted. */
  readonly number: number;
  readonly column: Column;
  /** DEFAULT or GENERATED expression as SQL. */
  readonly expression: string | null;
  readonly generated: boolean;
}

export interface RelationView {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKindCode;
  readonly owner: string;
  readonly columns: readonly ColumnView[];
  /** Null for a system relation. */
  readonly object: RelationObject | null;
  /** Row estimate, -1 when unknown. */
  readonly rows: number;
}

export interface IndexView {
  readonly oid: number;
  readonly name: string;
  readonly relation: RelationView;
  /** 1-based column numbers. */
  readonly columns: readonly number[];
  readonly included: readonly number[];
  readonly descending: readonly boolean[];
  readonly unique: boolean;
  readonly primary: boolean;
  readonly owner: string;
}

export function rowTypeOid(relationOid: number): number {
  return relationOid + ROW_TYPE;
}

export function keyConstraintOid(relationOid: number): number {
  return relationOid + KEY_CONSTRAINT;
}

export function defaultOid(relationOid: number, column: number): number {
  return DEFAULTS + (((relationOid - 16384) * 1600 + column) % 400_000_000);
}

export function roleOid(name: string): number {
  return name === 'root' ? ROOT_ROLE : ROLES + ((hashText(name) >>> 0) % 1_000_000_000);
}

/** An array as int2vector and oidvector have them: subscripts from 0. */
export function vector(items: readonly Value[]): SqlArray {
  return new SqlArray(items, items.length === 0 ? [] : [items.length], items.length === 0 ? [] : [0]);
}

const kindCodes: { readonly [K in RelationObject['kind']]: RelationKindCode } = {
  table: 'r',
  source: 'f',
  view: 'v',
  'materialized view': 'm',
};

function expressionOf(column: Column | TableColumn): {
  readonly expression: string | null;
  readonly generated: boolean;
} {
  if (!('generated' in column)) return { expression: null, generated: false };
  const { generated } = column;
  const expr = generated ?? column.default;
  return { expression: expr === null ? null : printExpr(expr), generated: generated !== null };
}

function columnViews(columns: readonly (Column | TableColumn)[]): readonly ColumnView[] {
  return columns.flatMap((column, i) =>
    column.hidden === true ? [] : [{ number: i + 1, column, ...expressionOf(column) }],
  );
}

export class SystemView {
  readonly database: Database;
  readonly session: Session;
  readonly #system: Iterable<SystemRelation>;

  constructor(database: Database, session: Session, system: Iterable<SystemRelation>) {
    this.database = database;
    this.session = session;
    this.#system = system;
  }

  get databaseName(): string {
    return this.database.catalog.database;
  }

  schemaOid(name: string): number {
    return this.database.catalog.schema(name)?.id ?? 0;
  }

  /** Names of all roles: the owner of the system, owners of objects, users of open sessions. */
  roles(): readonly string[] {
    const { catalog, sessions } = this.database;
    return [
      ...new Set([
        'root',
        ...catalog.schemas().map((s) => s.owner),
        ...catalog.objects().map((o) => o.owner),
        ...[...sessions].map((s) => s.user),
        this.session.user,
      ]),
    ];
  }

  /** Users' relations in the order of creation. */
  userRelations(): readonly RelationView[] {
    return this.database.catalog.objects().flatMap((o) => (isRelation(o) ? [relationView(o)] : []));
  }

  /** All relations, those of the system schemas first. */
  relations(): readonly RelationView[] {
    const system = [...this.#system].map(
      (r): RelationView => ({
        oid: r.id,
        schema: r.schema,
        name: r.name,
        kind: r.relkind,
        owner: 'root',
        columns: columnViews(r.columns),
        object: null,
        rows: r.rowCount(),
      }),
    );
    return [...system, ...this.userRelations()];
  }

  relation(oid: number): RelationView | null {
    const object = this.database.catalog.byId(oid);
    if (object !== null) return isRelation(object) ? relationView(object) : null;
    return this.relations().find((r) => r.oid === oid) ?? null;
  }

  /** Users' indexes, those of primary keys included. */
  indexes(): readonly IndexView[] {
    const { catalog } = this.database;
    return catalog.objects().flatMap((o) => {
      if (o.kind === 'index') return [indexView(o)];
      return o.kind === 'table' && o.entry.declaredKey ? [keyIndex(relationView(o), o.key)] : [];
    });
  }

  index(oid: number): IndexView | null {
    return this.indexes().find((i) => i.oid === oid) ?? null;
  }
}

function relationView(object: RelationObject): RelationView {
  return {
    oid: object.id,
    schema: object.schema,
    name: object.name,
    kind: kindCodes[shownKind(object) as RelationObject['kind']],
    owner: object.owner,
    columns: columnViews(object.columns),
    object,
    rows: object.kind === 'view' || object.kind === 'source' ? -1 : object.entry.rowCount(),
  };
}

function indexView(index: IndexObject): IndexView {
  return {
    oid: index.id,
    name: index.name,
    relation: relationView(index.relation),
    columns: index.entry.columns.map((c) => c + 1),
    included: index.include.map((c) => c + 1),
    descending: index.entry.descending,
    unique: index.entry.unique,
    primary: false,
    owner: index.owner,
  };
}

function keyIndex(relation: RelationView, key: readonly number[]): IndexView {
  return {
    oid: relation.oid + KEY_INDEX,
    name: `${relation.name}_pkey`,
    relation,
    columns: key.map((c) => c + 1),
    included: [],
    descending: key.map(() => false),
    unique: true,
    primary: true,
    owner: relation.owner,
  };
}
