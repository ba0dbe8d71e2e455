/** What PostgreSQL says of names that mean nothing, with its guesses at what was meant. */
import { SqlError, unsupported } from '../../common/sqlError.ts';
import type { Scope, ScopeTable } from './scope.ts';

export function ambiguousColumn(name: string, position: number): SqlError {
  return new SqlError('42702', `column reference "${name}" is ambiguous`, { position });
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** At most three edits, and at most half of the name's letters. */
const allowedEdits = (name: string): number => Math.min(3, Math.floor(name.length / 2));

/** The closest names, if close enough to be meant. */
function closest<T>(
  name: string,
  candidates: readonly T[],
  nameOf: (candidate: T) => string,
  edits = allowedEdits(name),
): readonly T[] {
  let best: T[] = [];
  let bestDistance = edits;
  for (const candidate of candidates) {
    const d = distance(name, nameOf(candidate));
    if (d > bestDistance) continue;
    if (d < bestDistance) best = [];
    best.push(candidate);
    bestDistance = d;
  }
  return best;
}

/** The closest name, if it is one slip away (two in a long name): there are many names to be close to by chance. */
export function didYouMean(name: string, candidates: readonly string[]): string | null {
  const edits = Math.min(allowedEdits(name), name.length > 8 ? 2 : 1);
  return closest(name, candidates, (c) => c, edits)[0] ?? null;
}

interface Candidate {
  readonly table: string;
  readonly column: string;
}

const candidatesOf = (tables: readonly ScopeTable[]): readonly Candidate[] =>
  tables.flatMap((t) => t.columns.filter((c) => !c.hidden).map((c) => ({ table: t.alias, column: c.name })));

/** One or two close names are worth a hint; more are not. */
function columnHint(tables: readonly ScopeTable[], name: string): { readonly hint?: string } {
  const [first, second, ...more] = closest(name, candidatesOf(tables), (c) => c.column);
  if (first === undefined || more.length > 0) return {};
  const shown = (c: Candidate): string => `the column "${c.table}.${c.column}"`;
  const either = second === undefined ? shown(first) : `${shown(first)} or ${shown(second)}`;
  return { hint: `Perhaps you meant to reference ${either}.` };
}

function* levels(scope: Scope | null): Generator<Scope> {
  for (let s = scope; s !== null; s = s.parent) yield s;
}

/** What PostgreSQL's tables have besides their columns, and what may serve in its place. */
const systemColumns: ReadonlyMap<string, string> = new Map([
  ['ctid', 'Rows have no place: name them by their primary key.'],
  ['tableoid', "The relation is known where it is named: 'name'::regclass::oid."],
  ...['xmin', 'xmax', 'cmin', 'cmax'].map((name): readonly [string, string] => [
    name,
    'Rows do not tell their transactions; AS CHANGELOG FROM gives changes.',
  ]),
]);

/** 0A000 for a system column of a relation. */
function systemColumn(tables: readonly ScopeTable[], name: string, position: number): SqlError | null {
  const hint = systemColumns.get(name);
  if (hint === undefined || !tables.some((t) => t.relation !== null)) return null;
  return unsupported(`system column ${name}`, position, hint);
}

/** 42703 for an unqualified name. */
export function missingColumn(scope: Scope | null, name: string, position: number): SqlError {
  const message = `column "${name}" does not exist`;
  for (const level of levels(scope)) {
    const table = level.unreachable.find((t) => t.columns.some((c) => c.name === name && !c.hidden));
    if (table !== undefined) {
      const hint = `There is a column named "${name}" in table "${table.alias}", but it cannot be referenced from this part of the query.`;
      return new SqlError('42703', message, { position, hint });
    }
  }
  const tables = [...levels(scope)].flatMap((s) => [...s.tables, ...s.unreachable]);
  const system = systemColumn(tables, name, position);
  return system ?? new SqlError('42703', message, { position, ...columnHint(tables, name) });
}

/** 42703 for a name qualified by a table that is there. */
export function missingColumnOf(table: ScopeTable, name: string, position: number): SqlError {
  const message = `column ${table.alias}.${name} does not exist`;
  return (
    systemColumn([table], name, position) ??
    new SqlError('42703', message, { position, ...columnHint([table], name) })
  );
}

/** 42P01 for a qualifier that names no table in reach. */
export function missingTable(scope: Scope | null, name: string, position: number): SqlError {
  const invalid = `invalid reference to FROM-clause entry for table "${name}"`;
  for (const level of levels(scope)) {
    const aliased = level.tables.find((t) => t.relation?.name === name && t.alias !== name);
    if (aliased !== undefined) {
      const hint = `Perhaps you meant to reference the table alias "${aliased.alias}".`;
      return new SqlError('42P01', invalid, { position, hint });
    }
    if (level.unreachable.some((t) => t.alias === name || t.relation?.name === name)) {
      const hint = `There is an entry for table "${name}", but it cannot be referenced from this part of the query.`;
      return new SqlError('42P01', invalid, { position, hint });
    }
  }
  return new SqlError('42P01', `missing FROM-clause entry for table "${name}"`, { position });
}

/** Names of five parts, or of another database. */
export function tooManyParts(names: readonly string[], position: number): SqlError {
  const shown = names.join('.');
  if (names.length > 4) {
    return new SqlError('42601', `improper qualified name (too many dotted names): ${shown}`, { position });
  }
  return new SqlError('0A000', `cross-database references are not implemented: ${shown}`, { position });
}

/** 42P10 for what the right side of a RIGHT or FULL join says of its left side. */
export function lateralForbidden(table: string, position: number): SqlError {
  return new SqlError('42P10', `invalid reference to FROM-clause entry for table "${table}"`, {
    position,
    detail: 'The combining JOIN type must be INNER or LEFT for a LATERAL reference.',
  });
}
