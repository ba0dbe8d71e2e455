/** millrace_catalog: what this server knows of itself - relations, dataflow operators, errors, sources, functions. */

import { Interval } from '../../common/interval.ts';
import { parseJsonb } from '../../common/jsonText.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import type { DataflowNode } from '../../executor/dataflow.ts';
import { type CatalogObject, isRelation, type Paused, shownKind } from '../objects.ts';
import { shownSql } from '../secrets/shownSql.ts';
import { pauseReason } from '../sourcePause.ts';
import type { SourceRuntime } from '../sourceRuntime.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import { argumentsText, resultText } from './objectText.ts';
import { shownOptions } from './sourceCatalog.ts';
import type { SystemView } from './systemView.ts';

export const millraceColumns: ColumnSpecs = {
  relations: {
    id: 12400,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, kind text!, owner name!, rows int8, state_bytes int8, append_only bool!, key text[], depends_on oid[]!, definition text!, state text!, paused_reason text, paused_at timestamptz, on_error text',
  },
  operators: {
    id: 12401,
    kind: 'v',
    columns:
      'relation_id oid, relation text, position int4!, operator text!, state_rows int8!, state_bytes int8!, emitted_rows int8!',
  },
  row_errors: {
    id: 12402,
    kind: 'v',
    columns:
      'relation text!, operator text!, message text!, sqlstate text!, rows int8!, at timestamptz!, row jsonb, detail text, relation_id oid',
  },
  sources: {
    id: 12404,
    kind: 'v',
    columns:
      'id oid!, schema name!, name name!, connector text!, options text[]!, consumers int4!, active bool!, rows_read int8!, bad_records int8!, position jsonb, failure text, failure_sqlstate text, state text!, paused_reason text, paused_at timestamptz, retry_at timestamptz, bytes_read int8!, rows_forgotten int8, refused_requests int8',
  },
  functions: {
    id: 12405,
    kind: 'v',
    columns:
      'name text!, kind text!, arguments text!, result text, volatility text, description text!, example text',
  },
  arrangements: {
    id: 12408,
    kind: 'v',
    columns:
      'relation_id oid!, relation text!, key text[]!, columns text[]!, users text[]!, rows int8!, bytes int8!',
  },
  ddl_progress: {
    id: 12423,
    kind: 'v',
    columns:
      'id int8!, statement text!, started_at timestamptz!, rows_done int8!, rows_total int8!, progress float8!, remaining interval, background bool!, failure text',
  },
  settings: { id: 12406, kind: 'v', columns: 'name text!, value text!, description text!' },
};

function stateBytes(object: CatalogObject): bigint | null {
  if (object.kind === 'table') return BigInt(object.store.bytes());
  if (object.kind !== 'materialized view') return null;
  let sum = 0;
  for (const node of object.nodes) sum += node.operator?.stateBytes() ?? 0;
  return BigInt(sum);
}

/** Why and since when it stands still. */
function pausedOf(object: CatalogObject): Paused | null {
  switch (object.kind) {
    case 'sink':
      return object.runtime.paused;
    case 'materialized view':
      return object.paused;
    case 'source':
    case 'table': {
      const paused = object.source?.paused ?? null;
      return paused === null ? null : { reason: pauseReason(paused), at: paused.at };
    }
    case 'view':
    case 'index':
      return null;
  }
}

function* relations({ database }: SystemView): Generator<Fields> {
  for (const object of database.catalog.objects()) {
    const entry = isRelation(object) ? object.entry : null;
    const view = object.kind === 'materialized view' ? object : null;
    const paused = pausedOf(object);
    const stored = object.kind === 'table' || object.kind === 'materialized view';
    const key =
      entry === null || entry.key === null ? null : entry.key.map((k) => entry.columns[k]?.name ?? null);
    yield {
      id: object.id,
      schema: object.schema,
      name: object.name,
      kind: shownKind(object),
      owner: object.owner,
      rows: stored && entry !== null ? BigInt(entry.rowCount()) : null,
      state_bytes: stateBytes(object),
      append_only: entry?.appendOnly ?? false,
      key: key === null ? null : new SqlArray(key),
      depends_on: new SqlArray([...object.dependsOn]),
      definition: shownSql(object.sql),
      state: object.kind === 'sink' ? object.runtime.state : paused === null ? 'running' : 'paused',
      paused_reason: database.secrets.redacted(paused?.reason ?? null),
      paused_at: paused?.at ?? null,
      on_error: view?.errors.onError ?? null,
    };
  }
}

/** Each node of the dataflow once, under the relation that made it. */
function owners(view: SystemView): ReadonlyMap<DataflowNode, CatalogObject> {
  const map = new Map<DataflowNode, CatalogObject>();
  for (const object of view.database.catalog.objects()) {
    if (object.kind === 'materialized view') for (const node of object.nodes) map.set(node, object);
    else if (object.kind === 'sink' && object.runtime.node !== null) map.set(object.runtime.node, object);
    else if (object.kind === 'table' || object.kind === 'source') map.set(object.node, object);
  }
  return map;
}

function* operators(view: SystemView): Generator<Fields> {
  const byNode = owners(view);
  for (const node of view.database.dataflow.nodes) {
    const object = byNode.get(node);
    yield {
      relation_id: object?.id ?? null,
      relation: object?.name ?? null,
      position: node.order,
      operator: node.name,
      state_rows: BigInt(node.operator?.stateRows() ?? 0),
      state_bytes: BigInt(node.operator?.stateBytes() ?? 0),
      emitted_rows: node.emittedRows,
    };
  }
}

/** Rows of relations by a key, with the views whose joins look them up. */
function* arrangements(view: SystemView): Generator<Fields> {
  const byNode = owners(view);
  for (const { relation, columns, key, users, operator } of view.database.arrangements.list()) {
    const names = columns.map((c) => relation.columns[c]?.name ?? null);
    const views = new Set([...users].map((node) => byNode.get(node)?.name ?? null));
    yield {
      relation_id: relation.id,
      relation: relation.name,
      key: new SqlArray(key.columns.map((c) => names[c] ?? null)),
      columns: new SqlArray(names),
      users: new SqlArray([...views].sort()),
      rows: BigInt(operator.stateRows()),
      bytes: BigInt(operator.stateBytes()),
    };
  }
}

function* rowErrors(view: SystemView): Generator<Fields> {
  for (const e of view.database.rowErrors.entries()) {
    yield {
      // It may have been renamed since.
      relation: (e.id === null ? null : view.database.catalog.byId(e.id)?.name) ?? e.relation,
      operator: e.operator,
      message: e.message,
      sqlstate: e.state,
      rows: BigInt(e.count),
      at: e.at,
      row: e.row,
      detail: e.detail,
      relation_id: e.id,
    };
  }
}

interface Fed {
  readonly object: CatalogObject;
  readonly source: SourceRuntime;
}

/** Sources, and tables that a connector feeds. */
export function fedObjects(view: SystemView): readonly Fed[] {
  return view.database.catalog.objects().flatMap((object) => {
    if (object.kind !== 'source' && object.kind !== 'table') return [];
    return object.source === null ? [] : [{ object, source: object.source }];
  });
}

function* sources(view: SystemView): Generator<Fields> {
  const { secrets } = view.database;
  for (const { object, source } of fedObjects(view)) {
    yield {
      id: object.id,
      schema: object.schema,
      name: object.name,
      connector: source.connector.name,
      options: new SqlArray([...shownOptions(view, object, source)].map(([key, value]) => `${key}=${value}`)),
      consumers: source.consumers.size,
      active: source.active,
      rows_read: source.rowsRead,
      bad_records: source.bad.total,
      position: source.position === null ? null : parseJsonb(JSON.stringify(source.position)),
      failure: secrets.redacted(source.failure?.message ?? null),
      failure_sqlstate: source.failure?.state ?? null,
      state: source.paused === null ? 'running' : 'paused',
      paused_reason: source.paused === null ? null : secrets.redacted(pauseReason(source.paused)),
      paused_at: source.paused?.at ?? null,
      retry_at: source.paused?.retryAt ?? null,
      bytes_read: source.bytesRead,
      refused_requests: source.connector.name === 'webhook' ? source.refusedRequests : null,
      rows_forgotten: object.kind === 'table' ? (object.stream?.forgotten ?? null) : null,
    };
  }
}

function* functions(view: SystemView): Generator<Fields> {
  const { functions: catalog } = view.database;
  for (const fn of [...catalog.all(), ...catalog.userFunctions()]) {
    const [example] = fn.examples;
    yield {
      name: fn.kind === 'scalar' && fn.operator !== undefined ? fn.operator : fn.name,
      kind: fn.kind === 'scalar' && fn.operator !== undefined ? 'operator' : fn.kind,
      arguments: argumentsText(fn),
      result: resultText(fn),
      volatility: fn.kind === 'scalar' || fn.kind === 'table' ? fn.volatility : 'immutable',
      description: fn.doc,
      example: example?.[0] ?? null,
    };
  }
}

function* ddlProgress({ database }: SystemView): Generator<Fields> {
  for (const job of database.jobs.list()) {
    const micros = job.remaining(database.clock());
    yield {
      id: BigInt(job.id),
      statement: shownSql(job.statement),
      started_at: job.startedAt,
      rows_done: BigInt(job.done),
      rows_total: BigInt(job.total),
      progress: job.progress,
      remaining: micros === null ? null : new Interval(0, 0, BigInt(Math.round(micros))),
      background: job.background,
      failure: job.error?.message ?? null,
    };
  }
}

export const millraceCatalog: RowSources = {
  ddl_progress: ddlProgress,
  relations,
  operators,
  arrangements,
  row_errors: rowErrors,
  sources,
  functions,
  settings: (view) =>
    view.session.settings.all().map(({ name, value, doc }) => ({ name, value, description: doc })),
};
