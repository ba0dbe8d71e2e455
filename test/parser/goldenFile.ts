/**
 * Golden files: blocks of SQL, `----`, and the expected lines, with blank lines between blocks. SQL may hold blank lines only
 * inside a block's part before the dashes.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface GoldenCase {
  readonly input: string;
  readonly expected: string;
}

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '../../sql-tests/parse');

export function goldenFiles(): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.txt'));
}

export function readGolden(name: string): readonly GoldenCase[] {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n');
  const cases: GoldenCase[] = [];
  let input: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i] !== '----') {
      input.push(lines[i] ?? '');
      continue;
    }
    const expected: string[] = [];
    for (i++; i < lines.length && lines[i] !== ''; i++) expected.push(lines[i] ?? '');
    cases.push({ input: input.join('\n').trim(), expected: expected.join('\n') });
    input = [];
  }
  return cases;
}

export function writeGolden(name: string, cases: readonly GoldenCase[]): void {
  const blocks = cases.map((c) => `${c.input}\n----\n${c.expected}\n`);
  writeFileSync(join(folder, name), blocks.join('\n'));
}

/** Every SQL text of every golden file. */
export function goldenTexts(): readonly string[] {
  return goldenFiles().flatMap((name) => readGolden(name).map((c) => c.input));
}
