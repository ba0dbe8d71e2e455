/** Grammar of DROP and COMMENT, which name objects of any kind. */
import type { ObjectName, TypeName } from '../ast/common.ts';
import type { Comment, Drop, ObjectKind } from '../ast/statement.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { SessionParser } from './session.ts';

export abstract class ObjectParser extends SessionParser {
  /** drop: DROP ( dropKind ifExists objectName { ',' objectName } | ( FUNCTION | AGGREGATE ) ifExists objectName [ argumentTypes ] ) dropBehavior */
  readonly drop: Rule<Drop> = this.RULE('drop', (): Drop => {
    const start = this.consume(1, K.drop).startOffset;
    let argumentTypes: readonly TypeName[] | null = null;
    let ifExists = false;
    let names: readonly ObjectName[] = [];
    const object = this.or(2, [
      {
        ALT: () => {
          const kind = this.subrule(3, this.dropKind);
          ifExists = this.subrule(4, this.ifExists);
          names = this.list(0, () => this.subrule(5, this.objectName));
          return kind;
        },
      },
      {
        ALT: () => {
          const kind = this.or(6, [
            { ALT: (): ObjectKind => this.consume(7, K.function) && 'function' },
            { ALT: (): ObjectKind => this.consume(8, K.aggregate) && 'aggregate' },
          ]);
          ifExists = this.subrule(9, this.ifExists);
          names = [this.subrule(10, this.funcName)];
          argumentTypes = this.option(11, () => this.subrule(12, this.argumentTypes)) ?? null;
          return kind;
        },
      },
    ]);
    const behavior = this.subrule(13, this.dropBehavior);
    return { kind: 'Drop', object, ifExists, names, argumentTypes, behavior, span: this.since(start) };
  });

  /**
   * argumentTypes: '(' [ [ IN | OUT | INOUT | VARIADIC ] [ name ] typeName { ',' ... } ] ')', the names without meaning; OUT
   * parameters do not count
   */
  readonly argumentTypes: Rule<readonly TypeName[]> = this.RULE('argumentTypes', () => {
    this.consume(1, T.LParen);
    const listed =
      this.option(2, () =>
        this.list(0, () => {
          const isOut = this.or(7, [
            { ALT: () => this.consume(8, K.out) && true },
            { ALT: () => this.consume(9, K.inout) && false },
            { ALT: () => this.consume(10, K.variadic) && false },
            { ALT: () => this.optionally(11, K.in, false) },
          ]);
          this.option(3, { GATE: () => this.startsParameterName(), DEF: () => this.consume(4, T.FuncName) });
          const type = this.subrule(5, this.typeName);
          return isOut ? null : type;
        }),
      ) ?? [];
    this.consume(6, T.RParen);
    return this.ACTION(() => listed.filter((type) => type !== null));
  });

  /** A word followed by another that begins a type is a parameter's name. */
  protected startsParameterName(): boolean {
    if (this.isAt(1, K.double) && this.isAt(2, K.precision)) return false;
    return this.isIn(2, T.NonReserved) && !this.isAt(2, K.varying);
  }

  /** dropKind: TABLE | SOURCE | VIEW | MATERIALIZED VIEW | INDEX [ CONCURRENTLY ] | SINK | ... | USER */
  private readonly dropKind: Rule<ObjectKind> = this.RULE('dropKind', () =>
    this.or(1, [
      { ALT: (): ObjectKind => this.consume(2, K.table) && 'table' },
      { ALT: (): ObjectKind => this.consume(3, K.source) && 'source' },
      { ALT: (): ObjectKind => this.consume(4, K.view) && 'view' },
      {
        ALT: (): ObjectKind => {
          this.consume(5, K.materialized);
          this.consume(6, K.view);
          return 'materialized view';
        },
      },
      {
        ALT: (): ObjectKind => {
          this.consume(7, K.index);
          this.has(8, K.concurrently);
          return 'index';
        },
      },
      { ALT: (): ObjectKind => this.consume(9, K.sink) && 'sink' },
      { ALT: (): ObjectKind => this.consume(10, K.subscription) && 'subscription' },
      { ALT: (): ObjectKind => this.consume(11, K.connection) && 'connection' },
      { ALT: (): ObjectKind => this.consume(12, K.secret) && 'secret' },
      { ALT: (): ObjectKind => this.consume(13, K.schema) && 'schema' },
      { ALT: (): ObjectKind => this.consume(14, K.database) && 'database' },
      { ALT: (): ObjectKind => this.consume(15, K.user) && 'user' },
    ]),
  );

  /** comment: COMMENT ON ( TABLE | VIEW | MATERIALIZED VIEW | SOURCE | COLUMN | INDEX | SCHEMA | DATABASE | SECRET | FUNCTION | AGGREGATE ) objectName [ argumentTypes ] IS ( SCONST | NULL ) */
  readonly comment: Rule<Comment> = this.RULE('comment', (): Comment => {
    const start = this.consume(1, K.comment).startOffset;
    this.consume(2, K.on);
    const object = this.or(3, [
      { ALT: () => this.consume(4, K.table) && ('table' as const) },
      { ALT: () => this.consume(5, K.view) && ('view' as const) },
      {
        ALT: () => {
          this.consume(6, K.materialized);
          this.consume(7, K.view);
          return 'materialized view' as const;
        },
      },
      { ALT: () => this.consume(8, K.source) && ('source' as const) },
      { ALT: () => this.consume(9, K.column) && ('column' as const) },
      { ALT: () => this.consume(10, K.index) && ('index' as const) },
      { ALT: () => this.consume(11, K.schema) && ('schema' as const) },
      { ALT: () => this.consume(12, K.database) && ('database' as const) },
      { ALT: () => this.consume(24, K.secret) && ('secret' as const) },
      { ALT: () => this.consume(18, K.function) && ('function' as const) },
      { ALT: () => this.consume(19, K.aggregate) && ('aggregate' as const) },
    ]);
    const isRoutine = (): boolean => object === 'function' || object === 'aggregate';
    const name = this.or(22, [
      { GATE: isRoutine, ALT: () => this.subrule(23, this.funcName), IGNORE_AMBIGUITIES: true },
      { ALT: () => this.subrule(13, this.objectName) },
    ]);
    const argumentTypes: readonly TypeName[] | null =
      this.option(20, {
        GATE: isRoutine,
        DEF: () => this.subrule(21, this.argumentTypes),
      }) ?? null;
    this.consume(14, K.is);
    const text = this.or(15, [
      { ALT: () => this.subrule(16, this.stringValue) },
      { ALT: () => this.consume(17, K.null) && null },
    ]);
    return { kind: 'Comment', object, name, argumentTypes, text, span: this.since(start) };
  });
}
