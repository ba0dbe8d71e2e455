/**
 * The incremental mode's views: every SELECT of a file as a materialised view that exists before the data does.
 *
 * After each statement that makes a relation, the queries whose view is missing are tried again: those that failed only
 * because a relation did not exist yet. A query that cannot be a view is listed with the reason. Views are dropped
 * before a DROP, ALTER or SET, because they would be in the way or were bound under other settings, and made again.
 */
import type pg from 'pg';
import type { SltRecord } from './record.ts';

export type QueryRecord = SltRecord & { readonly kind: 'query' };

interface Planned {
  readonly record: QueryRecord;
  view: string | null;
  /** Why there is no view. */
  reason: string;
  /** False when no later statement can make it possible. */
  retry: boolean;
}

/** Relation, schema, column or function not there yet. */
const comesLater: ReadonlySet<string> = new Set(['42P01', '3F000', '42703', '42883']);

/** WITH before a statement that returns the rows it changes. */
const changesData = /^\s*with\b.*\)\s*(insert\s+into|update|delete\s+from|merge\s+into)\b/is;

export class IncrementalViews {
  #planned: ReadonlyMap<SltRecord, Planned> = new Map();
  #next = 0;
  used = 0;
  readonly refused: string[] = [];

  /** Takes the SELECTs of a file. */
  plan(records: readonly SltRecord[], substitutes: boolean): void {
    const planned = records.flatMap((record): Planned[] =>
      record.kind === 'query' &&
      record.expected !== null &&
      /^\s*(select|with|values|table|\()/i.test(record.sql) &&
      !changesData.test(record.sql) &&
      !(substitutes && record.sql.includes('$'))
        ? [{ record, view: null, reason: 'no relation was made before it', retry: true }]
        : [],
    );
    this.#planned = new Map(planned.map((p) => [p.record, p]));
  }

  /** Makes the views that are missing and possible now. */
  async create(client: pg.Client): Promise<void> {
    for (const planned of this.#planned.values()) {
      if (planned.view !== null || !planned.retry) continue;
      const name = `slt_incremental_${this.#next++}`;
      const columns = [...planned.record.types].map((_, i) => `c${i}`).join(', ');
      const body = planned.record.sql.trim().replace(/;\s*$/, '');
      try {
        await client.query(`CREATE MATERIALIZED VIEW ${name} (${columns}) AS ${body}`);
        planned.view = name;
      } catch (error) {
        planned.reason = error instanceof Error ? error.message : String(error);
        planned.retry = comesLater.has((error as { readonly code?: string }).code ?? '');
      }
    }
  }

  /** The view that answers a query, or null; then the reason is noted. */
  take(record: QueryRecord): string | null {
    const planned = this.#planned.get(record);
    if (planned === undefined) return null;
    if (planned.view === null) {
      this.refused.push(`${record.file}:${record.line}: ${planned.reason}`);
      return null;
    }
    this.used++;
    return planned.view;
  }

  /** Drops what there is; `create` makes it again. */
  async dropAll(client: pg.Client): Promise<void> {
    for (const planned of this.#planned.values()) {
      planned.retry = true;
      if (planned.view === null) continue;
      await client.query(`DROP MATERIALIZED VIEW IF EXISTS ${planned.view}`);
      planned.view = null;
    }
  }
}
