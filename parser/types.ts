/** Grammar of type names, and of the fields of INTERVAL. */
import type { Ident, TypeName } from './ast/common.ts';
import { BaseParser, type Rule, type Start } from './base.ts';
import * as T from './tokens.ts';
import { K } from './tokens.ts';

export interface IntervalFields {
  readonly fields: string;
  readonly precision: number | null;
}

interface SimpleType {
  readonly name: string;
  readonly modifiers: readonly number[];
}

export abstract class TypeParser extends BaseParser {
  /** typeName: simpleType { '[' [ ICONST ] ']' } | simpleType ARRAY [ '[' ICONST ']' ] */
  readonly typeName: Rule<TypeName> = this.RULE('typeName', () => {
    this.enter();
    const start = this.here();
    const base = this.subrule(1, this.simpleType);
    let arrayDepth = 0;
    this.or(2, [
      {
        ALT: () => {
          this.consume(3, K.array);
          arrayDepth = 1;
          this.option(4, () => {
            this.consume(5, T.LBracket);
            this.consume(6, T.Int);
            this.consume(7, T.RBracket);
          });
        },
      },
      {
        ALT: () =>
          this.many(8, () => {
            this.consume(9, T.LBracket);
            this.has(10, T.Int);
            this.consume(11, T.RBracket);
            arrayDepth++;
          }),
      },
    ]);
    this.leave();
    return { ...base, arrayDepth, span: this.since(start) };
  });

  /** simpleType: structType | intervalType | dateTimeType | numericType | characterType | bitType | genericType */
  readonly simpleType: Rule<TypeName> = this.RULE('simpleType', () => {
    const start = this.here();
    return this.or(1, [
      {
        GATE: () => this.isAt(2, T.Less),
        ALT: () => this.subrule(2, this.structType),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.subrule(3, this.intervalType) },
      { ALT: () => this.builtin(this.subrule(4, this.dateTimeType), start) },
      {
        GATE: () => !this.isAt(1, K.double) || this.isAt(2, K.precision),
        ALT: () => this.builtin(this.subrule(5, this.numericType), start),
        IGNORE_AMBIGUITIES: true,
      },
      { ALT: () => this.builtin(this.subrule(6, this.characterType), start) },
      { ALT: () => this.builtin(this.subrule(7, this.bitType), start) },
      { ALT: () => this.builtin({ name: this.textOf(this.consume(8, K.json)), modifiers: [] }, start) },
      { ALT: () => this.subrule(9, this.genericType) },
    ]);
  });

  /** structType: STRUCT '<' colLabel typeName { ',' colLabel typeName } '>' */
  readonly structType: Rule<TypeName> = this.RULE('structType', () => {
    const start = this.here();
    const word = this.identOf(this.consume(1, K.struct));
    this.consume(2, T.Less);
    const fields = this.list(0, () => {
      const name = this.subrule(3, this.colLabel);
      return { name, type: this.subrule(4, this.typeName) };
    });
    this.consume(5, T.Greater);
    return { ...this.plainType(word, start), fields, span: this.since(start) };
  });

  /** intervalType: INTERVAL ( '(' ICONST ')' | [ intervalFields ] ) */
  readonly intervalType: Rule<TypeName> = this.RULE('intervalType', () => {
    const start = this.here();
    const word = this.identOf(this.consume(1, K.interval));
    let fields: string | null = null;
    let precision: number | null = null;
    this.or(2, [
      {
        ALT: () => {
          precision = this.subrule(3, this.parenthesisedInt);
        },
      },
      {
        ALT: () =>
          this.option(4, () => {
            const read = this.subrule(5, this.intervalFields);
            fields = read.fields;
            precision = read.precision;
          }),
      },
    ]);
    const modifiers = precision === null ? [] : [precision];
    return { ...this.plainType(word, start), intervalFields: fields, modifiers, span: this.since(start) };
  });

  /** parenthesisedInt: '(' ICONST ')' */
  readonly parenthesisedInt: Rule<number> = this.RULE('parenthesisedInt', () => {
    this.consume(1, T.LParen);
    const value = Number(this.textOf(this.consume(2, T.Int)));
    this.consume(3, T.RParen);
    return value;
  });

  /**
   * intervalFields: YEAR [ TO MONTH ] | MONTH | DAY [ TO ( HOUR | MINUTE | second ) ] | HOUR [ TO ( MINUTE | second ) ]
   *   | MINUTE [ TO second ] | second        where second: SECOND [ '(' ICONST ')' ]
   */
  readonly intervalFields: Rule<IntervalFields> = this.RULE('intervalFields', () => {
    let precision: number | null = null;
    const second = (index: number): string => {
      const word = this.textOf(this.consume(index, K.second));
      precision = this.option(index, () => this.subrule(index, this.parenthesisedInt)) ?? null;
      return word;
    };
    const until = (index: number, from: string, to: () => string): string => {
      const end = this.option(index, () => {
        this.consume(index, K.to);
        return to();
      });
      return end === undefined ? from : `${from} to ${end}`;
    };
    const word = (index: number, type: typeof K.day): string => this.textOf(this.consume(index, type));
    const fields = this.or(1, [
      { ALT: () => until(10, word(11, K.year), () => word(12, K.month)) },
      { ALT: () => word(13, K.month) },
      {
        ALT: () =>
          until(20, word(21, K.day), () =>
            this.or(2, [
              { ALT: () => word(22, K.hour) },
              { ALT: () => word(23, K.minute) },
              { ALT: () => second(24) },
            ]),
          ),
      },
      {
        ALT: () =>
          until(30, word(31, K.hour), () =>
            this.or(3, [{ ALT: () => word(32, K.minute) }, { ALT: () => second(33) }]),
          ),
      },
      { ALT: () => until(40, word(41, K.minute), () => second(42)) },
      { ALT: () => second(50) },
    ]);
    return { fields, precision };
  });

  /** dateTimeType: ( TIMESTAMP | TIME ) [ '(' ICONST ')' ] [ ( WITH | WITHOUT ) TIME ZONE ] */
  readonly dateTimeType: Rule<SimpleType> = this.RULE('dateTimeType', () => {
    const base = this.or(1, [
      { ALT: () => this.textOf(this.consume(2, K.timestamp)) },
      { ALT: () => this.textOf(this.consume(3, K.time)) },
    ]);
    const precision = this.option(4, () => this.subrule(5, this.parenthesisedInt));
    let zoned = false;
    this.option(6, {
      GATE: () => this.isAt(2, K.time),
      DEF: () => {
        zoned = this.or(7, [
          { ALT: () => this.consume(8, K.with) && true },
          { ALT: () => this.consume(9, K.without) && false },
        ]);
        this.consume(10, K.time);
        this.consume(11, K.zone);
      },
    });
    return { name: zoned ? `${base}tz` : base, modifiers: precision === undefined ? [] : [precision] };
  });

  /**
   * numericType: INT | INTEGER | SMALLINT | BIGINT | REAL | FLOAT [ '(' ICONST ')' ] | DOUBLE PRECISION
   *   | ( DECIMAL | DEC | NUMERIC ) [ typeModifiers ] | BOOLEAN
   */
  readonly numericType: Rule<SimpleType> = this.RULE('numericType', () => {
    const plain = (index: number, type: typeof K.int, name: string) => ({
      ALT: (): SimpleType => {
        this.consume(index, type);
        return { name, modifiers: [] };
      },
    });
    const decimal = (index: number, type: typeof K.int) => ({
      ALT: (): SimpleType => {
        this.consume(index, type);
        return {
          name: 'numeric',
          modifiers: this.option(index, () => this.subrule(index, this.typeModifiers)) ?? [],
        };
      },
    });
    return this.or(1, [
      plain(1, K.int, 'int4'),
      plain(2, K.integer, 'int4'),
      plain(3, K.smallint, 'int2'),
      plain(4, K.bigint, 'int8'),
      plain(5, K.real, 'float4'),
      plain(6, K.boolean, 'bool'),
      {
        ALT: () => {
          this.consume(2, K.double);
          this.consume(3, K.precision);
          return { name: 'float8', modifiers: [] };
        },
      },
      {
        ALT: () => {
          this.consume(4, K.float);
          const position = this.here();
          const bits = this.option(5, () => this.subrule(6, this.parenthesisedInt));
          return { name: this.ACTION(() => this.floatOf(bits, position)), modifiers: [] };
        },
      },
      decimal(10, K.decimal),
      decimal(11, K.dec),
      decimal(12, K.numeric),
    ]);
  });

  /** characterType: ( CHARACTER | CHAR | NCHAR | NATIONAL ( CHARACTER | CHAR ) ) [ VARYING ] [ '(' n ')' ] | VARCHAR [ '(' n ')' ] */
  readonly characterType: Rule<SimpleType> = this.RULE('characterType', () => {
    let varying = false;
    this.or(1, [
      {
        ALT: () => {
          this.consume(2, K.varchar);
          varying = true;
        },
      },
      {
        ALT: () => {
          this.or(3, [
            { ALT: () => this.consume(4, K.nchar) },
            {
              ALT: () => {
                this.has(5, K.national);
                this.or(6, [
                  { ALT: () => this.consume(7, K.character) },
                  { ALT: () => this.consume(8, K.char) },
                ]);
              },
            },
          ]);
          varying = this.has(9, K.varying);
        },
      },
    ]);
    const length = this.option(10, () => this.subrule(11, this.parenthesisedInt));
    if (varying) return { name: 'varchar', modifiers: length === undefined ? [] : [length] };
    return { name: 'bpchar', modifiers: [length ?? 1] };
  });

  /** bitType: BIT [ VARYING ] [ '(' ICONST ')' ] */
  readonly bitType: Rule<SimpleType> = this.RULE('bitType', () => {
    this.consume(1, K.bit);
    const varying = this.has(2, K.varying);
    const length = this.option(3, () => this.subrule(4, this.parenthesisedInt));
    return { name: varying ? 'varbit' : 'bit', modifiers: length === undefined ? [] : [length] };
  });

  /** genericType: function name word { '.' colLabel } [ typeModifiers ] */
  readonly genericType: Rule<TypeName> = this.RULE('genericType', (): TypeName => {
    const start = this.here();
    if (this.isAt(2, T.LParen) && this.textOf(this.LA(1)) === 'map') this.refuse('MAP type', start);
    const parts = [this.identOf(this.consume(1, T.FuncName))];
    this.many(2, () => {
      this.consume(3, T.Dot);
      parts.push(this.subrule(4, this.colLabel));
    });
    const name = this.nameOf(parts, start);
    const modifiers = this.option(5, () => this.subrule(6, this.typeModifiers)) ?? [];
    return {
      kind: 'TypeName',
      name,
      modifiers,
      fields: null,
      arrayDepth: 0,
      intervalFields: null,
      span: this.since(start),
    };
  });

  /** typeModifiers: '(' modifier { ',' modifier } ')'    modifier: signedNumber | SCONST | typeName */
  readonly typeModifiers: Rule<readonly number[]> = this.RULE('typeModifiers', () => {
    const start = this.consume(1, T.LParen).startOffset;
    const modifiers = this.list(0, () =>
      this.or(2, [
        { ALT: () => Number(this.subrule(3, this.signedNumber)) },
        { ALT: () => this.refuseModifier(this.consume(4, T.Str).startOffset) },
        { ALT: () => this.refuseModifier(this.subrule(5, this.typeName) && start) },
      ]),
    );
    this.consume(6, T.RParen);
    return modifiers;
  });

  private refuseModifier(position: number): number {
    this.refuse('A type modifier that is not a number', position);
    return 0;
  }

  private floatOf(bits: number | undefined, position: number): string {
    if (bits !== undefined && bits < 1)
      this.refuseInvalid('precision for type float must be at least 1 bit', position);
    if (bits !== undefined && bits > 53)
      this.refuseInvalid('precision for type float must be less than 54 bits', position);
    return bits !== undefined && bits <= 24 ? 'float4' : 'float8';
  }

  private plainType(word: Ident, start: Start): TypeName {
    const name = this.nameOf([word], start);
    return {
      kind: 'TypeName',
      name,
      modifiers: [],
      fields: null,
      arrayDepth: 0,
      intervalFields: null,
      span: name.span,
    };
  }

  private builtin(type: SimpleType, start: Start): TypeName {
    const span = this.since(start);
    const word: Ident = { kind: 'Ident', name: type.name, quoted: false, span };
    return { ...this.plainType(word, start), modifiers: type.modifiers };
  }
}
