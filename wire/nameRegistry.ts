/**
 * Names of prepared statements or portals of one connection. The empty name is the unnamed object: it may be replaced,
 * other names must be dropped first. Invariant: an object is closed exactly once, when it leaves the registry.
 */
import { SqlError } from '../common/sqlError.ts';

interface Closable {
  close(): void;
}

/** The errors that distinguish prepared statements from portals. */
export interface NameErrors {
  readonly missing: (name: string) => SqlError;
  readonly duplicate: (name: string) => SqlError;
}

export const statementNameErrors: NameErrors = {
  missing: (name) =>
    new SqlError(
      '26000',
      name === ''
        ? 'unnamed prepared statement does not exist'
        : `prepared statement "${name}" does not exist`,
    ),
  duplicate: (name) => new SqlError('42P05', `prepared statement "${name}" already exists`),
};

export const portalNameErrors: NameErrors = {
  missing: (name) => new SqlError('34000', `portal "${name}" does not exist`),
  duplicate: (name) => new SqlError('42P03', `cursor "${name}" already exists`),
};

export class NameRegistry<T extends Closable> {
  private readonly entries = new Map<string, T>();
  private readonly errors: NameErrors;

  constructor(errors: NameErrors) {
    this.errors = errors;
  }

  find(name: string): T | null {
    return this.entries.get(name) ?? null;
  }

  /** The object of that name; the registry's "does not exist" otherwise. */
  get(name: string): T {
    const entry = this.entries.get(name);
    if (entry === undefined) throw this.errors.missing(name);
    return entry;
  }

  /** Raises the duplicate error unless `name` may be added. */
  checkFree(name: string): void {
    if (name !== '' && this.entries.has(name)) throw this.errors.duplicate(name);
  }

  /** Adds under a free name; the unnamed object is replaced. */
  add(name: string, object: T): void {
    this.checkFree(name);
    this.drop(name);
    this.entries.set(name, object);
  }

  /** Removes and closes; false when there is none. */
  drop(name: string): boolean {
    const entry = this.entries.get(name);
    if (entry === undefined) return false;
    this.entries.delete(name);
    entry.close();
    return true;
  }

  clear(): void {
    for (const name of [...this.entries.keys()]) this.drop(name);
  }

  names(): readonly string[] {
    return [...this.entries.keys()];
  }

  get size(): number {
    return this.entries.size;
  }
}
