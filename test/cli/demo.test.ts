/** `npm run demo` without a terminal: snapshots of four views, the last of them with rows in each. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../harness/server.ts';

it('shows four views that change, and ends', async () => {
  const child = spawn(process.execPath, [join(root, 'scripts/demo.ts'), '--seconds', '3'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = await once(child, 'close');
  expect(errors.replace(/^.*ExperimentalWarning.*\n(\(Use .*\n)?/gm, '')).toBe('');
  expect(code).toBe(0);
  const snapshots = out.split(/^Stateless/m).slice(1);
  expect(snapshots.length).toBeGreaterThanOrEqual(2);
  expect(new Set(snapshots).size).toBe(snapshots.length);
  const last = snapshots.at(-1) ?? '';
  for (const title of ['Tumbling window', 'Hopping window', 'Join']) expect(last).toContain(title);
  expect(last.match(/^\([1-4] rows?\)$/gm)).toHaveLength(4);
});
