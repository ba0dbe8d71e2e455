/** What every syntax node shares. */

/** Half-open range of UTF-16 offsets into the statement text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Every node carries where it stands. Printing and comparing trees ignore `span`. */
export interface Node {
  readonly span: Span;
}

/** An identifier, already folded to lower case unless it was quoted. */
export interface Ident extends Node {
  readonly kind: 'Ident';
  readonly name: string;
  readonly quoted: boolean;
}

/** `a.b.c`: one to three parts, outermost first. */
export interface ObjectName extends Node {
  readonly kind: 'ObjectName';
  readonly parts: readonly Ident[];
}

/** A type as written: `numeric(10,2)[]`, `struct<a int>`, `timestamp with time zone`. */
export interface TypeName extends Node {
  readonly kind: 'TypeName';
  /** Canonical PostgreSQL spelling in lower case where the grammar knows the form (`timestamptz`, `int4`, `varchar`,
   * `bpchar` for char(n), `float8` for double precision, `numeric` for decimal), else the name as written. */
  readonly name: ObjectName;
  /** Numbers in parentheses: length, precision and scale. */
  readonly modifiers: readonly number[];
  /** Field names and types of `struct<...>`; null for every other type. */
  readonly fields: readonly { readonly name: Ident; readonly type: TypeName }[] | null;
  /** Number of `[]` suffixes. */
  readonly arrayDepth: number;
  /** `interval day to second` and the like: the fields as written, lower case, else null. */
  readonly intervalFields: string | null;
}

/** `k = v` in WITH (...), FORMAT ... ENCODE ... (...). */
export interface Option extends Node {
  readonly kind: 'Option';
  /** The dotted key, lower case unless quoted. */
  readonly name: string;
  readonly value: OptionValue;
}
export type OptionValue =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'name'; readonly value: string }
  /** `SECRET name [AS FILE]` */
  | { readonly kind: 'secret'; readonly name: ObjectName; readonly asFile: boolean };
