/** Replays what PostgreSQL 15 answered. Each group holds the SQL it was recorded with. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from './operations.ts';

interface Group {
  readonly operation: string;
  readonly sql: string;
  /** Arguments, then the answer. */
  readonly cases: readonly (readonly (string | null)[])[];
}

const folder = new URL('./recorded/', import.meta.url);

for (const file of readdirSync(folder)) {
  const groups: readonly Group[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  describe(`as PostgreSQL: ${file.replace('.json', '')}`, () => {
    for (const group of groups) {
      it(`${group.operation}: ${group.sql}`, () => {
        const actual = group.cases.map((c) => {
          const args = c.slice(0, -1).map(String);
          return [...args, run(group.operation, args)];
        });
        expect(actual).toEqual(group.cases);
      });
    }
  });
}
