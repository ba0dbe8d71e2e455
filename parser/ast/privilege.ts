/** CREATE USER, GRANT, REVOKE, ALTER DEFAULT PRIVILEGES. */
import type { UserOption } from './alter.ts';
import type { Ident, Node, ObjectName, TypeName } from './common.ts';

export interface CreateUser extends Node {
  readonly kind: 'CreateUser';
  readonly name: Ident;
  readonly options: readonly UserOption[];
}

export interface Privilege {
  /** Lower case: `select`, `create`, `usage` ... */
  readonly name: string;
  readonly columns: readonly Ident[];
}

/** What privileges are on. */
export type PrivilegeTarget =
  | {
      readonly kind: 'objects';
      /** `table`, `materialized view`, `schema` ...; null when the word is left out, which means tables */
      readonly object: string | null;
      readonly names: readonly {
        readonly name: ObjectName;
        readonly argumentTypes: readonly TypeName[] | null;
      }[];
    }
  /** ALL TABLES IN SCHEMA s: `tables`, `materialized views` ... */
  | { readonly kind: 'allIn'; readonly objects: string; readonly schemas: readonly Ident[] };

export interface Grant extends Node {
  readonly kind: 'Grant';
  readonly revoke: boolean;
  /** null: ALL */
  readonly privileges: readonly Privilege[] | null;
  readonly target: PrivilegeTarget;
  /** TO or FROM */
  readonly grantees: readonly Ident[];
  /** WITH GRANT OPTION, or REVOKE GRANT OPTION FOR */
  readonly grantOption: boolean;
  readonly grantedBy: Ident | null;
  readonly behavior: 'cascade' | 'restrict';
}

/** GRANT role, ... TO user, ... and its opposite */
export interface GrantRole extends Node {
  readonly kind: 'GrantRole';
  readonly revoke: boolean;
  readonly roles: readonly Ident[];
  readonly grantees: readonly Ident[];
  readonly grantedBy: Ident | null;
}

export interface AlterDefaultPrivileges extends Node {
  readonly kind: 'AlterDefaultPrivileges';
  readonly users: readonly Ident[];
  readonly schemas: readonly Ident[];
  readonly revoke: boolean;
  /** null: ALL */
  readonly privileges: readonly Privilege[] | null;
  /** `tables`, `functions`, `schemas` ... */
  readonly objects: string;
  readonly grantees: readonly Ident[];
  readonly grantOption: boolean;
  readonly behavior: 'cascade' | 'restrict';
}
