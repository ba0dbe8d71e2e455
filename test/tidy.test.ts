/** The architecture as a test: import direction, file length, banned calls with what to use instead. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const MAX_LINES = 500;

/** folder -> folders it may import; `types` may only be imported as types. */
const direction: Readonly<
  Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>
> = {
  common: { values: [], types: [] },
  parser: { values: ['common'], types: [] },
  planner: { values: ['common', 'parser'], types: [] },
  storage: { values: ['common'], types: [] },
  connector: { values: ['common'], types: [] },
  wire: { values: ['common'], types: [] },
  executor: { values: ['common', 'storage'], types: ['planner', 'connector'] },
  server: { values: ['common', 'parser', 'planner', 'storage', 'connector', 'wire', 'executor'], types: [] },
};

/** Data with side effects outside its arguments belongs to server/, which injects it. */
const bans: readonly {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly folders: readonly string[];
}[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    instead: 'the injected clock',
    folders: ['common', 'parser', 'planner', 'executor', 'storage', 'connector', 'wire'],
  },
  {
    pattern: /\bMath\.random\(/,
    instead: 'the injected random',
    folders: ['common', 'parser', 'planner', 'executor', 'storage', 'connector', 'wire', 'server'],
  },
  { pattern: /\.localeCompare\(/, instead: 'compareText', folders: Object.keys(direction) },
  {
    pattern: /\bthrow new Error\(/,
    instead: 'SqlError or assert',
    folders: ['parser', 'planner', 'executor'],
  },
  {
    pattern: /\bconsole\./,
    instead: 'the logger',
    folders: ['common', 'parser', 'planner', 'executor', 'storage', 'connector', 'wire'],
  },
  {
    pattern: /(:|<|\bas) any\b/,
    instead: 'a type',
    folders: [...Object.keys(direction), 'test', 'bench', 'bin', 'scripts'],
  },
  { pattern: /\b(it|test|describe)\.(skip|todo|only)\b/, instead: 'a test that runs', folders: ['test'] },
];

function sources(folder: string): readonly string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const name of readdirSync(path)) {
      const full = join(path, name);
      if (statSync(full).isDirectory()) walk(full);
      else if (name.endsWith('.ts')) found.push(full);
    }
  };
  walk(join(root, folder));
  return found;
}

function importsOf(text: string): readonly { readonly path: string; readonly typeOnly: boolean }[] {
  const found: { path: string; typeOnly: boolean }[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?[^;'"]*?from\s+['"](\.[^'"]+)['"]/gms)) {
    found.push({ path: match[2] ?? '', typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*['"](\.[^'"]+)['"]\s*\)(\.[A-Z])?/g)) {
    found.push({ path: match[1] ?? '', typeOnly: match[2] !== undefined });
  }
  return found;
}

const folders = Object.keys(direction);

describe('tidy', () => {
  it('imports only downwards', () => {
    const wrong: string[] = [];
    for (const folder of folders) {
      const rule = direction[folder];
      for (const file of sources(folder)) {
        for (const { path, typeOnly } of importsOf(readFileSync(file, 'utf8'))) {
          const target = relative(root, resolve(dirname(file), path)).split('/')[0] ?? '';
          const allowed =
            target === folder || rule?.values.includes(target) || (typeOnly && rule?.types.includes(target));
          if (!allowed) wrong.push(`${relative(root, file)} imports ${path}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps files short', () => {
    const long = folders
      .flatMap((folder) => sources(folder))
      .map((file) => ({
        file: relative(root, file),
        lines: readFileSync(file, 'utf8').split('\n').length - 1,
      }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  it('calls nothing that is banned', () => {
    const wrong = bans.flatMap(({ pattern, instead, folders: where }) =>
      where.flatMap((folder) =>
        sources(folder)
          .filter((file) => !file.endsWith('tidy.test.ts'))
          .flatMap((file) =>
            readFileSync(file, 'utf8')
              .split('\n')
              .flatMap((line, i) =>
                pattern.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line)
                  ? [`${relative(root, file)}:${i + 1} use ${instead}: ${line.trim()}`]
                  : [],
              ),
          ),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('says in every file what it is for', () => {
    const silent = folders
      .flatMap((folder) => sources(folder))
      .filter((file) => !/^\s*(\/\*\*|\/\/|import|#!)/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(root, file));
    expect(silent).toEqual([]);
  });
});
