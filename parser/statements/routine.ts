/** Grammar of CREATE FUNCTION and CREATE AGGREGATE. */
import type { Ident } from '../ast/common.ts';
import type { Expr } from '../ast/expr.ts';
import type {
  CreateAggregate,
  CreateFunction,
  RoutineBody,
  RoutineParameter,
  RoutineResult,
  RoutineSetting,
} from '../ast/routine.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import type { CreateFlags } from './create.ts';
import { StreamingParser } from './streaming.ts';

/** A routine's clauses, in any order, each at most once. */
interface RoutineClauses {
  language: string | null;
  runtime: string | null;
  volatility: CreateFunction['volatility'];
  strict: boolean;
  settings: readonly RoutineSetting[];
  body: RoutineBody | null;
}

const noFlags: CreateFlags = { start: 0, orReplace: false, temporary: false };

const noClauses = (): RoutineClauses => ({
  language: null,
  runtime: null,
  volatility: null,
  strict: false,
  settings: [],
  body: null,
});

export abstract class RoutineParser extends StreamingParser {
  /** createFunction: FUNCTION ifNotExists objectName routineParameters [ RETURNS routineResult ] { routineClause } withOptions */
  readonly createFunction: Rule<CreateFunction, [flags?: CreateFlags]> = this.RULE(
    'createFunction',
    (flags: CreateFlags = noFlags): CreateFunction => {
      this.consume(1, K.function);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.funcName);
      const parameters = this.subrule(4, this.routineParameters);
      const returns =
        this.option(5, () => {
          this.consume(6, K.returns);
          return this.subrule(7, this.routineResult);
        }) ?? null;
      const clauses = noClauses();
      this.many(8, () => this.subrule(9, this.routineClause, { ARGS: [clauses] }));
      const options = this.subrule(10, this.withOptions);
      const { orReplace, temporary, start } = flags;
      const span = this.since(start);
      return {
        kind: 'CreateFunction',
        orReplace,
        temporary,
        ifNotExists,
        name,
        parameters,
        returns,
        ...clauses,
        options,
        span,
      };
    },
  );

  /** createAggregate: AGGREGATE ifNotExists objectName routineParameters RETURNS typeName [ APPEND ONLY ] { routineClause } */
  readonly createAggregate: Rule<CreateAggregate, [flags?: CreateFlags]> = this.RULE(
    'createAggregate',
    (flags: CreateFlags = noFlags): CreateAggregate => {
      this.consume(1, K.aggregate);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.funcName);
      const parameters = this.subrule(4, this.routineParameters);
      this.consume(5, K.returns);
      const returns = this.subrule(6, this.typeName);
      const appendOnly = this.hasAll(7, K.append, K.only);
      const clauses = noClauses();
      this.many(8, () => this.subrule(9, this.routineClause, { ARGS: [clauses] }));
      const { language, runtime, settings, body } = clauses;
      const { orReplace, start } = flags;
      const span = this.since(start);
      return {
        kind: 'CreateAggregate',
        orReplace,
        ifNotExists,
        name,
        parameters,
        returns,
        appendOnly,
        language,
        runtime,
        settings,
        body,
        span,
      };
    },
  );

  /** routineParameters: '(' [ routineParameter { ',' routineParameter } ] ')' */
  private readonly routineParameters: Rule<readonly RoutineParameter[]> = this.RULE(
    'routineParameters',
    () => {
      this.consume(1, T.LParen);
      const list = this.option(2, () => this.list(0, () => this.subrule(3, this.routineParameter))) ?? [];
      this.consume(4, T.RParen);
      return list;
    },
  );

  /** routineParameter: [ IN [ OUT ] | OUT | INOUT | VARIADIC ] [ name ] typeName [ ( DEFAULT | '=' ) expr ] */
  private readonly routineParameter: Rule<RoutineParameter> = this.RULE(
    'routineParameter',
    (): RoutineParameter => {
      const start = this.here();
      const mode = this.or(1, [
        { ALT: () => this.consume(2, K.out) && ('out' as const) },
        { ALT: () => this.consume(3, K.inout) && ('inout' as const) },
        { ALT: () => this.consume(4, K.variadic) && ('variadic' as const) },
        {
          ALT: () => {
            this.consume(5, K.in);
            return this.has(14, K.out) ? ('inout' as const) : ('in' as const);
          },
        },
        { ALT: () => 'in' as const },
      ]);
      const name: Ident | null =
        this.option(6, {
          GATE: () => this.startsParameterName(),
          DEF: () => this.identOf(this.consume(7, T.FuncName)),
        }) ?? null;
      const type = this.subrule(8, this.typeName);
      const value: Expr | null =
        this.option(9, () => {
          this.or(10, [{ ALT: () => this.consume(11, K.default) }, { ALT: () => this.consume(12, T.Equal) }]);
          return this.subrule(13, this.expr);
        }) ?? null;
      return { kind: 'RoutineParameter', mode, name, type, default: value, span: this.since(start) };
    },
  );

  /** routineResult: TABLE '(' colId typeName { ',' colId typeName } ')' | [ SETOF ] typeName */
  private readonly routineResult: Rule<RoutineResult> = this.RULE('routineResult', (): RoutineResult => {
    return this.or(1, [
      {
        ALT: (): RoutineResult => {
          this.consume(2, K.table);
          this.consume(3, T.LParen);
          const columns = this.list(0, () => ({
            name: this.subrule(4, this.colId),
            type: this.subrule(5, this.typeName),
          }));
          this.consume(6, T.RParen);
          return { kind: 'table', columns };
        },
      },
      {
        ALT: (): RoutineResult => {
          const setOf = this.has(7, K.setof);
          return { kind: 'type', setOf, type: this.subrule(8, this.typeName) };
        },
      },
    ]);
  });

  /**
   * routineClause: LANGUAGE word | RUNTIME word | IMMUTABLE | STABLE | VOLATILE | nullInput
   *   | routineSetting | AS SCONST [ ',' SCONST ] | [ AS colId ] USING LINK SCONST | USING BASE64 SCONST | RETURN expr
   */
  private readonly routineClause: Rule<void, [clauses: RoutineClauses]> = this.RULE(
    'routineClause',
    (clauses: RoutineClauses) => {
      const set = (change: () => void): void => {
        this.ACTION(change);
      };
      this.or(1, [
        {
          ALT: () => {
            this.consume(2, K.language);
            const language = this.subrule(3, this.settingWord);
            set(() => {
              clauses.language = language;
            });
          },
        },
        {
          ALT: () => {
            this.consume(4, K.runtime);
            const runtime = this.subrule(5, this.settingWord);
            set(() => {
              clauses.runtime = runtime;
            });
          },
        },
        {
          ALT: () => {
            const volatility = this.or(6, [
              { ALT: () => this.consume(7, K.immutable) && ('immutable' as const) },
              { ALT: () => this.consume(8, K.stable) && ('stable' as const) },
              { ALT: () => this.consume(9, K.volatile) && ('volatile' as const) },
            ]);
            set(() => {
              clauses.volatility = volatility;
            });
          },
        },
        {
          ALT: () => {
            const strict = this.subrule(10, this.nullInput);
            set(() => {
              clauses.strict = strict;
            });
          },
        },
        {
          ALT: () => {
            const setting = this.subrule(12, this.routineSetting);
            set(() => {
              clauses.settings = [...clauses.settings, setting];
            });
          },
        },
        {
          ALT: () => {
            const body = this.subrule(11, this.routineBody);
            set(() => {
              clauses.body = body;
            });
          },
        },
      ]);
    },
  );

  /** routineSetting: SET settingName ( TO | '=' ) settingValue */
  private readonly routineSetting: Rule<RoutineSetting> = this.RULE('routineSetting', (): RoutineSetting => {
    this.consume(1, K.set);
    const name = this.subrule(2, this.settingName);
    this.or(3, [{ ALT: () => this.consume(4, K.to) }, { ALT: () => this.consume(5, T.Equal) }]);
    return { name, value: this.subrule(6, this.settingValue) };
  });

  /** nullInput: STRICT | RETURNS NULL ON NULL INPUT | CALLED ON NULL INPUT; true when NULL gives NULL without a call */
  readonly nullInput: Rule<boolean> = this.RULE('nullInput', (): boolean => {
    return this.or(1, [
      { ALT: () => this.consume(2, K.strict) && true },
      {
        ALT: () => {
          const strict = this.or(3, [
            {
              ALT: () => {
                this.consume(4, K.returns);
                return this.consume(5, K.null) && true;
              },
            },
            { ALT: () => this.consume(6, K.called) && false },
          ]);
          this.consume(7, K.on);
          this.consume(8, K.null);
          this.consume(9, K.input);
          return strict;
        },
      },
    ]);
  });

  private readonly routineBody: Rule<RoutineBody> = this.RULE('routineBody', (): RoutineBody => {
    return this.or(1, [
      {
        ALT: (): RoutineBody => {
          this.consume(2, K.return);
          return { kind: 'return', expr: this.subrule(3, this.expr) };
        },
      },
      { ALT: (): RoutineBody => this.subrule(4, this.usingClause, { ARGS: [null] }) },
      {
        ALT: (): RoutineBody => {
          this.consume(5, K.as);
          return this.or(6, [
            {
              ALT: (): RoutineBody => {
                const text = this.subrule(7, this.stringValue);
                const symbol =
                  this.option(8, () => {
                    this.consume(9, T.Comma);
                    return this.subrule(10, this.stringValue);
                  }) ?? null;
                return { kind: 'text', text, symbol };
              },
            },
            {
              ALT: (): RoutineBody => {
                const name = this.subrule(11, this.colId);
                return this.subrule(12, this.usingClause, { ARGS: [name] });
              },
            },
          ]);
        },
      },
    ]);
  });

  /** usingClause: USING ( LINK SCONST | BASE64 SCONST ) */
  private readonly usingClause: Rule<RoutineBody, [name: Ident | null]> = this.RULE(
    'usingClause',
    (name: Ident | null): RoutineBody => {
      this.consume(1, K.using);
      return this.or(2, [
        {
          ALT: (): RoutineBody => {
            this.consume(3, K.link);
            return { kind: 'link', name: name?.name ?? null, link: this.subrule(4, this.stringValue) };
          },
        },
        {
          ALT: (): RoutineBody => {
            this.consume(5, K.base64);
            return { kind: 'base64', data: this.subrule(6, this.stringValue) };
          },
        },
      ]);
    },
  );
}
