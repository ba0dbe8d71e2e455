/** Starts real servers for trying connectors out: `node scripts/servers.ts kafka redis ...`; Ctrl-C ends them and removes their data. */
import { serverKinds } from './servers/index.ts';

const names = process.argv.slice(2);
const known = serverKinds.map((kind) => kind.name).join(', ');
if (names.length === 0) {
  process.stderr.write(`usage: node scripts/servers.ts NAME ...   (${known})\n`);
  process.exit(2);
}
for (const name of names) {
  const kind = serverKinds.find((k) => k.name === name);
  if (kind === undefined) {
    process.stderr.write(`no server "${name}"; there are: ${known}\n`);
    process.exit(2);
  }
  if (!kind.installed()) {
    process.stderr.write(`${name} is not installed: it needs ${kind.needs}\n`);
    process.exit(1);
  }
  const server = await kind.start();
  process.stdout.write(`${name} ${server.url}\n`);
  process.on('SIGINT', () => void server.close().then(() => process.exit(0)));
}
