/** Grammar of CREATE SINK, SUBSCRIPTION, CONNECTION, SECRET. */
import type { CreateConnection, CreateSecret, CreateSink, CreateSubscription } from '../ast/streaming.ts';
import type { Rule, Start } from '../base.ts';
import { K } from '../tokens.ts';
import { CopyParser } from './copy.ts';

export abstract class StreamingParser extends CopyParser {
  /**
   * createSink: SINK ifNotExists objectName [ INTO objectName [ columnList ] ] ( FROM objectName | AS query ) emitClause
   *   withOptions formatEncode
   */
  readonly createSink: Rule<CreateSink, [replace: boolean, start: Start]> = this.RULE(
    'createSink',
    (replace: boolean, start: Start): CreateSink => {
      this.consume(1, K.sink);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const into =
        this.option(4, () => {
          this.consume(5, K.into);
          const table = this.subrule(6, this.objectName);
          return { table, columns: this.option(7, () => this.subrule(8, this.columnList)) ?? [] };
        }) ?? null;
      const source = this.or(9, [
        {
          ALT: (): CreateSink['source'] => {
            this.consume(10, K.from);
            return { kind: 'relation', name: this.subrule(11, this.objectName) };
          },
        },
        {
          ALT: (): CreateSink['source'] => {
            this.consume(12, K.as);
            return { kind: 'query', query: this.subrule(13, this.query) };
          },
        },
      ]);
      const emit = this.subrule(14, this.emitClause);
      const options = this.subrule(15, this.withOptions);
      const format = this.subrule(16, this.formatEncode);
      return {
        kind: 'CreateSink',
        replace,
        ifNotExists,
        name,
        into,
        source,
        emit,
        options,
        format,
        span: this.since(start),
      };
    },
  );

  /** createSubscription: SUBSCRIPTION ifNotExists objectName FROM objectName withOptions */
  readonly createSubscription: Rule<CreateSubscription, [start: Start]> = this.RULE(
    'createSubscription',
    (start: Start): CreateSubscription => {
      this.consume(1, K.subscription);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      this.consume(4, K.from);
      const from = this.subrule(5, this.objectName);
      const options = this.subrule(6, this.withOptions);
      return { kind: 'CreateSubscription', ifNotExists, name, from, options, span: this.since(start) };
    },
  );

  /** createConnection: CONNECTION ifNotExists objectName withOptions */
  readonly createConnection: Rule<CreateConnection, [start: Start]> = this.RULE(
    'createConnection',
    (start: Start): CreateConnection => {
      this.consume(1, K.connection);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const options = this.subrule(4, this.withOptions);
      return { kind: 'CreateConnection', ifNotExists, name, options, span: this.since(start) };
    },
  );

  /** createSecret: SECRET ifNotExists objectName withOptions AS SCONST */
  readonly createSecret: Rule<CreateSecret, [start: Start]> = this.RULE(
    'createSecret',
    (start: Start): CreateSecret => {
      this.consume(1, K.secret);
      const ifNotExists = this.subrule(2, this.ifNotExists);
      const name = this.subrule(3, this.objectName);
      const options = this.subrule(4, this.withOptions);
      this.consume(5, K.as);
      const value = this.subrule(6, this.stringValue);
      return { kind: 'CreateSecret', ifNotExists, name, options, value, span: this.since(start) };
    },
  );
}
