/** Grammar of cursors, databases, maintenance, and control of running jobs. */
import type {
  Analyze,
  CancelJobs,
  CreateDatabase,
  DeleteMetaSnapshots,
  DescribeFragments,
  ExplainAnalyzeJob,
  Kill,
  LockTable,
  Refresh,
  SystemCommand,
  UseDatabase,
  Vacuum,
} from '../ast/admin.ts';
import type { Ident, ObjectName, Option } from '../ast/common.ts';
import type { CloseCursor, DeclareCursor, DeclareSubscriptionCursor, FetchCursor } from '../ast/cursor.ts';
import type { Rule, Start } from '../base.ts';
import * as T from '../tokens.ts';
import { K } from '../tokens.ts';
import { AlterParser } from './alter.ts';

type JobTarget = Extract<ExplainAnalyzeJob['target'], { readonly kind: 'job' }>;

export abstract class AdminParser extends AlterParser {
  // Cursors

  /**
   * declare: DECLARE colId ( SUBSCRIPTION CURSOR FOR objectName [ SINCE expr | FULL ]
   *   | [ BINARY ] [ INSENSITIVE ] [ [ NO ] SCROLL ] CURSOR [ ( WITH | WITHOUT ) HOLD ] FOR query )
   */
  readonly declare_: Rule<DeclareCursor | DeclareSubscriptionCursor> = this.RULE('declare_', () => {
    const start = this.consume(1, K.declare).startOffset;
    const name = this.subrule(2, this.colId);
    return this.or(3, [
      {
        ALT: (): DeclareCursor | DeclareSubscriptionCursor =>
          this.subrule(4, this.subscriptionCursor, { ARGS: [name, start] }),
      },
      {
        ALT: (): DeclareCursor | DeclareSubscriptionCursor =>
          this.subrule(5, this.queryCursor, { ARGS: [name, start] }),
      },
    ]);
  });

  private readonly subscriptionCursor: Rule<DeclareSubscriptionCursor, [name: Ident, start: Start]> =
    this.RULE('subscriptionCursor', (name: Ident, start: Start): DeclareSubscriptionCursor => {
      this.consume(1, K.subscription);
      this.consume(2, K.cursor);
      this.consume(3, K.for);
      const subscription = this.subrule(4, this.objectName);
      const from = this.option(5, () =>
        this.or(6, [
          { ALT: () => this.consume(7, K.full) && { kind: 'full' as const } },
          {
            ALT: () => {
              this.consume(8, K.since);
              return { kind: 'since' as const, expr: this.subrule(9, this.expr) };
            },
          },
        ]),
      );
      return {
        kind: 'DeclareSubscriptionCursor',
        name,
        subscription,
        from: from ?? null,
        span: this.since(start),
      };
    });

  private readonly queryCursor: Rule<DeclareCursor, [name: Ident, start: Start]> = this.RULE(
    'queryCursor',
    (name: Ident, start: Start): DeclareCursor => {
      let binary = false;
      let insensitive = false;
      let scroll: boolean | null = null;
      this.many(1, () => {
        this.or(2, [
          {
            ALT: () => {
              this.consume(3, K.binary);
              binary = true;
            },
          },
          {
            ALT: () => {
              this.consume(4, K.insensitive);
              insensitive = true;
            },
          },
          { ALT: () => this.consume(5, K.asensitive) },
          {
            ALT: () => {
              scroll = !this.has(6, K.no);
              this.consume(7, K.scroll);
            },
          },
        ]);
      });
      this.consume(8, K.cursor);
      const withHold = this.option(9, () => {
        const held = this.or(10, [
          { ALT: () => this.consume(11, K.with) && true },
          { ALT: () => this.consume(12, K.without) && false },
        ]);
        this.consume(13, K.hold);
        return held;
      });
      this.consume(14, K.for);
      const query = this.subrule(15, this.query);
      const span = this.since(start);
      return {
        kind: 'DeclareCursor',
        name,
        binary,
        insensitive,
        scroll,
        withHold: withHold ?? false,
        query,
        span,
      };
    },
  );

  /** fetch_: ( FETCH | MOVE ) [ fetchDirection ] [ FROM | IN ] colId withOptions */
  readonly fetch_: Rule<FetchCursor> = this.RULE('fetch_', (): FetchCursor => {
    const start = this.here();
    const move = this.or(1, [
      { ALT: () => this.consume(2, K.fetch) && false },
      { ALT: () => this.consume(3, K.move) && true },
    ]);
    const given = this.option(4, {
      GATE: () => !this.isPlainCursorName(),
      DEF: () => this.subrule(5, this.fetchDirection),
    });
    this.or(6, [{ ALT: () => this.consume(7, K.from) }, { ALT: () => this.has(8, K.in) }]);
    const name = this.subrule(9, this.colId);
    const options: readonly Option[] = this.subrule(10, this.withOptions);
    const direction = given?.direction ?? 'next';
    return {
      kind: 'FetchCursor',
      move,
      direction,
      count: given?.count ?? 1,
      name,
      options,
      span: this.since(start),
    };
  });

  /** `FETCH next;` names a cursor. */
  private isPlainCursorName(): boolean {
    return this.isIn(1, T.ColId) && (this.endsAt(2) || this.isAt(2, T.Semicolon) || this.isAt(2, K.with));
  }

  /**
   * fetchDirection: NEXT | PRIOR | FIRST | LAST | ( ABSOLUTE | RELATIVE ) signedInt | signedInt | ALL
   *   | ( FORWARD | BACKWARD ) [ signedInt | ALL ]
   */
  private readonly fetchDirection: Rule<Pick<FetchCursor, 'direction' | 'count'>> = this.RULE(
    'fetchDirection',
    () => {
      type Direction = Pick<FetchCursor, 'direction' | 'count'>;
      const one = (index: number, type: typeof K.next, direction: FetchCursor['direction']) => ({
        ALT: (): Direction => this.consume(index, type) && { direction, count: 1 },
      });
      const at = (index: number, type: typeof K.next, direction: FetchCursor['direction']) => ({
        ALT: (): Direction => {
          this.consume(index, type);
          return { direction, count: this.subrule(index, this.signedInt) };
        },
      });
      const way = (index: number, type: typeof K.next, direction: FetchCursor['direction']) => ({
        ALT: (): Direction => {
          this.consume(index, type);
          const count = this.option(index, () =>
            this.or(index, [
              { ALT: (): number | 'all' => this.consume(index, K.all) && 'all' },
              { ALT: (): number | 'all' => this.subrule(index, this.signedInt) },
            ]),
          );
          return { direction, count: count ?? 1 };
        },
      });
      return this.or(1, [
        one(11, K.next, 'next'),
        one(12, K.prior, 'prior'),
        one(13, K.first, 'first'),
        one(14, K.last, 'last'),
        at(15, K.absolute, 'absolute'),
        at(16, K.relative, 'relative'),
        way(17, K.forward, 'forward'),
        way(18, K.backward, 'backward'),
        { ALT: (): Direction => this.consume(2, K.all) && { direction: 'forward', count: 'all' } },
        {
          ALT: (): Direction => ({ direction: 'forward', count: this.subrule(3, this.signedInt) }),
        },
      ]);
    },
  );

  /** close: CLOSE ( ALL | colId ) */
  readonly close: Rule<CloseCursor> = this.RULE('close', (): CloseCursor => {
    const start = this.consume(1, K.close).startOffset;
    const name = this.or(2, [
      { ALT: () => this.consume(3, K.all) && null },
      { ALT: () => this.subrule(4, this.colId) },
    ]);
    return { kind: 'CloseCursor', name, span: this.since(start) };
  });

  // Databases

  /** createDatabase: DATABASE ifNotExists colId [ WITH ] { colLabel [ '=' ] optionValue } */
  readonly createDatabase: Rule<CreateDatabase, [start: Start]> = this.RULE(
    'createDatabase',
    (start: Start): CreateDatabase => {
      this.consume(1, K.database);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.colId);
      this.has(4, K.with);
      const options: Option[] = [];
      this.many(5, () => {
        const begin = this.here();
        const key = this.subrule(6, this.colId).name;
        this.has(7, T.Equal);
        const value = this.subrule(8, this.optionValue);
        options.push({ kind: 'Option', name: key, value, span: this.since(begin) });
      });
      return { kind: 'CreateDatabase', ifNotExists, name, options, span: this.since(start) };
    },
  );

  /** use: USE colId */
  readonly use: Rule<UseDatabase> = this.RULE('use', (): UseDatabase => {
    const start = this.consume(1, K.use).startOffset;
    return { kind: 'UseDatabase', name: this.subrule(2, this.colId), span: this.since(start) };
  });

  // Maintenance

  /** refresh: REFRESH ( TABLE objectName | MATERIALIZED VIEW [ CONCURRENTLY ] objectName withData ) */
  readonly refresh: Rule<Refresh> = this.RULE('refresh', (): Refresh => {
    const start = this.consume(1, K.refresh).startOffset;
    return this.or(2, [
      {
        ALT: (): Refresh => {
          this.consume(3, K.table);
          const name = this.subrule(4, this.objectName);
          return {
            kind: 'Refresh',
            object: 'table',
            concurrently: false,
            name,
            withData: true,
            span: this.since(start),
          };
        },
      },
      {
        ALT: (): Refresh => {
          this.consume(5, K.materialized);
          this.consume(6, K.view);
          const concurrently = this.has(7, K.concurrently);
          const name = this.subrule(8, this.objectName);
          const withData = this.subrule(9, this.withData);
          return {
            kind: 'Refresh',
            object: 'materialized view',
            concurrently,
            name,
            withData,
            span: this.since(start),
          };
        },
      },
    ]);
  });

  /** vacuum: VACUUM [ FULL ] [ FREEZE ] [ VERBOSE ] [ ANALYZE ] [ relationName { ',' relationName } ] */
  readonly vacuum: Rule<Vacuum> = this.RULE('vacuum', (): Vacuum => {
    const start = this.consume(1, K.vacuum).startOffset;
    const full = this.has(2, K.full);
    this.has(3, K.freeze);
    const verbose = this.has(4, K.verbose);
    const analyze = this.has(5, K.analyze);
    const relations = this.option(6, () => this.list(0, () => this.subrule(7, this.relationName))) ?? [];
    return { kind: 'Vacuum', full, analyze, verbose, relations, span: this.since(start) };
  });

  /** analyze: ( ANALYZE | ANALYSE ) [ VERBOSE ] [ relationName [ columnList ] { ',' relationName [ columnList ] } ] */
  readonly analyze: Rule<Analyze> = this.RULE('analyze', (): Analyze => {
    const start = this.here();
    this.or(1, [{ ALT: () => this.consume(2, K.analyze) }, { ALT: () => this.consume(3, K.analyse) }]);
    const verbose = this.has(4, K.verbose);
    const relations =
      this.option(5, () =>
        this.list(0, () => {
          const name: ObjectName = this.subrule(6, this.relationName);
          return { name, columns: this.option(7, () => this.subrule(8, this.columnList)) ?? [] };
        }),
      ) ?? [];
    return { kind: 'Analyze', verbose, relations, span: this.since(start) };
  });

  /** lock: LOCK [ TABLE ] relationName { ',' relationName } [ IN lockMode MODE ] [ NOWAIT ] */
  readonly lock: Rule<LockTable> = this.RULE('lock', (): LockTable => {
    const start = this.consume(1, K.lock).startOffset;
    this.has(2, K.table);
    const tables = this.list(0, () => this.subrule(3, this.relationName));
    const mode = this.option(4, () => {
      this.consume(5, K.in);
      const words = this.subrule(6, this.lockMode);
      this.consume(7, K.mode);
      return words;
    });
    return {
      kind: 'LockTable',
      tables,
      mode: mode ?? null,
      nowait: this.has(8, K.nowait),
      span: this.since(start),
    };
  });

  /** lockMode: ( ACCESS | ROW ) ( SHARE | EXCLUSIVE ) | SHARE [ UPDATE EXCLUSIVE | ROW EXCLUSIVE ] | EXCLUSIVE */
  private readonly lockMode: Rule<string> = this.RULE('lockMode', () => {
    const first = this.LA(1);
    this.or(1, [
      {
        ALT: () => {
          this.or(2, [{ ALT: () => this.consume(3, K.access) }, { ALT: () => this.consume(4, K.row) }]);
          this.or(5, [{ ALT: () => this.consume(6, K.share) }, { ALT: () => this.consume(7, K.exclusive) }]);
        },
      },
      {
        ALT: () => {
          this.consume(8, K.share);
          this.option(9, () => {
            this.or(10, [{ ALT: () => this.consume(11, K.update) }, { ALT: () => this.consume(12, K.row) }]);
            this.consume(13, K.exclusive);
          });
        },
      },
      { ALT: () => this.consume(14, K.exclusive) },
    ]);
    return this.ACTION(() => this.canonicalText(first).toLowerCase());
  });

  // Jobs

  /** ids: ICONST { ',' ICONST } */
  private readonly ids: Rule<readonly number[]> = this.RULE('ids', () =>
    this.list(0, () => Number(this.textOf(this.consume(1, T.Int)))),
  );

  /** cancelJobs: CANCEL JOBS ids */
  readonly cancelJobs: Rule<CancelJobs> = this.RULE('cancelJobs', (): CancelJobs => {
    const start = this.consume(1, K.cancel).startOffset;
    this.consume(2, K.jobs);
    return { kind: 'CancelJobs', ids: this.subrule(3, this.ids), span: this.since(start) };
  });

  /** deleteMetaSnapshots: DELETE META SNAPSHOTS ids */
  readonly deleteMetaSnapshots: Rule<DeleteMetaSnapshots> = this.RULE(
    'deleteMetaSnapshots',
    (): DeleteMetaSnapshots => {
      const start = this.consume(1, K.delete).startOffset;
      this.consume(2, K.meta);
      this.consume(3, K.snapshots);
      return { kind: 'DeleteMetaSnapshots', ids: this.subrule(4, this.ids), span: this.since(start) };
    },
  );

  /** kill: KILL ( SCONST | ICONST ) */
  readonly kill: Rule<Kill> = this.RULE('kill', (): Kill => {
    const start = this.consume(1, K.kill).startOffset;
    const process = this.or(2, [
      { ALT: () => this.subrule(3, this.stringValue) },
      { ALT: () => this.textOf(this.consume(4, T.Int)) },
    ]);
    return { kind: 'Kill', process, span: this.since(start) };
  });

  /** systemCommand: RECOVER; BACKUP alone is one too */
  readonly systemCommand: Rule<SystemCommand> = this.RULE('systemCommand', (): SystemCommand => {
    const start = this.consume(1, K.recover).startOffset;
    return { kind: 'SystemCommand', command: 'recover', span: this.since(start) };
  });

  /** describeFragments: DESCRIBE ( FRAGMENTS objectName | FRAGMENT ICONST ) */
  readonly describeFragments: Rule<DescribeFragments> = this.RULE(
    'describeFragments',
    (): DescribeFragments => {
      const start = this.consume(1, K.describe).startOffset;
      const target = this.or(2, [
        {
          ALT: (): DescribeFragments['target'] => {
            this.consume(3, K.fragments);
            return { kind: 'job', name: this.subrule(4, this.objectName) };
          },
        },
        {
          ALT: (): DescribeFragments['target'] => {
            this.consume(5, K.fragment);
            return { kind: 'fragment', id: Number(this.textOf(this.consume(6, T.Int))) };
          },
        },
      ]);
      return { kind: 'DescribeFragments', target, span: this.since(start) };
    },
  );

  /** explainAnalyzeJob: EXPLAIN ANALYZE ( ( TABLE | MATERIALIZED VIEW | SINK | INDEX ) objectName | ID ICONST ) */
  readonly explainAnalyzeJob: Rule<ExplainAnalyzeJob> = this.RULE(
    'explainAnalyzeJob',
    (): ExplainAnalyzeJob => {
      const start = this.consume(1, K.explain).startOffset;
      this.consume(2, K.analyze);
      const target = this.or(3, [
        {
          ALT: (): ExplainAnalyzeJob['target'] => {
            const object = this.subrule(4, this.jobKind);
            return { kind: 'job', object, name: this.subrule(5, this.objectName) };
          },
        },
        {
          ALT: (): ExplainAnalyzeJob['target'] => {
            this.subrule(6, this.word, { ARGS: ['id'] });
            return { kind: 'id', id: Number(this.textOf(this.consume(7, T.Int))) };
          },
        },
      ]);
      return { kind: 'ExplainAnalyzeJob', target, span: this.since(start) };
    },
  );

  /** What is explained is a job that exists, not a statement. */
  protected startsExplainAnalyzeJob(): boolean {
    if (!this.isAt(2, K.analyze)) return false;
    const jobWord = this.isAt(3, K.materialized) || this.isAt(3, K.sink) || this.isAt(3, K.index);
    return jobWord || (this.isAt(3, K.table) && this.isIn(4, T.ColId)) || this.textOf(this.LA(3)) === 'id';
  }

  /** jobKind: TABLE | MATERIALIZED VIEW | SINK | INDEX */
  private readonly jobKind: Rule<JobTarget['object']> = this.RULE('jobKind', () =>
    this.or(1, [
      { ALT: (): JobTarget['object'] => this.consume(2, K.table) && 'table' },
      {
        ALT: (): JobTarget['object'] => {
          this.consume(3, K.materialized);
          this.consume(4, K.view);
          return 'materialized view';
        },
      },
      { ALT: (): JobTarget['object'] => this.consume(5, K.sink) && 'sink' },
      { ALT: (): JobTarget['object'] => this.consume(6, K.index) && 'index' },
    ]),
  );
}
