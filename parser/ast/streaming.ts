/** CREATE SINK, SUBSCRIPTION, CONNECTION, SECRET. */
import type { Ident, Node, ObjectName, Option } from './common.ts';
import type { Query } from './query.ts';
import type { EmitClause, FormatEncode } from './statement.ts';

export interface CreateSink extends Node {
  readonly kind: 'CreateSink';
  /** REPLACE SINK */
  readonly replace: boolean;
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  /** INTO table (columns) */
  readonly into: { readonly table: ObjectName; readonly columns: readonly Ident[] } | null;
  readonly source:
    | { readonly kind: 'relation'; readonly name: ObjectName }
    | { readonly kind: 'query'; readonly query: Query };
  readonly emit: EmitClause | null;
  readonly options: readonly Option[];
  readonly format: FormatEncode | null;
}

export interface CreateSubscription extends Node {
  readonly kind: 'CreateSubscription';
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly from: ObjectName;
  readonly options: readonly Option[];
}

export interface CreateConnection extends Node {
  readonly kind: 'CreateConnection';
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly options: readonly Option[];
}

export interface CreateSecret extends Node {
  readonly kind: 'CreateSecret';
  readonly ifNotExists: boolean;
  readonly name: ObjectName;
  readonly options: readonly Option[];
  readonly value: string;
}
