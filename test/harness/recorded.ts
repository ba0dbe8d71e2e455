/** Replays what PostgreSQL 15 answered to expressions: files of [expression, text of its value or ERROR state message]. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SqlError } from '../../common/sqlError.ts';
import { evaluateSql } from './evaluateSql.ts';

type Case = readonly [sql: string, answer: string];

function answer(sql: string): string {
  try {
    return evaluateSql(sql);
  } catch (error) {
    if (error instanceof SqlError) return `ERROR ${error.state} ${error.message}`;
    throw error;
  }
}

/** One test per file of the folder. */
export function replayRecorded(folder: URL): void {
  describe('as PostgreSQL answers', () => {
    for (const file of readdirSync(folder)) {
      it(file.replace('.json', ''), () => {
        const cases: readonly Case[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
        expect(cases.map(([sql]) => [sql, answer(sql)])).toEqual(cases);
      });
    }
  });
}
