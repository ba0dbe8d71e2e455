/** Grammar of statements about time and what sources brought: ADVANCE, INJECT, EXPLAIN WATERMARK, REPLAY LATE ROWS, REPROCESS. */
import type {
  AdvanceClock,
  AdvanceWatermark,
  ExplainWatermark,
  Inject,
  ReplayLateRows,
  ReprocessDeadLetters,
} from '../ast/time.ts';
import type { Rule } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { ForeignParser } from './foreign.ts';

export abstract class TimeParser extends ForeignParser {
  /** advance: ADVANCE ( CLOCK ( BY | TO ) expr | WATERMARK FOR objectName [ ofPartition ] TO expr ) */
  readonly advance: Rule<AdvanceClock | AdvanceWatermark> = this.RULE(
    'advance',
    (): AdvanceClock | AdvanceWatermark => {
      const start = this.consume(1, K.advance).startOffset;
      return this.or(2, [
        {
          ALT: (): AdvanceClock | AdvanceWatermark => {
            this.consume(3, K.clock);
            const by = this.or(4, [
              { ALT: () => this.consume(5, K.by) && true },
              { ALT: () => this.consume(6, K.to) && false },
            ]);
            const value = this.subrule(7, this.expr);
            return { kind: 'AdvanceClock', by, value, span: this.since(start) };
          },
        },
        {
          ALT: (): AdvanceClock | AdvanceWatermark => {
            this.consume(8, K.watermark);
            this.consume(9, K.for);
            const relation = this.subrule(10, this.objectName);
            const partition = this.option(11, () => this.subrule(12, this.ofPartition)) ?? null;
            this.consume(13, K.to);
            const value = this.subrule(14, this.expr);
            return { kind: 'AdvanceWatermark', relation, partition, value, span: this.since(start) };
          },
        },
      ]);
    },
  );

  /** ofPartition: PARTITION SCONST */
  private readonly ofPartition: Rule<string> = this.RULE('ofPartition', () => {
    this.consume(1, K.partition);
    return this.subrule(2, this.stringValue);
  });

  /** inject: INJECT INTO objectName [ insertColumns ] [ ofPartition ] query */
  readonly inject: Rule<Inject> = this.RULE('inject', (): Inject => {
    const start = this.consume(1, K.inject).startOffset;
    this.consume(2, K.into);
    const source = this.subrule(3, this.objectName);
    const columns =
      this.option(4, {
        GATE: () => !this.startsQueryParen(1),
        DEF: () => this.subrule(5, this.insertColumns),
      }) ?? [];
    const partition = this.option(6, () => this.subrule(7, this.ofPartition)) ?? null;
    const query = this.subrule(8, this.query);
    return { kind: 'Inject', source, columns, partition, query, span: this.since(start) };
  });

  /** What is explained is a relation's watermark, not a statement. */
  protected startsExplainWatermark(): boolean {
    return this.isAt(2, K.watermark) && this.isIn(3, T.ColId);
  }

  /** explainWatermark: EXPLAIN WATERMARK objectName */
  readonly explainWatermark: Rule<ExplainWatermark> = this.RULE('explainWatermark', (): ExplainWatermark => {
    const start = this.consume(1, K.explain).startOffset;
    this.consume(2, K.watermark);
    const relation = this.subrule(3, this.objectName);
    return { kind: 'ExplainWatermark', relation, span: this.since(start) };
  });

  /** replayLateRows: REPLAY LATE ROWS FROM objectName [ WHERE expr ] */
  readonly replayLateRows: Rule<ReplayLateRows> = this.RULE('replayLateRows', (): ReplayLateRows => {
    const start = this.consume(1, K.replay).startOffset;
    this.consume(2, K.late);
    this.consume(3, K.rows);
    this.consume(4, K.from);
    const relation = this.subrule(5, this.objectName);
    const where =
      this.option(6, () => {
        this.consume(7, K.where);
        return this.subrule(8, this.expr);
      }) ?? null;
    return { kind: 'ReplayLateRows', relation, where, span: this.since(start) };
  });

  /** reprocessDeadLetters: REPROCESS DEAD LETTERS FROM objectName [ WHERE expr ] */
  readonly reprocessDeadLetters: Rule<ReprocessDeadLetters> = this.RULE(
    'reprocessDeadLetters',
    (): ReprocessDeadLetters => {
      const start = this.consume(1, K.reprocess).startOffset;
      this.consume(2, K.dead);
      this.consume(3, K.letters);
      this.consume(4, K.from);
      const relation = this.subrule(5, this.objectName);
      const where =
        this.option(6, () => {
          this.consume(7, K.where);
          return this.subrule(8, this.expr);
        }) ?? null;
      return { kind: 'ReprocessDeadLetters', relation, where, span: this.since(start) };
    },
  );
}
