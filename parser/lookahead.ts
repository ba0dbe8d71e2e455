/**
 * The decisions of the grammar: one token of lookahead by FIRST sets, plus the alternatives' own gates.
 *
 * Chevrotain's default enumerates lookahead paths for every production when the parser is built, which takes long for a
 * grammar with 550 words. Here the tables are made from FIRST sets (remembered per rule) and each only when its decision is
 * met for the first time, so building the parser costs next to nothing. Semantics: an optional part is entered when the
 * token can start it; of several alternatives the first one fits whose gate is open; an alternative that may be empty is
 * taken when no other fits.
 *
 * State: FIRST sets of rules and the tables, both only grow. When `host.expected` is set, failed decisions note what they
 * would have taken: this is how a syntax error knows what was expected.
 */
import type { IProduction, IToken, Rule, TokenType } from 'chevrotain';
import {
  Alternation,
  type ILookaheadStrategy,
  LLkLookaheadStrategy,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
  Terminal,
} from 'chevrotain';
import { assert, must } from '../common/assert.ts';

/** No alternative fits at `token`. Not one of chevrotain's exceptions, so that it passes straight through. */
export class SyntaxFailure extends Error {
  readonly token: IToken;
  constructor(token: IToken) {
    super('syntax error');
    this.token = token;
  }
}

/** Gathers what could have stood in the place of `token`. */
export class ExpectedTokens {
  readonly labels: Set<string> = new Set();
  readonly #token: IToken;

  constructor(token: IToken) {
    this.#token = token;
  }

  note(token: IToken, labels: Iterable<string>): void {
    if (token !== this.#token) return;
    for (const label of labels) this.labels.add(label);
  }
}

/** What a decision needs of the parser; it is called with the parser as `this`. */
interface Host {
  LA_FAST(distance: number): IToken;
  readonly expected: ExpectedTokens | null;
}

interface FirstSet {
  readonly types: ReadonlySet<TokenType>;
  /** How the set is named to people: labels of tokens, and names of whole rules such as "an expression". */
  readonly labels: ReadonlySet<string>;
  readonly nullable: boolean;
}

interface ChoiceTable {
  /** By token type: the alternatives it can start, in order. */
  readonly choices: readonly (readonly number[] | undefined)[];
  /** The alternatives that may be empty, in order. */
  readonly empties: readonly number[];
  readonly labels: ReadonlySet<string>;
}

/** Rules that are named as a whole in "expected ..." */
const ruleLabels: ReadonlyMap<string, string> = new Map([
  ['expr', 'an expression'],
  ['operand', 'an expression'],
  ['primary', 'an expression'],
  ['functionArgument', 'an expression'],
  ['groupItem', 'an expression'],
  ['selectItem', 'an expression'],
  ['query', 'a query'],
  ['queryTerm', 'a query'],
  ['statement', 'a statement'],
  ['typeName', 'a type'],
  ['colId', 'a name'],
  ['colLabel', 'a name'],
  ['objectName', 'a name'],
  ['tableRef', 'a table'],
]);

type BuildAlternation = Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0];
type AlternationLookahead = ReturnType<ILookaheadStrategy['buildLookaheadForAlternation']>;
type Alternatives = Parameters<AlternationLookahead>[0];
type BuildOptional = Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0];

export class FirstSetLookahead implements ILookaheadStrategy {
  readonly #firstOfRule = new Map<string, FirstSet>();
  readonly #validator = new LLkLookaheadStrategy({ maxLookahead: 1 });

  validate(
    options: Parameters<ILookaheadStrategy['validate']>[0],
  ): ReturnType<ILookaheadStrategy['validate']> {
    return this.#validator.validate(options);
  }

  buildLookaheadForAlternation(options: BuildAlternation): AlternationLookahead {
    const build = (): ChoiceTable => this.#choiceTable(options.rule, options.prodOccurrence);
    let table: ChoiceTable | null = null;
    return function decide(this: Host, alternatives: Alternatives): number {
      table ??= build();
      const token = this.LA_FAST(1);
      const choices = table.choices[token.tokenTypeIdx];
      if (choices !== undefined) {
        for (const choice of choices) {
          const gate = alternatives?.[choice]?.GATE;
          if (gate === undefined || gate.call(this)) return choice;
        }
      }
      if (this.expected !== null) this.expected.note(token, table.labels);
      for (const empty of table.empties) {
        const gate = alternatives?.[empty]?.GATE;
        if (gate === undefined || gate.call(this)) return empty;
      }
      throw new SyntaxFailure(token);
    };
  }

  buildLookaheadForOptional(options: BuildOptional): () => boolean {
    const build = (): OptionalTable =>
      this.#optionalTable(options.rule, options.prodOccurrence, options.prodType);
    // Only the first round of a separated list asks; without it there is no list.
    const mandatory = options.prodType === 'RepetitionMandatoryWithSeparator';
    let table: OptionalTable | null = null;
    return function decide(this: Host): boolean {
      table ??= build();
      const token = this.LA_FAST(1);
      if (table.enters[token.tokenTypeIdx] === 1) return true;
      if (this.expected !== null) this.expected.note(token, table.labels);
      if (mandatory) throw new SyntaxFailure(token);
      return false;
    };
  }

  #choiceTable(rule: Rule, occurrence: number): ChoiceTable {
    const alternation = must(
      findProduction(rule.definition, (p) => p instanceof Alternation && p.idx === occurrence),
    );
    assert(alternation instanceof Alternation, 'production must be an alternation');
    const choices: number[][] = [];
    let labels: ReadonlySet<string> = new Set(this.#first([alternation]).labels);
    const ruleLabel = ruleLabels.get(rule.name);
    if (ruleLabel !== undefined && rule.definition[0] === alternation) labels = new Set([ruleLabel]);
    const empties: number[] = [];
    alternation.definition.forEach((alternative, index) => {
      const first = this.#first([alternative]);
      if (first.nullable) empties.push(index);
      for (const id of concreteIds(first.types)) {
        let list = choices[id];
        if (list === undefined) {
          list = [];
          choices[id] = list;
        }
        list.push(index);
      }
    });
    return { choices, empties, labels };
  }

  #optionalTable(rule: Rule, occurrence: number, prodType: BuildOptional['prodType']): OptionalTable {
    const wanted = productionClasses[prodType];
    const production = must(
      findProduction(rule.definition, (p) => p instanceof wanted && p.idx === occurrence),
    );
    const first = this.#first(childrenOf(production));
    const ids = concreteIds(first.types);
    const enters = new Uint8Array(Math.max(0, ...ids) + 1);
    for (const id of ids) enters[id] = 1;
    return { enters, labels: first.labels };
  }

  /** FIRST of a sequence. */
  #first(sequence: readonly IProduction[]): FirstSet {
    const types = new Set<TokenType>();
    const labels = new Set<string>();
    for (const production of sequence) {
      const first = this.#firstOf(production);
      for (const type of first.types) types.add(type);
      for (const label of first.labels) labels.add(label);
      if (!first.nullable) return { types, labels, nullable: false };
    }
    return { types, labels, nullable: true };
  }

  #firstOf(production: IProduction): FirstSet {
    if (production instanceof Terminal) {
      const type = production.terminalType;
      return { types: new Set([type]), labels: new Set([type.LABEL ?? type.name]), nullable: false };
    }
    if (production instanceof NonTerminal) return this.#firstOfNamedRule(production.referencedRule);
    if (production instanceof Alternation) {
      const sets = production.definition.map((alternative) => this.#first([alternative]));
      return {
        types: new Set(sets.flatMap((set) => [...set.types])),
        labels: new Set(sets.flatMap((set) => [...set.labels])),
        nullable: sets.some((set) => set.nullable),
      };
    }
    const inner = this.#first(childrenOf(production));
    const optional =
      production instanceof Option ||
      production instanceof Repetition ||
      production instanceof RepetitionWithSeparator;
    return optional ? { ...inner, nullable: true } : inner;
  }

  #firstOfNamedRule(rule: Rule): FirstSet {
    const known = this.#firstOfRule.get(rule.name);
    if (known !== undefined) return known;
    const first = this.#first(rule.definition);
    const label = ruleLabels.get(rule.name);
    const result = label === undefined ? first : { ...first, labels: new Set([label]) };
    this.#firstOfRule.set(rule.name, result);
    return result;
  }
}

interface OptionalTable {
  /** By token type: 1 when it starts the optional part. */
  readonly enters: Uint8Array;
  readonly labels: ReadonlySet<string>;
}

const productionClasses = {
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
} as const;

function childrenOf(production: IProduction): readonly IProduction[] {
  return 'definition' in production && Array.isArray(production.definition) ? production.definition : [];
}

function findProduction(
  sequence: readonly IProduction[],
  fits: (production: IProduction) => boolean,
): IProduction | undefined {
  for (const production of sequence) {
    if (fits(production)) return production;
    if (production instanceof NonTerminal) continue;
    const found = findProduction(childrenOf(production), fits);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The numbers of the types and of all words in the abstract ones. */
function concreteIds(types: ReadonlySet<TokenType>): readonly number[] {
  const ids = new Set<number>();
  for (const type of types) {
    if (type.tokenTypeIdx !== undefined) ids.add(type.tokenTypeIdx);
    for (const id of type.categoryMatches ?? []) ids.add(id);
  }
  return [...ids];
}
