/** Pages of docs/connectors/ as tests run them: their blocks of code in order, statements and what they print. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import { Connection, type TextRow } from '../../server/clients.ts';

/** The blocks of code of a page, without their fences. */
export function blocksOf(page: string): readonly string[] {
  const text = readFileSync(join(root, 'docs/connectors', page), 'utf8');
  return [...text.matchAll(/^ *```\w*\n(.*?)^ *```/gms)].map(([, block = '']) => block);
}

/** The page's text replaced; that it is there is checked. */
export function replaced(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replaceAll(from, to);
}

/** What the page says in its prose that a query shows: `SELECT ...` shows `...`. */
export function shows(page: string): { readonly query: string; readonly row: TextRow } {
  const text = readFileSync(join(root, 'docs/connectors', page), 'utf8').replaceAll('\n', ' ');
  const [, query = '', row = ''] = /`(SELECT [^`]*)` shows `([^`]*)`/.exec(text) ?? [];
  expect(query).not.toBe('');
  return { query, row: cells(row) };
}

function cells(line: string): TextRow {
  return line.split('|').map((cell) => (cell.trim() === '' ? null : cell.trim()));
}

/** Rows of a table as psql prints it. */
export function printed(block: string): readonly TextRow[] {
  const [, , ...lines] = block.trimEnd().split('\n');
  return lines.map(cells);
}

/** Asks until the answer is this one. */
export async function eventually(ask: () => Promise<unknown>, answer: unknown): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (JSON.stringify(await ask()) === JSON.stringify(answer)) return;
    await sleep(25);
  }
  expect(await ask()).toEqual(answer);
}

/** A server in memory with a connection to it, for as long as `act` takes. */
export async function withServer(
  act: (client: Connection, server: InProcessServer) => Promise<void>,
): Promise<void> {
  const server = await startInProcess();
  const client = new Connection(server.url);
  await client.client.connect();
  try {
    await act(client, server);
  } finally {
    await client.end();
    await server.close();
  }
}

/** A statement that a page has in its prose, or the form of one: that it is there is checked. */
export function inProse(page: string, statement: string): string {
  const text = readFileSync(join(root, 'docs/connectors', page), 'utf8').replace(/\s+/g, ' ');
  expect(text).toContain(`\`${statement}\``);
  return statement;
}
