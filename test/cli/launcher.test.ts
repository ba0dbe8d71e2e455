/** A launcher that is killed outright takes its server with it: nobody is left holding the port and the data directory. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** Whether something accepts connections on the port. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

it('stops the server when its launcher is killed with SIGKILL', async () => {
  const script = join(root, 'scripts', 'bootstrap.mjs');
  const args = ['bin/millrace.ts', 'serve', '--in-memory', '--port', '0', '--http-port', '0'];
  const launcher = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let port = 0;
  for await (const line of createInterface({ input: launcher.stdout })) {
    const ready = /^millrace ready pg=[^ ]*:(\d+) /.exec(line);
    if (ready === null) continue;
    port = Number(ready[1]);
    break;
  }
  expect(await listens(port)).toBe(true);
  launcher.kill('SIGKILL');
  for (let i = 0; i < 100 && (await listens(port)); i++) await sleep(100);
  expect(await listens(port)).toBe(false);
});
