/** Grammar of INSERT, UPDATE, DELETE, TRUNCATE, and the refusal of MERGE. */
import type { Ident } from '../ast/common.ts';
import type { Expr } from '../ast/expr.ts';
import type { Query, SelectItem, TableAlias, WithClause } from '../ast/query.ts';
import type { Assignment, Delete, Insert, OnConflict, Truncate, Update } from '../ast/statement.ts';
import type { Rule, Start } from '../base.ts';
import { QueryParser } from '../query.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';

export abstract class DmlParser extends QueryParser {
  /** modification: insert | update | delete inside WITH, refused */
  readonly modification: Rule<Query> = this.RULE('modification', (): Query => {
    const start = this.here();
    this.or(1, [
      { ALT: () => this.subrule(2, this.insert, { ARGS: [null, start] }) },
      { ALT: () => this.subrule(3, this.update, { ARGS: [null, start] }) },
      { ALT: () => this.subrule(4, this.delete_, { ARGS: [null, start] }) },
    ]);
    this.refuse('A data-modifying statement in WITH', start);
    const span = this.since(start);
    const body = { kind: 'Values' as const, rows: [], span };
    return { kind: 'Query', with: null, body, orderBy: [], limit: null, offset: null, locking: [], span };
  });

  /**
   * insert: INSERT INTO objectName [ AS colId ] [ columnList ] [ OVERRIDING ( USER | SYSTEM ) VALUE ]
   *   ( DEFAULT VALUES | query ) [ onConflict ] [ returning ]
   *
   * A WITH in front of INSERT becomes the query's own.
   */
  readonly insert: Rule<Insert, [withClause: WithClause | null, start: Start]> = this.RULE(
    'insert',
    (withClause: WithClause | null, start: Start): Insert => {
      this.consume(1, K.insert);
      this.consume(2, K.into);
      const table = this.subrule(3, this.objectName);
      const alias =
        this.option(4, () => {
          this.consume(5, K.as);
          return this.subrule(6, this.colId);
        }) ?? null;
      const columns =
        this.option(7, {
          GATE: () => !this.startsQueryParen(1),
          DEF: () => this.subrule(8, this.insertColumns),
        }) ?? [];
      this.option(9, () => {
        this.refuse('OVERRIDING', this.consume(10, K.overriding).startOffset);
        this.or(11, [{ ALT: () => this.consume(12, K.user) }, { ALT: () => this.consume(13, K.system) }]);
        this.consume(14, K.value);
      });
      const source = this.or(15, [
        {
          ALT: () => {
            const word = this.consume(16, K.default);
            this.consume(17, K.values);
            if (withClause !== null) this.refuse('WITH before DEFAULT VALUES', word.startOffset);
            return null;
          },
        },
        {
          ALT: () => {
            const query = this.subrule(18, this.query);
            return this.ACTION(() => withCtes(withClause, query));
          },
        },
      ]);
      const onConflict = this.option(19, () => this.subrule(20, this.onConflict)) ?? null;
      const returning = this.option(21, () => this.subrule(22, this.returning)) ?? [];
      return {
        kind: 'Insert',
        table,
        alias,
        columns,
        source,
        onConflict,
        returning,
        span: this.since(start),
      };
    },
  );

  /** insertColumns: '(' targetColumn { ',' targetColumn } ')' */
  protected readonly insertColumns: Rule<readonly Ident[]> = this.RULE('insertColumns', () => {
    this.consume(1, T.LParen);
    const columns = this.list(0, () => this.subrule(2, this.targetColumn));
    this.consume(3, T.RParen);
    return columns;
  });

  /** targetColumn: colId { '.' colLabel | '[' ... ']' }; assignment to a part of a column is refused */
  private readonly targetColumn: Rule<Ident> = this.RULE('targetColumn', () => {
    const start = this.here();
    const name = this.subrule(1, this.colId);
    this.option(2, {
      GATE: () => this.isAt(1, T.Dot) || this.isAt(1, T.LBracket),
      DEF: () => {
        const column: Expr = { kind: 'ColumnRef', parts: [name], span: name.span };
        const position = this.here();
        this.or(3, [
          { ALT: () => this.subrule(4, this.subscript, { ARGS: [column, start] }) },
          {
            ALT: () => {
              this.consume(5, T.Dot);
              this.subrule(6, this.colLabel);
            },
          },
        ]);
        this.subrule(7, this.indirection, { ARGS: [column, start] });
        this.refuse('Assignment to part of a column', position);
      },
    });
    return name;
  });

  /** onConflict: ON CONFLICT [ conflictTarget ] DO ( NOTHING | UPDATE SET assignments [ WHERE expr ] ) */
  private readonly onConflict: Rule<OnConflict> = this.RULE('onConflict', (): OnConflict => {
    const start = this.consume(1, K.on).startOffset;
    this.consume(2, K.conflict);
    const target = this.option(3, () => this.subrule(4, this.conflictTarget)) ?? [];
    const position = this.here();
    this.consume(5, K.do);
    const action = this.or(6, [
      { ALT: (): OnConflict['action'] => this.consume(7, K.nothing) && { kind: 'nothing' } },
      {
        ALT: (): OnConflict['action'] => {
          this.consume(8, K.update);
          this.consume(9, K.set);
          const assignments = this.subrule(10, this.assignments);
          const where = this.option(11, () => this.subrule(12, this.whereClause)) ?? null;
          this.ACTION(() => {
            if (target.length > 0) return;
            this.refuseInvalid(
              'ON CONFLICT DO UPDATE requires inference specification or constraint name',
              position,
              '42601',
            );
          });
          return { kind: 'update', assignments, where };
        },
      },
    ]);
    return { kind: 'OnConflict', target, action, span: this.since(start) };
  });

  /** conflictTarget: '(' indexElement { ',' indexElement } ')' [ WHERE expr ] | ON CONSTRAINT colId; only plain columns are supported */
  private readonly conflictTarget: Rule<readonly Ident[]> = this.RULE('conflictTarget', () =>
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, T.LParen);
          const columns: Ident[] = [];
          this.list(0, () => {
            const position = this.here();
            const expr = this.subrule(3, this.expr);
            this.option(4, () => {
              this.refuse('Operator class', this.here());
              this.subrule(5, this.objectName);
            });
            this.ACTION(() => {
              const name = expr.kind === 'ColumnRef' && expr.parts.length === 1 ? expr.parts[0] : undefined;
              if (name === undefined) this.refuse('An expression in ON CONFLICT', position);
              else columns.push(name);
            });
          });
          this.consume(6, T.RParen);
          this.option(7, () => {
            this.refuse('A partial index in ON CONFLICT', this.here());
            this.subrule(8, this.whereClause);
          });
          return columns;
        },
      },
      {
        ALT: () => {
          this.refuse('ON CONFLICT ON CONSTRAINT', this.consume(9, K.on).startOffset);
          this.consume(10, K.constraint);
          return [this.subrule(11, this.colId)];
        },
      },
    ]),
  );

  /** returning: RETURNING selectItem { ',' selectItem } */
  protected readonly returning: Rule<readonly SelectItem[]> = this.RULE('returning', () => {
    this.consume(1, K.returning);
    return this.list(0, () => this.subrule(2, this.selectItem));
  });

  /** assignments: assignment { ',' assignment } */
  protected readonly assignments: Rule<readonly Assignment[]> = this.RULE('assignments', () =>
    this.list(0, () => this.subrule(1, this.assignment)),
  );

  /** assignment: targetColumn '=' expr | '(' targetColumn { ',' targetColumn } ')' '=' expr */
  private readonly assignment: Rule<Assignment> = this.RULE('assignment', (): Assignment => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: (): Assignment => {
          const columns = this.subrule(2, this.insertColumns);
          this.consume(3, T.Equal);
          const value = this.subrule(4, this.expr);
          return this.ACTION(() => this.multipleAssignment(columns, value, start));
        },
      },
      {
        ALT: (): Assignment => {
          const column = this.subrule(5, this.targetColumn);
          this.consume(6, T.Equal);
          const value = this.subrule(7, this.expr);
          return {
            kind: 'Assignment',
            columns: [column],
            values: { kind: 'exprs', exprs: [value] },
            span: this.since(start),
          };
        },
      },
    ]);
  });

  private multipleAssignment(columns: readonly Ident[], value: Expr, start: Start): Assignment {
    const span = this.since(start);
    if (value.kind === 'ScalarSubquery') {
      return { kind: 'Assignment', columns, values: { kind: 'query', query: value.query }, span };
    }
    if (value.kind !== 'RowExpr' && columns.length > 1) {
      const message = 'source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression';
      this.refuseInvalid(message, value.span.start, '0A000');
    }
    const exprs = value.kind === 'RowExpr' ? value.items : [value];
    if (exprs.length !== columns.length) {
      this.refuseInvalid('number of columns does not match number of values', start, '42601');
    }
    return { kind: 'Assignment', columns, values: { kind: 'exprs', exprs }, span };
  }

  /** targetAlias: [ [ AS ] colId ], where SET is no alias without AS */
  protected readonly targetAlias: Rule<TableAlias | null> = this.RULE('targetAlias', () => {
    const start = this.here();
    const alias = this.option(1, {
      GATE: () => !this.isAt(1, K.set),
      DEF: (): TableAlias => {
        this.has(2, K.as);
        const name = this.subrule(3, this.colId);
        return { kind: 'TableAlias', name, columns: [], span: this.since(start) };
      },
    });
    return alias ?? null;
  });

  /** targetWhere: [ WHERE ( expr | CURRENT OF colId ) ] */
  private readonly targetWhere: Rule<Expr | null> = this.RULE('targetWhere', () => {
    const where = this.option(1, () => {
      this.consume(2, K.where);
      return this.or(3, [
        {
          GATE: () => this.isAt(2, K.of),
          ALT: (): Expr => {
            const word = this.consume(4, K.current);
            this.consume(5, K.of);
            this.subrule(6, this.colId);
            this.refuse('WHERE CURRENT OF', word.startOffset);
            return this.literal({ type: 'null' }, word);
          },
          IGNORE_AMBIGUITIES: true,
        },
        { ALT: () => this.subrule(7, this.expr) },
      ]);
    });
    return where ?? null;
  });

  /** update: UPDATE relationName [ targetAlias ] SET assignments [ FROM fromList ] [ targetWhere ] [ returning ] */
  readonly update: Rule<Update, [withClause: WithClause | null, start: Start]> = this.RULE(
    'update',
    (withClause: WithClause | null, start: Start): Update => {
      this.consume(1, K.update);
      const table = this.subrule(2, this.relationName);
      const alias = this.subrule(3, this.targetAlias);
      this.consume(4, K.set);
      const assignments = this.subrule(5, this.assignments);
      const from =
        this.option(6, () => {
          this.consume(7, K.from);
          return this.subrule(8, this.fromList);
        }) ?? [];
      const where = this.subrule(9, this.targetWhere);
      const returning = this.option(10, () => this.subrule(11, this.returning)) ?? [];
      const span = this.since(start);
      return { kind: 'Update', with: withClause, table, alias, assignments, from, where, returning, span };
    },
  );

  /** delete: DELETE FROM relationName [ targetAlias ] [ USING fromList ] [ targetWhere ] [ returning ] */
  readonly delete_: Rule<Delete, [withClause: WithClause | null, start: Start]> = this.RULE(
    'delete_',
    (withClause: WithClause | null, start: Start): Delete => {
      this.consume(1, K.delete);
      this.consume(2, K.from);
      const table = this.subrule(3, this.relationName);
      const alias = this.subrule(4, this.targetAlias);
      const using =
        this.option(5, () => {
          this.consume(6, K.using);
          return this.subrule(7, this.fromList);
        }) ?? [];
      const where = this.subrule(8, this.targetWhere);
      const returning = this.option(9, () => this.subrule(10, this.returning)) ?? [];
      return {
        kind: 'Delete',
        with: withClause,
        table,
        alias,
        using,
        where,
        returning,
        span: this.since(start),
      };
    },
  );

  /** truncate: TRUNCATE [ TABLE ] relationName { ',' relationName } [ RESTART IDENTITY | CONTINUE IDENTITY ] [ CASCADE | RESTRICT ] */
  readonly truncate: Rule<Truncate> = this.RULE('truncate', (): Truncate => {
    const start = this.consume(1, K.truncate).startOffset;
    this.has(2, K.table);
    const tables = this.list(0, () => this.subrule(3, this.relationName));
    this.option(4, () => {
      this.or(5, [{ ALT: () => this.consume(6, K.restart) }, { ALT: () => this.consume(7, K.continue) }]);
      this.consume(8, K.identity);
    });
    const cascade = this.subrule(9, this.dropBehavior) === 'cascade';
    return { kind: 'Truncate', tables, cascade, span: this.since(start) };
  });

  /** dropBehavior: [ CASCADE | RESTRICT ] */
  readonly dropBehavior: Rule<'cascade' | 'restrict'> = this.RULE('dropBehavior', () =>
    this.or(1, [
      { ALT: () => this.consume(2, K.cascade) && ('cascade' as const) },
      { ALT: () => this.optionally(3, K.restrict, 'restrict' as const) },
    ]),
  );
}

/** The query with further CTEs around it. */
function withCtes(withClause: WithClause | null, query: Query): Query {
  if (withClause === null) return query;
  const span = { start: withClause.span.start, end: query.span.end };
  if (query.with === null) return { ...query, with: withClause, span };
  const body = { kind: 'ParenQuery' as const, query, span: query.span };
  return {
    kind: 'Query',
    with: withClause,
    body,
    orderBy: [],
    limit: null,
    offset: null,
    locking: [],
    span,
  };
}
