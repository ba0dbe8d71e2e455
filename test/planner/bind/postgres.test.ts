import { describe, expect, it } from 'vitest';
import { agrees, describeStatement } from './describe.ts';
import { readAnswers } from './postgresAnswers.ts';

/** Names, types, parameters and errors, as PostgreSQL 15 gave them for the same statements over the same tables. */
describe('PostgreSQL binds alike', () => {
  const files = ['bindPostgres.txt', 'bindPostgresMore.txt', 'bindPostgresRecursive.txt'];
  for (const section of files.flatMap((file) => readAnswers(`sql-tests/plan/${file}`))) {
    it(section.title, () => {
      for (const { line, sql, postgres, differs } of section.statements) {
        const ours = describeStatement(sql);
        const where = `line ${line}: ${sql}`;
        if (differs !== null) expect({ where, ours }).toEqual({ where, ours: differs.answer });
        else if (!agrees(ours, postgres)) expect({ where, ours }).toEqual({ where, ours: postgres });
      }
    });
  }
});
