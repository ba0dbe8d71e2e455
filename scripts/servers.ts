/**
 * Starts real servers for trying connectors out: `npm run servers -- kafka redis ...`, each on its usual port where that is free.
 * Ctrl-C ends them and removes their data.
 */
import { serverKinds } from './servers/index.ts';
import type { ServerProcess } from './servers/server.ts';

const names = process.argv.slice(2);
const known = serverKinds.map((kind) => kind.name).join(', ');

function fail(message: string, status: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(status);
}

if (names.length === 0) fail(`usage: npm run servers -- NAME ...   (${known})`, 2);
const kinds = names.map(
  (name) => serverKinds.find((k) => k.name === name) ?? fail(`no server "${name}"; there are: ${known}`, 2),
);
for (const kind of kinds) {
  if (!kind.installed()) fail(`${kind.name} is not installed: it needs ${kind.needs}`, 1);
}

const running: ServerProcess[] = [];
async function end(): Promise<void> {
  await Promise.all(running.map((server) => server.close()));
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void end());

for (const kind of kinds) {
  process.stderr.write(`starting ${kind.name}${kind.fetched === true ? '; a first start fetches it' : ''}\n`);
  const server = await kind.start(kind.usualPort);
  running.push(server);
  process.stdout.write(`${kind.name} ${server.url}\n`);
  for (const hint of kind.hints?.() ?? []) process.stderr.write(`${hint}\n`);
}
