/**
 * Runs a script of this project on the Node it needs, with its packages installed: `node scripts/bootstrap.mjs SCRIPT
 * ARGS...`. It must itself run on any Node from 18 on. Where the machine's Node is too old, the npm package `node` brings
 * the right one into the git-ignored folder .node.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_PACKAGE = 'node@24.21.0';
const FLOOR = [22, 18];
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function fail(message) {
  process.stderr.write(`millrace: ${message}\n`);
  process.exit(1);
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1]);
}

/** Runs npm; its output goes to stderr so that stdout stays the program's own. */
function npm(args, env) {
  const cli = process.env.npm_execpath;
  const [command, prefix] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  const result = spawnSync(command, [...prefix, ...args], { cwd: root, env, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) fail(`npm ${args[0]} failed`);
}

/** The Node executable to use, installed first if need be. */
function findNode() {
  if (isNewEnough(process.version)) return process.execPath;
  const local = join(
    root,
    '.node',
    'node_modules',
    'node',
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  const usable = () =>
    existsSync(local) && isNewEnough(spawnSync(local, ['--version'], { encoding: 'utf8' }).stdout ?? '');
  if (usable()) return local;
  process.stderr.write(`millrace: Node ${process.version} is too old, fetching ${NODE_PACKAGE}\n`);
  mkdirSync(join(root, '.node'), { recursive: true });
  writeFileSync(join(root, '.node', 'package.json'), '{ "private": true }\n');
  npm(
    ['install', '--prefix', join(root, '.node'), '--no-audit', '--no-fund', '--loglevel=error', NODE_PACKAGE],
    process.env,
  );
  if (!usable()) fail(`could not install ${NODE_PACKAGE}; install Node 22.18 or later`);
  return local;
}

/**
 * Installs the locked packages unless exactly these are there already. Not `npm ci`: it refuses a lock file without
 * the optional packages of other platforms.
 */
function ensurePackages(env) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const stamp = join(root, 'node_modules', '.millrace-lock');
  const hash = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  npm(['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], env);
  writeFileSync(stamp, hash);
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('usage: node scripts/bootstrap.mjs SCRIPT ARGS...');
const node = findNode();
const env = {
  ...process.env,
  PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
  MILLRACE_LAUNCHER: String(process.pid),
};
ensurePackages(env);

const child = spawn(node, ['--disable-warning=ExperimentalWarning', resolve(root, script), ...args], {
  stdio: 'inherit',
  env,
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));

// npm that is killed outright cannot pass the signal on.
if (process.env.npm_lifecycle_event !== undefined) {
  const npmProcess = process.ppid;
  setInterval(() => {
    if (process.ppid !== npmProcess) child.kill('SIGTERM');
  }, 100).unref();
}
