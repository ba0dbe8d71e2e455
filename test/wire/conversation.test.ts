/**
 * Runs sql-tests/wire/*.wire. The expected answers were written by PostgreSQL 15:
 * `WIRE_TARGET=host:port GOLDEN=write npx vitest run test/wire/conversation.test.ts` asks a server there (user root,
 * database dev) and rewrites them; without WIRE_TARGET our protocol runs over a fake session that knows the statements.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { serialize } from 'pg-protocol';
import { describe, expect, it } from 'vitest';
import {
  encodeLine,
  type Peer,
  parseConversation,
  printAnswers,
  rewriteConversation,
} from './conversation.ts';
import { conversationStatements } from './conversationStatements.ts';
import { FakeFactory } from './fakeSession.ts';
import { openMemoryClient } from './memoryTransport.ts';

const folder = new URL('../../sql-tests/wire/', import.meta.url);
const target = process.env.WIRE_TARGET;
const write = process.env.GOLDEN === 'write';
/** Silence after which a real server is taken to wait for more. */
const IDLE_MS = 150;

async function openTarget(address: string): Promise<Peer> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect(Number(port), host);
  await new Promise((resolve) => socket.once('connect', resolve));
  let received: Buffer[] = [];
  let last = 0;
  socket.on('data', (chunk) => {
    received.push(chunk);
    last = performance.now();
  });
  socket.on('error', () => undefined);
  return {
    send: (bytes) => socket.write(bytes),
    settle: async () => {
      last = performance.now();
      while (performance.now() - last < IDLE_MS) await new Promise((resolve) => setTimeout(resolve, 10));
      const all = Buffer.concat(received);
      received = [];
      return all;
    },
  };
}

async function run(text: string): Promise<readonly (readonly string[])[]> {
  const peer =
    target === undefined
      ? openMemoryClient(new FakeFactory(conversationStatements()))
      : await openTarget(target);
  peer.send(serialize.startup({ user: 'root', database: 'dev' }));
  await peer.settle();
  const answers: (readonly string[])[] = [];
  for (const step of parseConversation(text)) {
    peer.send(Buffer.concat(step.send.map(encodeLine)));
    answers.push(printAnswers(await peer.settle()));
  }
  peer.send(serialize.end());
  return answers;
}

describe('wire conversations', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.wire'));
  it.each(files)('%s', async (name) => {
    const file = new URL(name, folder);
    const text = readFileSync(file, 'utf8');
    const answers = await run(text);
    const rewritten = rewriteConversation(text, answers);
    if (write) writeFileSync(file, rewritten);
    else expect(rewritten).toBe(text);
  });
});
