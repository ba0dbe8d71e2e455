/** The read interface through which the planner sees relations. The catalog itself is kept by server/. */
import type { DataType, Schema } from './dataType.ts';

export type RelationKind = 'table' | 'source' | 'view' | 'materialized view' | 'system';

export interface IndexEntry {
  readonly id: number;
  readonly name: string;
  /** Columns of the relation, in key order. */
  readonly columns: readonly number[];
  readonly descending: readonly boolean[];
  readonly unique: boolean;
}

export interface RelationEntry {
  /** Object id: stable over renames, never reused. */
  readonly id: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  /** All columns, hidden ones (row id) included, in storage order. */
  readonly columns: Schema;
  /** Column positions that identify a row (the hidden row id where there is no declared key); null if rows may repeat. */
  readonly key: readonly number[] | null;
  /** True when a declared PRIMARY KEY. */
  readonly declaredKey: boolean;
  /** Rows are only ever added. */
  readonly appendOnly: boolean;
  /** The declared watermark: its column, and the expression as SQL. */
  readonly watermark: { readonly column: number; readonly expression: string } | null;
  /**
   * Columns that carry a watermark: no later change of the relation has a smaller value there. Columns of one group
   * derive from one watermark.
   */
  readonly watermarked: readonly { readonly column: number; readonly group: number }[];
  /** Columns whose value is the time at which the row came (generated as proctime()). */
  readonly processTime: readonly number[];
  readonly indexes: readonly IndexEntry[];
  /** A view's query as SQL, to be bound with `searchPath`; null for others. */
  readonly definition: string | null;
  readonly searchPath: readonly string[];
  /**
   * Set where the relation holds what has been looked up elsewhere: the keys that have been asked for and are still fresh, whose
   * first columns are those of `key`, in its order.
   */
  readonly lookup?: RelationEntry;
  /** The relation whose changes the rows are (AS CHANGELOG FROM); it has no id of its own. */
  readonly changesOf?: RelationEntry;
  /** Rows now, for the optimizer. */
  rowCount(): number;
}

export interface CatalogReader {
  /** Finds by schema (null: along the search path). Null when there is none. */
  relation(schema: string | null, name: string, searchPath: readonly string[]): RelationEntry | null;
  hasSchema(name: string): boolean;
  /** Names visible in the search path or schema, for "did you mean". */
  relationNames(schema: string | null, searchPath: readonly string[]): readonly string[];
  /** A relation's row type by its name, for casts and composite types; null when there is none. */
  rowType(schema: string | null, name: string, searchPath: readonly string[]): DataType | null;
  readonly database: string;
}
