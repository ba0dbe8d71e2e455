/**
 * The incremental mode's views. `plan` looks at all queries of a file; after every statement that makes a relation,
 * those whose view does not exist yet are tried again. A query that can't be a view is listed with the reason.
 */
import type pg from 'pg';
import type { SltRecord } from './record.ts';

type QueryRecord = SltRecord & { readonly kind: 'query' };

interface Planned {
  readonly record: QueryRecord;
  view: string | null;
  reason: string;
}

export class IncrementalViews {
  #planned: Planned[] = [];
  #next = 0;
  used = 0;
  readonly refused: string[] = [];

  /** Takes the SELECTs of a file. */
  plan(records: readonly SltRecord[]): void {
    this.#planned = records.flatMap((record) =>
      record.kind === 'query' && record.expected !== null && /^\s*(select|with|values|\()/i.test(record.sql) && !record.sql.includes('$')
        ? [{ record, view: null, reason: 'no relation was made before it' }]
        : [],
    );
  }

  /** After a statement that makes a relation: tries to make the views that are missing. */
  async afterStatement(client: pg.Client, sql: string): Promise<void> {
    if (!/^\s*create\b/i.test(sql)) return;
    for (const planned of this.#planned) {
      if (planned.view !== null) continue;
      const name = `slt_incremental_${this.#next++}`;
      const columns = [...planned.record.types].map((_, i) => `c${i}`).join(', ');
      const body = planned.record.sql.trim().replace(/;\s*$/, '');
      try {
        await client.query(`CREATE MATERIALIZED VIEW ${name} (${columns}) AS ${body}`);
        planned.view = name;
      } catch (error) {
        planned.reason = error instanceof Error ? error.message : String(error);
      }
    }
  }

  /** The view that answers a query, or null; then the reason is noted. */
  take(record: QueryRecord): string | null {
    const planned = this.#planned.find((p) => p.record === record);
    if (planned === undefined) return null;
    if (planned.view === null) {
      this.refused.push(`${record.file}:${record.line}: ${planned.reason}`);
      return null;
    }
    this.used++;
    return planned.view;
  }

  async dropAll(client: pg.Client): Promise<void> {
    for (const planned of this.#planned) {
      if (planned.view === null) continue;
      await client.query(`DROP MATERIALIZED VIEW IF EXISTS ${planned.view}`);
      planned.view = null;
      planned.reason = 'its view was dropped before a DROP or ALTER';
    }
  }
}
