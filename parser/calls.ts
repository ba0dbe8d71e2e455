/** Grammar of function calls with all their clauses, windows, and the functions that have a syntax of their own. */
import type { TokenType } from 'chevrotain';
import type { Ident, ObjectName } from './ast/common.ts';
import type {
  Expr,
  FrameBound,
  FunctionArgument,
  FunctionCall,
  SpecialCall,
  WindowFrame,
  WindowName,
  WindowSpec,
} from './ast/expr.ts';
import type { OrderItem } from './ast/query.ts';
import type { Rule, Start } from './base.ts';
import { PrimaryParser } from './primary.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

interface ArgumentList {
  readonly star: boolean;
  readonly distinct: boolean;
  readonly arguments: readonly FunctionArgument[];
  readonly orderBy: readonly OrderItem[];
}

/** Words that are a special call when '(' follows, and a column name otherwise. */
const specialWithParenthesis: ReadonlySet<TokenType> = new Set([
  K.coalesce,
  K.nullif,
  K.greatest,
  K.least,
  K.extract,
  K.overlay,
  K.position,
  K.substring,
  K.trim,
  K.normalize,
  K.treat,
  K.grouping,
]);

/** Reserved words that are a value by themselves. */
const valueWords: ReadonlySet<TokenType> = new Set([
  K.current_date,
  K.current_time,
  K.current_timestamp,
  K.localtime,
  K.localtimestamp,
  K.current_user,
  K.current_role,
  K.session_user,
  K.system_user,
  K.user,
  K.current_catalog,
]);

export abstract class CallParser extends PrimaryParser {
  protected startsSpecialCall(): boolean {
    const word = this.at(1);
    if (valueWords.has(word)) return true;
    if (word === K.current_schema) return !this.isAt(2, T.LParen);
    if (word === K.collation) return this.isAt(2, K.for);
    return specialWithParenthesis.has(word) && this.isAt(2, T.LParen);
  }

  /** callExpr: [ AGGREGATE ':' ] functionCall callClauses { subscript } | funcName '(' arguments ')' SCONST */
  readonly callExpr: Rule<Expr> = this.RULE('callExpr', () => {
    const start = this.here();
    this.option(1, {
      GATE: () => this.isAt(2, T.Colon),
      DEF: () => {
        this.refuse('AGGREGATE: prefix', this.consume(2, K.aggregate).startOffset);
        this.consume(3, T.Colon);
      },
    });
    const call = this.subrule(4, this.functionCall);
    let result: Expr = this.subrule(5, this.callClauses, { ARGS: [call, start] });
    this.many(6, () => {
      result = this.subrule(7, this.subscript, { ARGS: [result, start] });
    });
    return result;
  });

  /** functionCall: funcName argumentList */
  readonly functionCall: Rule<FunctionCall> = this.RULE('functionCall', () => {
    const start = this.here();
    const name = this.subrule(1, this.calledName);
    const list = this.subrule(2, this.argumentList);
    return this.plainCall(name, list, start);
  });

  /** calledName: funcName | one of PostgreSQL's JSON function words */
  private readonly calledName: Rule<ObjectName> = this.RULE('calledName', () => {
    const start = this.here();
    const word = (index: number, type: TokenType) => ({
      GATE: () => !this.isAt(2, T.Dot),
      ALT: () => this.nameOf([this.identOf(this.consume(index, type))], start),
      IGNORE_AMBIGUITIES: true,
    });
    return this.or(1, [
      word(1, K.json),
      word(2, K.json_array),
      word(3, K.json_arrayagg),
      word(4, K.json_exists),
      word(5, K.json_object),
      word(6, K.json_objectagg),
      word(7, K.json_query),
      word(8, K.json_scalar),
      word(9, K.json_serialize),
      word(10, K.json_value),
      { ALT: () => this.subrule(2, this.funcName) },
    ]);
  });

  /**
   * argumentList: '(' ')' | '(' '*' ')'
   *   | '(' [ ALL | DISTINCT ] functionArgument { ',' functionArgument } [ orderBy ] ')'
   */
  readonly argumentList: Rule<ArgumentList> = this.RULE('argumentList', (): ArgumentList => {
    let star = false;
    let distinct = false;
    const values: FunctionArgument[] = [];
    let orderBy: readonly OrderItem[] = [];
    this.consume(1, T.LParen);
    this.or(2, [
      {
        ALT: () => {
          this.consume(3, T.Star);
          star = true;
        },
      },
      {
        ALT: () => {
          this.or(4, [
            { ALT: () => this.consume(5, K.all) },
            {
              ALT: () => {
                distinct = this.has(6, K.distinct);
              },
            },
          ]);
          values.push(this.subrule(7, this.functionArgument));
          this.many(8, {
            GATE: () => values.at(-1)?.variadic === false,
            DEF: () => {
              this.consume(9, T.Comma);
              values.push(this.subrule(10, this.functionArgument));
            },
          });
          orderBy = this.option(11, () => this.subrule(12, this.orderBy)) ?? [];
        },
      },
      { ALT: () => {} },
    ]);
    this.consume(13, T.RParen);
    return { star, distinct, arguments: values, orderBy };
  });

  /** functionArgument: lambda | [ VARIADIC ] [ funcName ( ':=' | '=>' ) ] expr */
  readonly functionArgument: Rule<FunctionArgument> = this.RULE('functionArgument', (): FunctionArgument => {
    const start = this.here();
    let name: Ident | null = null;
    let variadic = false;
    const value = this.or(1, [
      {
        GATE: () => this.startsLambda(),
        ALT: () => this.subrule(2, this.lambda),
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: () => {
          this.or(3, [
            {
              ALT: () => {
                this.consume(4, K.variadic);
                variadic = true;
              },
            },
            { ALT: () => {} },
          ]);
          this.option(10, {
            GATE: () => this.isAt(2, T.ColonEquals) || this.isAt(2, T.EqualsGreater),
            DEF: () => {
              name = this.identOf(this.consume(5, T.FuncName));
              this.or(6, [
                { ALT: () => this.consume(7, T.ColonEquals) },
                { ALT: () => this.consume(8, T.EqualsGreater) },
              ]);
            },
          });
          return this.subrule(9, this.expr);
        },
      },
    ]);
    return { kind: 'FunctionArgument', name, variadic, value, span: this.since(start) };
  });

  private startsLambda(): boolean {
    if (!this.isAt(1, T.Op) || this.textOf(this.LA(1)) !== '|' || !this.isIn(2, T.ColId)) return false;
    return this.isAt(3, T.Comma) || (this.isAt(3, T.Op) && this.textOf(this.LA(3)) === '|');
  }

  /** lambda: '|' colId { ',' colId } '|' expr */
  private readonly lambda: Rule<Expr> = this.RULE('lambda', (): Expr => {
    const start = this.consume(1, T.Op).startOffset;
    const parameters = this.list(0, () => this.subrule(2, this.colId));
    this.consume(3, T.Op);
    const body = this.subrule(4, this.expr);
    return { kind: 'Lambda', parameters, body, span: this.since(start) };
  });

  protected plainCall(name: ObjectName, list: ArgumentList, start: Start): FunctionCall {
    return {
      kind: 'FunctionCall',
      name,
      star: list.star,
      arguments: list.arguments,
      distinct: list.distinct,
      orderBy: list.orderBy,
      withinGroup: null,
      filter: null,
      nullTreatment: null,
      over: null,
      span: this.since(start),
    };
  }

  /**
   * callClauses: [ WITHIN GROUP '(' orderBy ')' ] [ FILTER '(' WHERE expr ')' ] [ ( IGNORE | RESPECT ) NULLS ]
   *   [ OVER ( windowSpec | colId ) ]
   */
  readonly callClauses: Rule<FunctionCall, [call: FunctionCall, start: Start]> = this.RULE(
    'callClauses',
    (call: FunctionCall, start: Start): FunctionCall => {
      const withinGroup = this.option(1, () => {
        this.consume(2, K.within);
        this.consume(3, K.group);
        this.consume(4, T.LParen);
        const items = this.subrule(5, this.orderBy);
        this.consume(6, T.RParen);
        return items;
      });
      const filter = this.option(7, () => {
        this.consume(8, K.filter);
        this.consume(9, T.LParen);
        this.consume(10, K.where);
        const condition = this.subrule(11, this.expr);
        this.consume(12, T.RParen);
        return condition;
      });
      const nullTreatment = this.option(13, {
        GATE: () => this.isAt(2, K.nulls),
        DEF: () => {
          const treatment = this.or(14, [
            { ALT: () => this.consume(15, K.ignore) && ('ignore' as const) },
            { ALT: () => this.consume(16, K.respect) && ('respect' as const) },
          ]);
          this.consume(17, K.nulls);
          return treatment;
        },
      });
      const over = this.option(18, () => {
        this.consume(19, K.over);
        return this.or(20, [
          { ALT: (): WindowSpec | WindowName => this.subrule(21, this.windowSpec) },
          {
            ALT: (): WindowSpec | WindowName => {
              const name = this.subrule(22, this.colId);
              return { kind: 'WindowName', name, span: name.span };
            },
          },
        ]);
      });
      if (!withinGroup && !filter && !nullTreatment && !over) return call;
      return {
        ...call,
        withinGroup: withinGroup ?? null,
        filter: filter ?? null,
        nullTreatment: nullTreatment ?? null,
        over: over ?? null,
        span: this.since(start),
      };
    },
  );

  // Windows

  /** windowSpec: '(' [ colId ] [ PARTITION BY expr { ',' expr } ] [ orderBy ] [ windowFrame ] ')' */
  readonly windowSpec: Rule<WindowSpec> = this.RULE('windowSpec', (): WindowSpec => {
    const start = this.consume(1, T.LParen).startOffset;
    const base =
      this.option(2, { GATE: () => !this.startsWindowClause(), DEF: () => this.subrule(3, this.colId) }) ??
      null;
    const partitionBy =
      this.option(4, () => {
        this.consume(5, K.partition);
        this.consume(6, K.by);
        return this.list(0, () => this.subrule(7, this.expr));
      }) ?? [];
    const orderBy = this.option(8, () => this.subrule(9, this.orderBy)) ?? [];
    const frame = this.option(10, () => this.subrule(11, this.windowFrame)) ?? null;
    this.consume(12, T.RParen);
    return { kind: 'WindowSpec', base, partitionBy, orderBy, frame, span: this.since(start) };
  });

  private startsWindowClause(): boolean {
    const word = this.at(1);
    if (word === K.session) return this.isAt(2, K.with);
    return word === K.partition || word === K.range || word === K.rows || word === K.groups;
  }

  /**
   * windowFrame: SESSION WITH GAP expr
   *   | ( ROWS | RANGE | GROUPS ) ( BETWEEN frameBound AND frameBound | frameBound )
   *     [ EXCLUDE ( CURRENT ROW | GROUP | TIES | NO OTHERS ) ]
   */
  readonly windowFrame: Rule<WindowFrame> = this.RULE('windowFrame', (): WindowFrame => {
    const start = this.here();
    return this.or(1, [
      {
        ALT: (): WindowFrame => {
          this.consume(2, K.session);
          this.consume(3, K.with);
          this.consume(4, K.gap);
          const offset = this.subrule(5, this.expr);
          const bound: FrameBound = { kind: 'FrameBound', bound: 'preceding', offset, span: offset.span };
          return {
            kind: 'WindowFrame',
            unit: 'session',
            start: bound,
            end: null,
            exclude: null,
            span: this.since(start),
          };
        },
      },
      { ALT: (): WindowFrame => this.subrule(6, this.boundedFrame) },
    ]);
  });

  private readonly boundedFrame: Rule<WindowFrame> = this.RULE('boundedFrame', (): WindowFrame => {
    const start = this.here();
    const unit = this.or(1, [
      { ALT: () => this.consume(2, K.rows) && ('rows' as const) },
      { ALT: () => this.consume(3, K.range) && ('range' as const) },
      { ALT: () => this.consume(4, K.groups) && ('groups' as const) },
    ]);
    let end: FrameBound | null = null;
    const first = this.or(5, [
      {
        GATE: () => true,
        ALT: () => {
          this.consume(6, K.between);
          const low = this.subrule(7, this.frameBound);
          this.consume(8, K.and);
          end = this.subrule(9, this.frameBound);
          return low;
        },
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(10, this.frameBound) },
    ]);
    this.ACTION(() => this.checkFrame(first, end));
    const exclude = this.option(11, () => this.subrule(12, this.frameExclusion)) ?? null;
    return { kind: 'WindowFrame', unit, start: first, end, exclude, span: this.since(start) };
  });

  /** frameExclusion: EXCLUDE ( CURRENT ROW | GROUP | TIES | NO OTHERS ) */
  private readonly frameExclusion: Rule<NonNullable<WindowFrame['exclude']>> = this.RULE(
    'frameExclusion',
    () => {
      this.consume(1, K.exclude);
      return this.or(2, [
        {
          ALT: () => {
            this.consume(3, K.current);
            this.consume(4, K.row);
            return 'current row' as const;
          },
        },
        { ALT: () => this.consume(5, K.group) && ('group' as const) },
        { ALT: () => this.consume(6, K.ties) && ('ties' as const) },
        {
          ALT: () => {
            this.consume(7, K.no);
            this.consume(8, K.others);
            return 'no others' as const;
          },
        },
      ]);
    },
  );

  /** frameBound: UNBOUNDED ( PRECEDING | FOLLOWING ) | CURRENT ROW | expr ( PRECEDING | FOLLOWING ) */
  private readonly frameBound: Rule<FrameBound> = this.RULE('frameBound', (): FrameBound => {
    const start = this.here();
    return this.or(1, [
      {
        GATE: () => this.isAt(2, K.preceding) || this.isAt(2, K.following),
        ALT: (): FrameBound => {
          this.consume(2, K.unbounded);
          const bound = this.or(3, [
            { ALT: () => this.consume(4, K.preceding) && ('unbounded preceding' as const) },
            { ALT: () => this.consume(5, K.following) && ('unbounded following' as const) },
          ]);
          return { kind: 'FrameBound', bound, offset: null, span: this.since(start) };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        GATE: () => this.isAt(2, K.row),
        ALT: (): FrameBound => {
          this.consume(6, K.current);
          this.consume(7, K.row);
          return { kind: 'FrameBound', bound: 'current row', offset: null, span: this.since(start) };
        },
        IGNORE_AMBIGUITIES: true,
      },
      {
        ALT: (): FrameBound => {
          const offset = this.subrule(8, this.expr);
          const bound = this.or(9, [
            { ALT: () => this.consume(10, K.preceding) && ('preceding' as const) },
            { ALT: () => this.consume(11, K.following) && ('following' as const) },
          ]);
          return { kind: 'FrameBound', bound, offset, span: this.since(start) };
        },
      },
    ]);
  });

  private checkFrame(first: FrameBound, end: FrameBound | null): void {
    const wrong = wrongFrame(first, end);
    if (wrong !== null) this.refuseInvalid(wrong.message, wrong.bound.span.start, '42P20');
  }

  protected special(name: SpecialCall['name'], values: readonly Expr[], start: Start): SpecialCall {
    return { kind: 'SpecialCall', name, arguments: values, span: this.since(start) };
  }
}

/** PostgreSQL's rules on which bounds go together. */
function wrongFrame(
  first: FrameBound,
  end: FrameBound | null,
): { readonly message: string; readonly bound: FrameBound } | null {
  if (first.bound === 'unbounded following') {
    return { message: 'frame start cannot be UNBOUNDED FOLLOWING', bound: first };
  }
  if (end === null) {
    if (first.bound !== 'following') return null;
    return { message: 'frame starting from following row cannot end with current row', bound: first };
  }
  if (end.bound === 'unbounded preceding') {
    return { message: 'frame end cannot be UNBOUNDED PRECEDING', bound: end };
  }
  if (first.bound === 'current row' && end.bound === 'preceding') {
    return { message: 'frame starting from current row cannot have preceding rows', bound: end };
  }
  if (first.bound === 'following' && (end.bound === 'preceding' || end.bound === 'current row')) {
    return { message: 'frame starting from following row cannot have preceding rows', bound: end };
  }
  return null;
}
