/** The grammar's top: a script of statements, and which word begins which statement. */
import type { Explain, Statement } from '../ast/statement.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import type { CreateFlags } from './create.ts';
import { DurabilityParser } from './durability.ts';

export class SqlParser extends DurabilityParser {
  constructor(skipValidations = true) {
    super(skipValidations);
    this.performSelfAnalysis();
  }

  /** script: [ statement ] { ';' [ statement ] } */
  readonly script: Rule<readonly Statement[]> = this.RULE('script', () => {
    const statements: Statement[] = [];
    this.option(1, () => {
      statements.push(this.subrule(2, this.statement));
    });
    this.many(3, () => {
      this.consume(4, T.Semicolon);
      this.option(5, () => {
        statements.push(this.subrule(6, this.statement));
      });
    });
    return statements;
  });

  /** statement: one of those below, told apart by their first word */
  readonly statement: Rule<Statement> = this.RULE(
    'statement',
    (): Statement =>
      this.or(1, [
        {
          GATE: () => this.startsForeign(),
          ALT: (): Statement => this.subrule(2, this.foreign),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.isAt(2, K.meta) && this.isAt(3, K.snapshots),
          ALT: (): Statement => this.subrule(3, this.deleteMetaSnapshots),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.startsExplainAnalyzeJob(),
          ALT: (): Statement => this.subrule(4, this.explainAnalyzeJob),
          IGNORE_AMBIGUITIES: true,
        },
        {
          GATE: () => this.startsDescribeFragments(),
          ALT: (): Statement => this.subrule(5, this.describeFragments),
          IGNORE_AMBIGUITIES: true,
        },

        {
          GATE: () => this.startsExplainWatermark(),
          ALT: (): Statement => this.subrule(90, this.explainWatermark),
          IGNORE_AMBIGUITIES: true,
        },

        {
          GATE: () => this.startsDropBackup(),
          ALT: (): Statement => this.subrule(94, this.dropBackup),
          IGNORE_AMBIGUITIES: true,
        },

        { ALT: (): Statement => this.subrule(6, this.dataStatement) },
        { ALT: (): Statement => this.subrule(91, this.advance) },
        { ALT: (): Statement => this.subrule(92, this.inject) },
        { ALT: (): Statement => this.subrule(93, this.replayLateRows) },
        { ALT: (): Statement => this.subrule(97, this.reprocessDeadLetters) },
        { ALT: (): Statement => this.subrule(7, this.createStatement) },
        { ALT: (): Statement => this.subrule(8, this.drop) },
        { ALT: (): Statement => this.subrule(9, this.comment) },
        { ALT: (): Statement => this.subrule(10, this.truncate) },
        { ALT: (): Statement => this.subrule(11, this.copy) },
        { ALT: (): Statement => this.subrule(12, this.explain) },
        { ALT: (): Statement => this.subrule(13, this.setStatement) },
        { ALT: (): Statement => this.subrule(14, this.resetStatement) },
        { ALT: (): Statement => this.subrule(15, this.showStatement) },
        { ALT: (): Statement => this.subrule(16, this.describe) },
        { ALT: (): Statement => this.subrule(17, this.transaction) },
        { ALT: (): Statement => this.subrule(18, this.prepare) },
        { ALT: (): Statement => this.subrule(19, this.execute) },
        { ALT: (): Statement => this.subrule(20, this.deallocate) },
        { ALT: (): Statement => this.subrule(21, this.discard) },
        { ALT: (): Statement => this.subrule(22, this.flush) },
        { ALT: (): Statement => this.subrule(23, this.wait) },
        { ALT: (): Statement => this.subrule(24, this.alter) },
        { ALT: (): Statement => this.subrule(25, this.grant) },
        { ALT: (): Statement => this.subrule(26, this.revoke) },
        { ALT: (): Statement => this.subrule(27, this.replaceSink) },
        { ALT: (): Statement => this.subrule(28, this.declare_) },
        { ALT: (): Statement => this.subrule(29, this.fetch_) },
        { ALT: (): Statement => this.subrule(30, this.close) },
        { ALT: (): Statement => this.subrule(31, this.use) },
        { ALT: (): Statement => this.subrule(32, this.refresh) },
        { ALT: (): Statement => this.subrule(33, this.vacuum) },
        { ALT: (): Statement => this.subrule(34, this.analyze) },
        { ALT: (): Statement => this.subrule(35, this.lock) },
        { ALT: (): Statement => this.subrule(36, this.cancelJobs) },
        { ALT: (): Statement => this.subrule(37, this.kill) },
        { ALT: (): Statement => this.subrule(38, this.systemCommand) },
        { ALT: (): Statement => this.subrule(95, this.checkpoint) },
        { ALT: (): Statement => this.subrule(96, this.backup) },
      ]),
  );

  private startsDescribeFragments(): boolean {
    return (
      (this.isAt(2, K.fragments) && this.isIn(3, T.ColId)) ||
      (this.isAt(2, K.fragment) && this.isAt(3, T.Int))
    );
  }

  /** replaceSink: REPLACE createSink */
  private readonly replaceSink: Rule<Statement> = this.RULE('replaceSink', (): Statement => {
    const start = this.consume(1, K.replace).startOffset;
    return this.subrule(2, this.createSink, { ARGS: [true, start] });
  });

  /** dataStatement: [ withClause ] ( insert | update | delete | merge | queryRest ) */
  readonly dataStatement: Rule<Statement> = this.RULE('dataStatement', (): Statement => {
    const start = this.here();
    const ctes = this.option(1, () => this.subrule(2, this.withClause)) ?? null;
    return this.or(3, [
      { ALT: (): Statement => this.subrule(4, this.insert, { ARGS: [ctes, start] }) },
      { ALT: (): Statement => this.subrule(5, this.update, { ARGS: [ctes, start] }) },
      { ALT: (): Statement => this.subrule(6, this.delete_, { ARGS: [ctes, start] }) },
      { ALT: (): Statement => this.subrule(7, this.merge, { ARGS: [start] }) },
      {
        ALT: (): Statement => {
          const query = this.subrule(8, this.queryRest, { ARGS: [ctes, start] });
          return { kind: 'SelectStatement', query, span: query.span };
        },
      },
    ]);
  });

  /** preparable: dataStatement */
  readonly preparable: Rule<Statement> = this.RULE('preparable', () => this.subrule(1, this.dataStatement));

  /** createStatement: CREATE [ OR REPLACE ] [ TEMPORARY | TEMP ] ( createTable | createSource | createView | ... ) */
  readonly createStatement: Rule<Statement> = this.RULE('createStatement', (): Statement => {
    const start = this.consume(1, K.create).startOffset;
    const orReplace = this.hasAll(2, K.or, K.replace);
    const temporary = this.subrule(3, this.temporaryWord);
    const flags: CreateFlags = { start, orReplace, temporary };
    const plain = (): boolean => !orReplace && !temporary;
    return this.or(4, [
      { ALT: (): Statement => this.subrule(5, this.createTable, { ARGS: [flags] }) },
      { GATE: () => !orReplace, ALT: (): Statement => this.subrule(6, this.createSource, { ARGS: [flags] }) },
      { ALT: (): Statement => this.subrule(7, this.createView, { ARGS: [flags] }) },
      {
        GATE: () => !temporary,
        ALT: (): Statement => this.subrule(8, this.createMaterializedView, { ARGS: [flags] }),
      },
      { GATE: plain, ALT: (): Statement => this.subrule(9, this.createIndex, { ARGS: [start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(10, this.createSchema, { ARGS: [start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(11, this.createSink, { ARGS: [false, start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(12, this.createSubscription, { ARGS: [start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(13, this.createConnection, { ARGS: [start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(14, this.createSecret, { ARGS: [start] }) },
      { ALT: (): Statement => this.subrule(15, this.createFunction, { ARGS: [flags] }) },
      {
        GATE: () => !temporary,
        ALT: (): Statement => this.subrule(16, this.createAggregate, { ARGS: [flags] }),
      },
      { GATE: plain, ALT: (): Statement => this.subrule(17, this.createDatabase, { ARGS: [start] }) },
      { GATE: plain, ALT: (): Statement => this.subrule(18, this.createUser, { ARGS: [start] }) },
    ]);
  });

  /** temporaryWord: [ [ LOCAL | GLOBAL ] ( TEMPORARY | TEMP ) | UNLOGGED ] */
  private readonly temporaryWord: Rule<boolean> = this.RULE('temporaryWord', () => {
    const found = this.or(1, [
      {
        ALT: () => {
          this.or(2, [{ ALT: () => this.consume(3, K.local) }, { ALT: () => this.has(4, K.global) }]);
          this.or(5, [{ ALT: () => this.consume(6, K.temporary) }, { ALT: () => this.consume(7, K.temp) }]);
          return true;
        },
      },
      { ALT: () => this.has(8, K.unlogged) && false },
    ]);
    return found;
  });

  /** explain: EXPLAIN ( '(' explainOption { ',' explainOption } ')' | [ ANALYZE ] [ VERBOSE ] ) explainable */
  readonly explain: Rule<Explain> = this.RULE('explain', (): Explain => {
    const start = this.consume(1, K.explain).startOffset;
    const options: Explain['options'][number][] = [];
    this.or(2, [
      {
        GATE: () => !this.startsQueryParen(1) && !this.isAt(2, T.LParen),
        ALT: () => {
          this.consume(3, T.LParen);
          options.push(...this.list(0, () => this.subrule(4, this.explainOption)));
          this.consume(5, T.RParen);
        },
      },
      {
        ALT: () => {
          const analyze = this.or(6, [
            { ALT: () => this.consume(7, K.analyze) && true },
            { ALT: () => this.has(8, K.analyse) },
          ]);
          if (analyze) options.push({ name: 'analyze', value: null });
          if (this.has(9, K.verbose)) options.push({ name: 'verbose', value: null });
        },
      },
    ]);
    const statement = this.subrule(10, this.explainable);
    return { kind: 'Explain', options, statement, span: this.since(start) };
  });

  /** explainOption: ( word that is not reserved | ANALYZE | ANALYSE ) [ settingValue ] */
  private readonly explainOption: Rule<Explain['options'][number]> = this.RULE('explainOption', () => {
    const name = this.or(1, [
      { ALT: () => this.textOf(this.consume(2, T.NonReserved)) },
      { ALT: () => this.consume(3, K.analyze) && 'analyze' },
      { ALT: () => this.consume(4, K.analyse) && 'analyze' },
    ]);
    const value = this.option(5, () => this.subrule(6, this.settingValue));
    return this.ACTION(() => ({ name: name.toLowerCase(), value: value?.toLowerCase() ?? null }));
  });

  /** explainable: dataStatement | createStatement | declare_ | refresh | execute */
  private readonly explainable: Rule<Statement> = this.RULE(
    'explainable',
    (): Statement =>
      this.or(1, [
        { ALT: (): Statement => this.subrule(2, this.dataStatement) },
        { ALT: (): Statement => this.subrule(3, this.createStatement) },
        { ALT: (): Statement => this.subrule(4, this.declare_) },
        { ALT: (): Statement => this.subrule(5, this.refresh) },
        { ALT: (): Statement => this.subrule(6, this.execute) },
      ]),
  );
}
