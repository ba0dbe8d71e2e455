/** Grammar of CREATE USER, GRANT, REVOKE, ALTER DEFAULT PRIVILEGES. */
import type { TokenType } from 'chevrotain';
import type { UserOption } from '../ast/alter.ts';
import type { Ident } from '../ast/common.ts';
import type {
  AlterDefaultPrivileges,
  CreateUser,
  Grant,
  GrantRole,
  Privilege,
  PrivilegeTarget,
} from '../ast/privilege.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { RoutineParser } from './routine.ts';

/** Options of users that are a single word. */
const userFlags: ReadonlySet<string> = new Set(
  [
    'superuser',
    'createdb',
    'createuser',
    'createrole',
    'login',
    'admin',
    'inherit',
    'replication',
    'bypassrls',
  ].flatMap((word) => [word, `no${word}`]),
);

export abstract class PrivilegeParser extends RoutineParser {
  /** createUser: ( USER | ROLE ) colId [ [ WITH ] userOption { userOption } ] */
  readonly createUser: Rule<CreateUser, [start: Start]> = this.RULE(
    'createUser',
    (start: Start): CreateUser => {
      this.or(1, [{ ALT: () => this.consume(2, K.user) }, { ALT: () => this.consume(3, K.role) }]);
      const name = this.subrule(4, this.colId);
      const options = this.subrule(5, this.userOptions);
      return { kind: 'CreateUser', name, options, span: this.since(start) };
    },
  );

  /** userOptions: [ WITH ] { userOption } */
  readonly userOptions: Rule<readonly UserOption[]> = this.RULE('userOptions', () => {
    const options: UserOption[] = [];
    this.has(1, K.with);
    this.many(2, () => {
      options.push(this.subrule(3, this.userOption));
    });
    return options;
  });

  /** userOption: flag word | [ ENCRYPTED ] PASSWORD ( SCONST | NULL ) | OAUTH optionList */
  private readonly userOption: Rule<UserOption> = this.RULE('userOption', (): UserOption => {
    return this.or(1, [
      {
        ALT: (): UserOption => {
          this.has(2, K.encrypted);
          this.consume(3, K.password);
          const value = this.or(4, [
            { ALT: () => this.subrule(5, this.stringValue) },
            { ALT: () => this.consume(6, K.null) && null },
          ]);
          return { name: 'password', value, options: [] };
        },
      },
      { ALT: (): UserOption => this.consume(7, K.inherit) && { name: 'inherit', value: null, options: [] } },
      {
        ALT: (): UserOption => {
          const word = this.LA(1);
          this.ACTION(() => {
            const text = this.textOf(word);
            if (!userFlags.has(text) && text !== 'oauth') this.failHere();
          });
          this.consume(8, T.Ident);
          const options =
            this.option(9, {
              GATE: () => this.textOf(word) === 'oauth',
              DEF: () => this.subrule(10, this.optionList),
            }) ?? [];
          return { name: this.textOf(word), value: null, options };
        },
      },
    ]);
  });

  /**
   * grant: GRANT privileges ON privilegeTarget TO grantees [ WITH GRANT OPTION ] [ GRANTED BY colId ]
   *   | GRANT colId { ',' colId } TO grantees [ GRANTED BY colId ]
   */
  readonly grant: Rule<Grant | GrantRole> = this.RULE('grant', (): Grant | GrantRole => {
    const start = this.consume(1, K.grant).startOffset;
    const privileges = this.subrule(2, this.privileges);
    return this.or(3, [
      {
        ALT: (): Grant | GrantRole => {
          this.consume(4, K.on);
          const target = this.subrule(5, this.privilegeTarget);
          this.consume(6, K.to);
          const grantees = this.subrule(7, this.grantees);
          const grantOption = this.subrule(8, this.withGrantOption);
          const grantedBy = this.subrule(9, this.grantedBy);
          const span = this.since(start);
          return {
            kind: 'Grant',
            revoke: false,
            privileges,
            target,
            grantees,
            grantOption,
            grantedBy,
            behavior: 'restrict',
            span,
          };
        },
      },
      {
        ALT: (): Grant | GrantRole => {
          this.consume(10, K.to);
          const grantees = this.subrule(11, this.grantees);
          const grantedBy = this.subrule(12, this.grantedBy);
          const roles = this.ACTION(() => this.rolesOf(privileges, start));
          return { kind: 'GrantRole', revoke: false, roles, grantees, grantedBy, span: this.since(start) };
        },
      },
    ]);
  });

  /**
   * revoke: REVOKE [ GRANT OPTION FOR ] privileges ON privilegeTarget FROM grantees [ GRANTED BY colId ] dropBehavior
   *   | REVOKE colId { ',' colId } FROM grantees [ GRANTED BY colId ] dropBehavior
   */
  readonly revoke: Rule<Grant | GrantRole> = this.RULE('revoke', (): Grant | GrantRole => {
    const start = this.consume(1, K.revoke).startOffset;
    const grantOption = this.subrule(2, this.grantOptionFor);
    const privileges = this.subrule(3, this.privileges);
    return this.or(4, [
      {
        ALT: (): Grant | GrantRole => {
          this.consume(5, K.on);
          const target = this.subrule(6, this.privilegeTarget);
          this.consume(7, K.from);
          const grantees = this.subrule(8, this.grantees);
          const grantedBy = this.subrule(9, this.grantedBy);
          const behavior = this.subrule(10, this.dropBehavior);
          const span = this.since(start);
          return {
            kind: 'Grant',
            revoke: true,
            privileges,
            target,
            grantees,
            grantOption,
            grantedBy,
            behavior,
            span,
          };
        },
      },
      {
        ALT: (): Grant | GrantRole => {
          this.consume(11, K.from);
          const grantees = this.subrule(12, this.grantees);
          const grantedBy = this.subrule(13, this.grantedBy);
          this.subrule(14, this.dropBehavior);
          const roles = this.ACTION(() => this.rolesOf(privileges, start));
          return { kind: 'GrantRole', revoke: true, roles, grantees, grantedBy, span: this.since(start) };
        },
      },
    ]);
  });

  private rolesOf(privileges: readonly Privilege[] | null, start: Start): readonly Ident[] {
    const span = { start, end: start };
    return (privileges ?? []).map((privilege) => ({
      kind: 'Ident',
      name: privilege.name,
      quoted: false,
      span,
    }));
  }

  /** privileges: ALL [ PRIVILEGES ] [ columnList ] | privilege { ',' privilege } */
  private readonly privileges: Rule<readonly Privilege[] | null> = this.RULE('privileges', () =>
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.all);
          this.has(3, K.privileges);
          return null;
        },
      },
      { ALT: () => this.list(0, () => this.subrule(4, this.privilege)) },
    ]),
  );

  /** privilege: ( SELECT | REFERENCES | CREATE | colId ) [ columnList ] */
  private readonly privilege: Rule<Privilege> = this.RULE('privilege', (): Privilege => {
    const name = this.or(1, [
      { ALT: () => this.textOf(this.consume(2, K.select)) },
      { ALT: () => this.textOf(this.consume(3, K.references)) },
      { ALT: () => this.textOf(this.consume(4, K.create)) },
      { ALT: () => this.subrule(5, this.colId).name },
    ]);
    const columns = this.option(6, () => this.subrule(7, this.columnList)) ?? [];
    return { name, columns };
  });

  /**
   * privilegeTarget: ALL ( TABLES | SOURCES | SINKS | MATERIALIZED VIEWS | VIEWS | FUNCTIONS | ... ) IN SCHEMA colId { ',' colId }
   *   | [ TABLE | SOURCE | MATERIALIZED VIEW | ... ] objectName [ argumentTypes ] { ',' objectName [ argumentTypes ] }
   */
  private readonly privilegeTarget: Rule<PrivilegeTarget> = this.RULE(
    'privilegeTarget',
    (): PrivilegeTarget => {
      return this.or(1, [
        {
          ALT: (): PrivilegeTarget => {
            this.consume(2, K.all);
            const objects = this.subrule(3, this.privilegeObjects);
            this.consume(4, K.in);
            this.consume(5, K.schema);
            return { kind: 'allIn', objects, schemas: this.list(0, () => this.subrule(6, this.colId)) };
          },
        },
        {
          ALT: (): PrivilegeTarget => {
            const object =
              this.option(7, {
                GATE: () => this.startsObjectWord(),
                DEF: () => this.subrule(8, this.privilegeObject),
              }) ?? null;
            const names = this.list(1, () => {
              const name = this.subrule(9, this.objectName);
              return {
                name,
                argumentTypes: this.option(10, () => this.subrule(11, this.argumentTypes)) ?? null,
              };
            });
            return { kind: 'objects', object, names };
          },
        },
      ]);
    },
  );

  /** The word says the kind of object; it is not itself the object's name. */
  private startsObjectWord(): boolean {
    return this.isIn(2, T.ColId);
  }

  /** privilegeObject: TABLE | SOURCE | SINK | VIEW | MATERIALIZED VIEW | DATABASE | SCHEMA | FUNCTION | CONNECTION | SECRET | SUBSCRIPTION | SEQUENCE */
  private readonly privilegeObject: Rule<string> = this.RULE('privilegeObject', () => {
    const word = (index: number, type: TokenType) => ({ ALT: () => this.textOf(this.consume(index, type)) });
    return this.or(1, [
      word(1, K.table),
      word(2, K.source),
      word(3, K.sink),
      word(4, K.view),
      {
        ALT: () => {
          this.consume(2, K.materialized);
          this.consume(3, K.view);
          return 'materialized view';
        },
      },
      word(7, K.database),
      word(8, K.schema),
      word(9, K.function),
      word(10, K.connection),
      word(11, K.secret),
      word(12, K.subscription),
      word(13, K.sequence),
    ]);
  });

  /** privilegeObjects: TABLES | SOURCES | SINKS | VIEWS | MATERIALIZED VIEWS | FUNCTIONS | SECRETS | CONNECTIONS | SUBSCRIPTIONS | SCHEMAS | SEQUENCES */
  private readonly privilegeObjects: Rule<string> = this.RULE('privilegeObjects', () => {
    const word = (index: number, type: TokenType) => ({ ALT: () => this.textOf(this.consume(index, type)) });
    return this.or(1, [
      word(1, K.tables),
      word(2, K.sources),
      word(3, K.sinks),
      word(4, K.views),
      {
        ALT: () => {
          this.consume(2, K.materialized);
          this.consume(3, K.views);
          return 'materialized views';
        },
      },
      word(7, K.functions),
      word(8, K.secrets),
      word(9, K.connections),
      word(10, K.subscriptions),
      word(11, K.schemas),
      word(12, K.sequences),
    ]);
  });

  /** grantees: colId { ',' colId } */
  private readonly grantees: Rule<readonly Ident[]> = this.RULE('grantees', () =>
    this.list(0, () => this.identOf(this.consume(1, T.NonReserved))),
  );

  /** withGrantOption: [ WITH GRANT OPTION ] */
  private readonly withGrantOption: Rule<boolean> = this.RULE('withGrantOption', () => {
    const found = this.option(1, () => {
      this.consume(2, K.with);
      this.consume(3, K.grant);
      this.consume(4, K.option);
      return true;
    });
    return found ?? false;
  });

  /** grantOptionFor: [ GRANT OPTION FOR ] */
  private readonly grantOptionFor: Rule<boolean> = this.RULE('grantOptionFor', () => {
    const found = this.option(1, () => {
      this.consume(2, K.grant);
      this.consume(3, K.option);
      this.consume(4, K.for);
      return true;
    });
    return found ?? false;
  });

  /** grantedBy: [ GRANTED BY colId ] */
  private readonly grantedBy: Rule<Ident | null> = this.RULE('grantedBy', () => {
    const name = this.option(1, () => {
      this.consume(2, K.granted);
      this.consume(3, K.by);
      return this.identOf(this.consume(4, T.NonReserved));
    });
    return name ?? null;
  });

  /**
   * defaultPrivileges: DEFAULT PRIVILEGES { FOR ( USER | ROLE ) names | IN SCHEMA names }
   *   ( GRANT privileges ON objects TO grantees [ WITH GRANT OPTION ] | REVOKE [ GRANT OPTION FOR ] privileges ON objects FROM grantees dropBehavior )
   */
  readonly defaultPrivileges: Rule<AlterDefaultPrivileges, [start: Start]> = this.RULE(
    'defaultPrivileges',
    (start: Start): AlterDefaultPrivileges => {
      this.consume(1, K.default);
      this.consume(2, K.privileges);
      const users: Ident[] = [];
      const schemas: Ident[] = [];
      this.many(3, () => {
        this.or(4, [
          {
            ALT: () => {
              this.consume(5, K.for);
              this.or(6, [{ ALT: () => this.consume(7, K.user) }, { ALT: () => this.consume(8, K.role) }]);
              users.push(...this.list(0, () => this.subrule(9, this.colId)));
            },
          },
          {
            ALT: () => {
              this.consume(10, K.in);
              this.consume(11, K.schema);
              schemas.push(...this.list(1, () => this.subrule(12, this.colId)));
            },
          },
        ]);
      });
      let revoke = false;
      let grantOption = false;
      let behavior: 'cascade' | 'restrict' = 'restrict';
      let privileges: readonly Privilege[] | null = null;
      let objects = '';
      let grantees: readonly Ident[] = [];
      this.or(13, [
        {
          ALT: () => {
            this.consume(14, K.grant);
            privileges = this.subrule(15, this.privileges);
            this.consume(16, K.on);
            objects = this.subrule(17, this.privilegeObjects);
            this.consume(18, K.to);
            grantees = this.subrule(19, this.grantees);
            grantOption = this.subrule(20, this.withGrantOption);
          },
        },
        {
          ALT: () => {
            this.consume(21, K.revoke);
            revoke = true;
            grantOption = this.subrule(22, this.grantOptionFor);
            privileges = this.subrule(23, this.privileges);
            this.consume(24, K.on);
            objects = this.subrule(25, this.privilegeObjects);
            this.consume(26, K.from);
            grantees = this.subrule(27, this.grantees);
            behavior = this.subrule(28, this.dropBehavior);
          },
        },
      ]);
      const span = this.since(start);
      return {
        kind: 'AlterDefaultPrivileges',
        users,
        schemas,
        revoke,
        privileges,
        objects,
        grantees,
        grantOption,
        behavior,
        span,
      };
    },
  );
}
