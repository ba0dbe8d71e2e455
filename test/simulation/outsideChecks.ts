/** What must be true between a server and what is outside of it. */
import type { Value } from '../../common/value.ts';
import type { Database } from '../../server/database.ts';
import { deadRelationOf } from '../../server/deadLetters/deadRelation.ts';
import type { MaterializedViewObject, SinkObject, TableObject } from '../../server/objects.ts';
import { offsetsOf, PARTITIONS } from './broker.ts';
import type { Outside } from './outside.ts';
import { SimulationFailure } from './server.ts';
import { expectSame } from './state.ts';
import { type Delivered, deliveredOf, type Place, rowText } from './target.ts';

/** The view that has everything of the remote source. */
/** Columns of remote relations that come and go; messages have the value of `v` in fields of their names. */
export const ADDED: readonly string[] = ['x0', 'x1', 'x2'];
export const ADDED_DEFAULT = -1;

export const SEEN = 'SELECT part, off, k, v FROM rs';

/** The view that looks up. */
export const LOOKED = `SELECT x.id, x.k, a.n AS v FROM ledger x
       LEFT JOIN answers FOR SYSTEM_TIME AS OF PROCTIME() a ON a.k = x.k`;

function outsideSinks(database: Database): readonly SinkObject[] {
  return database.sinks.list().filter(({ runtime }) => runtime.feed === null);
}

function placeOf(database: Database, sink: SinkObject, outside: Outside): Place {
  return outside.target.place(database.sinks.identity(sink.id));
}

const text = ({ epoch, at, number, before, after }: Delivered): string =>
  `${epoch} ${at} ${number} ${before} ${after}`;

function waiting({ runtime }: SinkObject, after: bigint): readonly string[] {
  const lines: string[] = [];
  for (const batch of runtime.outbox.waiting(runtime.outbox.lastEpoch)) {
    if (batch.epoch > after) lines.push(...deliveredOf(batch, runtime.types).map(text));
  }
  return lines;
}

/**
 * A server that has just started, against one that has gone through its whole journal and has delivered nothing: what the target
 * has is what came first, and what waits is all the rest.
 */
export function checkTarget(database: Database, twin: Database, outside: Outside): void {
  for (const sink of outsideSinks(database)) {
    const place = placeOf(database, sink, outside);
    const other = twin.catalog.byId(sink.id);
    if (other?.kind !== 'sink') throw new SimulationFailure(`sink ${sink.name} is not in the journal`);
    if (place.astray) continue;
    if (place.epoch !== null && place.epoch > database.version) {
      throw new SimulationFailure(
        `the target of ${sink.name} has version ${place.epoch} of a server at ${database.version}`,
      );
    }
    const all = waiting(other, -1n);
    const has = place.visible.map(text);
    const what = `sink ${sink.name} (${sink.sql})`;
    expectSame({ changes: has }, { changes: all.slice(0, has.length) }, `target of ${what}`);
    const rest = waiting(sink, place.epoch ?? -1n);
    expectSame({ changes: rest }, { changes: all.slice(has.length) }, `what waits for ${what}`);
  }
}

function keepsRows(database: Database, sink: SinkObject): boolean {
  const relation = database.catalog.byId(sink.relation);
  return relation?.kind === 'materialized view' || (relation?.kind === 'table' && relation.stream === null);
}

/** Reasons for which a sink may stand still. */
const PAUSES = /^paused by ALTER SINK|\(tried \d+ times\)$/;

/** Sinks stand still where there is a reason, and those whose target is ahead of a server that was set back. */
export function checkPauses(database: Database, outside: Outside): void {
  for (const sink of outsideSinks(database)) {
    const { paused } = sink.runtime;
    if (paused === null || PAUSES.test(paused.reason) || placeOf(database, sink, outside).astray) continue;
    throw new SimulationFailure(`sink ${sink.name} (${sink.sql}) is paused: ${paused.reason}`);
  }
}

/** How many changes the sink's target has. */
export function changesOf(database: Database, sink: SinkObject, outside: Outside): number {
  return placeOf(database, sink, outside).visible.length;
}

/** Sinks that a server which was set back must not deliver to: their targets have what it has not. */
export function aheadOf(database: Database, outside: Outside): readonly SinkObject[] {
  return outsideSinks(database).filter((sink) => {
    const { epoch, left } = placeOf(database, sink, outside);
    if (epoch === null || epoch <= database.version) return false;
    const { verdict } = sink.runtime;
    // Somebody has said, before the backup was taken, that the server may go on over just this.
    if (verdict?.what === 'accepted' && verdict.has === epoch) return false;
    // What was being committed may turn out to have been.
    return !left.some((prepared) => prepared.doubtful);
  });
}

/** Everything has been delivered: the target's rows are those of the relation. */
export function checkDelivered(database: Database, outside: Outside): number {
  let compared = 0;
  for (const sink of outsideSinks(database)) {
    const { runtime, sql } = sink;
    const place = placeOf(database, sink, outside);
    if (place.astray) continue;
    if (!runtime.outbox.isEmpty)
      throw new SimulationFailure(
        `sink ${sink.name} is ${runtime.state} (${runtime.lastError ?? runtime.reason})`,
      );
    if (/snapshot|force_append_only/i.test(sql) || !keepsRows(database, sink)) continue;
    const rows = [...database.sinks.rowsNow(sink)].map((row) => rowText(row, runtime.types) ?? '');
    expectSame({ rows: place.fold() }, { rows: rows.sort() }, `sink ${sink.name} (${sql})`);
    compared++;
  }
  return compared;
}

/** Tables that sinks write have what these sinks have. */
export function checkFed(database: Database): number {
  let compared = 0;
  for (const sink of database.sinks.list()) {
    const { feed, paused, types } = sink.runtime;
    if (feed === null || paused !== null || !keepsRows(database, sink)) continue;
    const table = feed.tableNow();
    const shown = (rows: Iterable<readonly Value[]>): readonly string[] =>
      [...rows].map((row) => rowText(row, types) ?? '').sort();
    expectSame(
      { rows: shown(table.store.rows()) },
      { rows: shown(database.sinks.rowsNow(sink)) },
      `table ${table.name} of sink ${sink.name} (${sink.sql})`,
    );
    compared++;
  }
  return compared;
}

// --- sources ---------------------------------------------------------------------------------------------------

function table(database: Database, schema: string, name: string): TableObject | null {
  const object = database.catalog.find(schema, name, []);
  return object?.kind === 'table' ? object : null;
}

function viewOf(database: Database, definition: string): MaterializedViewObject | null {
  const isIt = (view: MaterializedViewObject): boolean =>
    view.schema === 'public' && view.definition === definition;
  return (
    database.catalog.objects().flatMap((o) => (o.kind === 'materialized view' && isIt(o) ? [o] : []))[0] ??
    null
  );
}

/** Messages by partition and offset, and how often each is there. */
class Counts {
  readonly #counts = new Map<string, number>();

  add(part: Value, off: Value): void {
    const key = `${part}:${off}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  addRows(
    relation: TableObject | MaterializedViewObject,
    partName: string,
    offName: string,
    when: (value: (name: string) => Value) => boolean = () => true,
  ): void {
    const names = relation.columns.map((c) => c.name);
    for (const row of relation.store.rows()) {
      const value = (name: string): Value => row[names.indexOf(name)] ?? null;
      if (when(value)) this.add(value(partName), value(offName));
    }
  }

  /** Each message before the offsets is there once, and no other. */
  expectOnce(offsets: readonly number[], what: string): void {
    let expected = 0;
    for (const [p, partition] of PARTITIONS.entries()) {
      for (let offset = 0; offset < (offsets[p] ?? 0); offset++) {
        const count = this.#counts.get(`${partition}:${offset}`) ?? 0;
        if (count !== 1)
          throw new SimulationFailure(`message ${partition}:${offset} is ${count} times in ${what}`);
        expected++;
      }
    }
    if (this.#counts.size !== expected)
      throw new SimulationFailure(`${this.#counts.size} messages are in ${what}, which has read ${expected}`);
  }
}

function addLetters(counts: Counts, database: Database, owner: TableObject): void {
  const letters = deadRelationOf(database, owner.id);
  if (letters !== null)
    counts.addRows(letters, 'partition', 'position', (value) => value('outcome') === 'skipped');
}

/** Columns that have been added hold what messages had in their fields, or what rows of before were given. */
function checkAdded(relation: TableObject): void {
  const v = relation.columns.findIndex((c) => c.name === 'v');
  relation.columns.forEach(({ name }, c) => {
    const factor = name === 'twice' ? 2 : ADDED.includes(name) ? 1 : 0;
    if (factor === 0) return;
    for (const row of relation.store.rows()) {
      const [has, base] = [row[c] ?? null, row[v] ?? null];
      const right = base === null ? null : Number(base) * factor;
      if (has === right || (factor === 1 && (has === null || has === ADDED_DEFAULT))) continue;
      throw new SimulationFailure(`${relation.name}.${name} is ${has} where v is ${base}`);
    }
  });
}

/** Sources have taken everything that came. */
export function isRead(database: Database, { broker }: Outside): boolean {
  return Object.entries({ rs: 'p', rn: 'p', ru: 'q' }).every(([name, topic]) => {
    const table = database.catalog.find('public', name, []);
    if (table?.kind !== 'table') return true;
    const offsets = offsetsOf(table.source?.position ?? null);
    return broker.topic(topic).every((messages, p) => offsets[p] === messages.length);
  });
}

/** Every message is a row, a late row or a dead letter, and one of these. */
export function checkMessages(database: Database, outside: Outside): void {
  for (const name of ['rs', 'rn', 'ru']) {
    const relation = table(database, 'public', name);
    if (relation !== null) checkAdded(relation);
  }
  const rn = table(database, 'public', 'rn');
  if (rn !== null) {
    const counts = new Counts();
    counts.addRows(rn, 'part', 'off');
    addLetters(counts, database, rn);
    counts.expectOnce(offsetsOf(rn.source?.position ?? null), 'rn');
  }
  const rs = table(database, 'public', 'rs');
  const seen = viewOf(database, SEEN);
  if (rs !== null && seen !== null) {
    const counts = new Counts();
    counts.addRows(seen, 'part', 'off');
    const late = table(database, 'millrace_late', 'rs');
    if (late !== null) counts.addRows(late, 'part', 'off');
    addLetters(counts, database, rs);
    counts.expectOnce(offsetsOf(rs.source?.position ?? null), 'rs');
  }
  const ru = table(database, 'public', 'ru');
  if (ru !== null) checkUpserts(ru, outside);
}

/** The rows are what the messages up to the position come to. */
function checkUpserts(ru: TableObject, outside: Outside): void {
  const rows = new Map<string, string>();
  const offsets = offsetsOf(ru.source?.position ?? null);
  for (const [p, messages] of outside.broker.topic('q').entries()) {
    for (const { key, value } of messages.slice(0, offsets[p])) {
      if (key === null) continue;
      const k = String((JSON.parse(key) as { readonly k: number }).k);
      if (value === null) rows.delete(k);
      else if (value.startsWith('{')) rows.set(k, String((JSON.parse(value) as { readonly v: number }).v));
    }
  }
  const expected = [...rows].map(([k, v]) => `${k} | ${v}`).sort();
  const there = [...ru.store.rows()].map((row) => `${row[0]} | ${row[1]}`).sort();
  expectSame({ rows: there }, { rows: expected }, 'table ru');
}

// --- lookups ---------------------------------------------------------------------------------------------------

/** What was joined is what was said. `all`: nothing waits any more. */
export function checkLookups(database: Database, outside: Outside, all: boolean): void {
  // Views exchange their names.
  const joined = viewOf(database, LOOKED);
  const ledger = table(database, 'public', 'ledger');
  if (joined === null || ledger === null) return;
  for (const [id, k, v] of joined.store.rows()) {
    const said = v === null || v === undefined ? null : Number(v);
    if (!outside.answers.hasSaid(Number(k), said))
      throw new SimulationFailure(`row ${id} was joined with ${said}, which nobody has said of ${k}`);
  }
  if (!all) return;
  const [there, expected] = [joined.store.rowCount(), ledger.store.rowCount()];
  if (there !== expected)
    throw new SimulationFailure(`${there} of ${expected} rows have been looked up, and nothing is asked for`);
}
