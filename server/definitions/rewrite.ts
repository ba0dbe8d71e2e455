/**
 * A definition written anew for a changed catalog: every relation is called by its present name, every column too, and
 * the result columns keep their names and meaning. As PostgreSQL does, which keeps definitions bound; here the text is
 * kept, and what its names mean is noted before the change.
 *
 * Where a change of columns would reach further than single names (a star, NATURAL, a whole row), the relation is
 * replaced by a subquery that gives its columns of before under their names of before: right in every query.
 */
import { must } from '../../common/assert.ts';
import type { Ident, ObjectName, Span } from '../../parser/ast/common.ts';
import type { ColumnRef, Expr, Star } from '../../parser/ast/expr.ts';
import type {
  NamedTable,
  Select,
  SelectItem,
  TableAlias,
  TableCommand,
  TableRef,
  WindowTable,
} from '../../parser/ast/query.ts';
import { quoteIdent } from '../../parser/identifier.ts';
import { parse } from '../../parser/parse.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';
import { outputName } from '../../planner/bind/columnNames.ts';
import type { Catalog } from '../catalog.ts';
import type { FoundColumn, Understood } from './understand.ts';
import type { ViewStatement } from './viewStatement.ts';

/** Columns of a relation before a change, the visible ones, with their names now (null: gone). */
export type ChangedColumns = ReadonlyMap<
  number,
  readonly { readonly before: string; readonly now: string | null; readonly position: number }[]
>;

const nowhere: Span = { start: 0, end: 0 };
export const identifier = (name: string): Ident => ({ kind: 'Ident', name, quoted: false, span: nowhere });

/** The name of an object for someone with this search path. */
export function nameNow(
  catalog: Catalog,
  id: number,
  written: ObjectName,
  searchPath: readonly string[],
): ObjectName {
  const object = must(catalog.byId(id), 'what a definition names is there');
  const parts = written.parts.map((p) => p.name);
  const schema = parts.at(-2) ?? null;
  if (catalog.relation(schema, must(parts.at(-1)), searchPath)?.id === id) return written;
  const short = schema === null && catalog.relation(null, object.name, searchPath)?.id === id;
  const names = short ? [object.name] : [object.schema, object.name];
  return { ...written, parts: names.map(identifier) };
}

/** The tree with some nodes replaced; a replacement is not looked into. */
export function substituted<T>(tree: T, replacements: ReadonlyMap<unknown, unknown>): T {
  const visit = (value: unknown): unknown => {
    if (replacements.has(value)) return replacements.get(value);
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, visit(v)]));
  };
  return visit(tree) as T;
}

/** What stands where in a definition. */
interface Places {
  readonly tables: readonly NamedTable[];
  readonly windows: ReadonlyMap<TableRef, WindowTable>;
  readonly commands: readonly TableCommand[];
  readonly items: readonly SelectItem[];
  /** Names under which something can be referred to, with how often. */
  readonly aliases: ReadonlyMap<string, number>;
  readonly refs: readonly (ColumnRef | Star)[];
}

function places(statement: ViewStatement): Places {
  const tables: NamedTable[] = [];
  const windows = new Map<TableRef, WindowTable>();
  const commands: TableCommand[] = [];
  const items: SelectItem[] = [];
  const aliases = new Map<string, number>();
  const refs: (ColumnRef | Star)[] = [];
  const count = (name: string | undefined): void => {
    if (name !== undefined) aliases.set(name, (aliases.get(name) ?? 0) + 1);
  };
  walk(statement.query, (node: AnyNode) => {
    const known = node as AnyNode & (NamedTable | WindowTable | TableCommand | SelectItem | ColumnRef | Star);
    if (node.kind === 'Cte' && 'name' in node) count((node.name as Ident).name);
    if (node.kind === 'TableAlias' && 'name' in node) count((node.name as Ident | null)?.name);
    switch (known.kind) {
      case 'NamedTable':
        tables.push(known);
        if (known.alias?.name == null) count(known.name.parts.at(-1)?.name);
        break;
      case 'WindowTable':
        windows.set(known.relation, known);
        break;
      case 'TableCommand':
        commands.push(known);
        break;
      case 'SelectItem':
        items.push(known);
        break;
      case 'ColumnRef':
      case 'Star':
        refs.push(known);
        break;
    }
  });
  return { tables, windows, commands, items, aliases, refs };
}

/** The alias by which a name is qualified; null: it is not. */
function qualifierOf(ref: ColumnRef | Star): string | null {
  if (ref.kind === 'Star') return ref.qualifier?.at(-1)?.name ?? null;
  return ref.parts.at(-2)?.name ?? null;
}

function requalified(ref: ColumnRef | Star, alias: string): ColumnRef | Star {
  if (ref.kind === 'Star') return { ...ref, qualifier: [identifier(alias)] };
  return { ...ref, parts: [identifier(alias), must(ref.parts.at(-1))] };
}

const aliasOf = (name: string, of: TableAlias | null): TableAlias => ({
  kind: 'TableAlias',
  name: identifier(name),
  columns: of?.columns ?? [],
  span: nowhere,
});

export interface Rewriting {
  readonly understood: Understood;
  readonly searchPath: readonly string[];
  readonly catalog: Catalog;
  readonly changed: ChangedColumns;
}

/** The statement with present names. `whole`: relations with changed columns become subqueries. */
export function rewritten(rewriting: Rewriting, whole: boolean): ViewStatement {
  const { understood } = rewriting;
  const at = places(understood.statement);
  const replacements = new Map<unknown, unknown>();
  if (!whole) renameColumns(rewriting, at, replacements);
  for (const [name, id] of understood.relations) {
    const now = nameNow(rewriting.catalog, id, name, rewriting.searchPath);
    const table = at.tables.find((t) => t.name === name);
    if (whole && rewriting.changed.has(id)) asSubquery(rewriting, at, name, now, replacements);
    else if (table !== undefined && now !== name) renameTable(rewriting, at, table, now, replacements);
    else if (now !== name) replacements.set(name, now);
  }
  return substituted(understood.statement, replacements);
}

/** Puts the new name into references to columns, and keeps the names of result columns. */
function renameColumns(
  { understood, changed }: Rewriting,
  at: Places,
  replacements: Map<unknown, unknown>,
): void {
  for (const [ref, found] of understood.names) {
    const now = presentName(found, changed);
    if (now === null || ref.kind === 'Star') continue;
    replacements.set(ref, { ...ref, parts: [...ref.parts.slice(0, -1), identifier(now)] });
  }
  if (replacements.size === 0) return;
  for (const item of at.items) {
    if (item.alias !== null || item.expr.kind === 'Star') continue;
    const expr: Expr = substituted(item.expr, replacements);
    const name = outputName(item.expr);
    if (outputName(expr) !== name) replacements.set(item, { ...item, expr, alias: identifier(name) });
  }
}

/** The new name of a column that has one, if it is called by its own name. */
function presentName({ relation, column, name }: FoundColumn, changed: ChangedColumns): string | null {
  if (relation === null || column === null) return null;
  const known = changed.get(relation)?.find((c) => c.position === column) ?? null;
  return known === null || known.before !== name || known.now === name ? null : known.now;
}

/** A table under its new name; what refers to it by the old one goes on doing so, or is renamed as well. */
function renameTable(
  { understood }: Rewriting,
  at: Places,
  table: NamedTable,
  now: ObjectName,
  replacements: Map<unknown, unknown>,
): void {
  const before = must(table.name.parts.at(-1)).name;
  const after = must(now.parts.at(-1)).name;
  replacements.set(table.name, now);
  if (table.alias?.name != null) return;
  const window = at.windows.get(table);
  if (window !== undefined && window.alias?.name != null) return;
  const refs = at.refs.filter((r) => qualifierOf(r) === before);
  const rows = [...understood.names].some(
    ([r, f]) => f.column === null && qualifierOf(r) === null && f.name === before,
  );
  if (refs.length === 0 && !rows) return;
  const id = understood.relations.get(table.name);
  const isOurs = (r: ColumnRef | Star): boolean => understood.names.get(r)?.relation === id;
  const free = before === after || (!at.aliases.has(after) && at.aliases.get(before) === 1);
  if (free && !rows && window === undefined && refs.every(isOurs)) {
    for (const ref of refs) replace(ref, after, replacements);
    return;
  }
  for (const ref of refs) if (isOurs(ref)) replace(ref, before, replacements);
  if (window !== undefined) {
    const shown = { ...window, relation: { ...table, name: now }, alias: aliasOf(before, window.alias) };
    replacements.set(window, substituted(shown, replacements));
  } else replacements.set(table, { ...table, name: now, alias: aliasOf(before, table.alias) });
}

function replace(ref: ColumnRef | Star, alias: string, replacements: Map<unknown, unknown>): void {
  const present = (replacements.get(ref) ?? ref) as ColumnRef | Star;
  replacements.set(ref, requalified(present, alias));
}

/** `t` as `(SELECT columns of before FROM t) AS t`. */
function asSubquery(
  { understood, changed }: Rewriting,
  at: Places,
  name: ObjectName,
  now: ObjectName,
  replacements: Map<unknown, unknown>,
): void {
  const id = must(understood.relations.get(name));
  const columns = must(changed.get(id))
    .filter((c) => c.now !== null)
    .map((c) =>
      c.now === c.before ? quoteIdent(c.before) : `${quoteIdent(must(c.now))} AS ${quoteIdent(c.before)}`,
    );
  const table = at.tables.find((t) => t.name === name);
  const alias = table?.alias?.name?.name ?? must(name.parts.at(-1)).name;
  const shown = now.parts.map((p) => quoteIdent(p.name)).join('.');
  const list = table?.alias?.columns.map((c) => quoteIdent(c.name.name)) ?? [];
  const select = selectOf(
    `SELECT * FROM (SELECT ${columns.join(', ')} FROM ${shown}) AS ${quoteIdent(alias)}${list.length === 0 ? '' : ` (${list.join(', ')})`}`,
  );
  const command = at.commands.find((c) => c.name === name);
  if (command !== undefined) replacements.set(command, select);
  else if (table !== undefined && !at.windows.has(table) && table.asOf === null) {
    replacements.set(table, must(select.from[0]));
    for (const [ref, found] of understood.names) {
      if (found.relation === id && found.alias === alias && qualifierOf(ref) !== null)
        replace(ref, alias, replacements);
    }
  } else replacements.set(name, now);
}

function selectOf(sql: string): Select {
  const { statement } = must(parse(sql)[0]);
  return must(
    statement.kind === 'SelectStatement' && statement.query.body.kind === 'Select'
      ? statement.query.body
      : null,
  );
}
