/**
 * Where the program begins: what has been compiled once is kept, so that later starts, and the threads of all of them, need a third
 * of the time to load. It lies in node_modules/.cache unless NODE_COMPILE_CACHE says where, and is made again when it is not there.
 *
 * State lies in array buffers. By default V8 collects the whole heap whenever 64 MB of them have been made since the last time, which
 * for a server that takes rows in is several times a second; with the flag below it does when heap and buffers together have grown by
 * a share of what they are, as it does for a heap alone (bench/README.md has the figures).
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

/** After this time it is written, also by a server that will be killed rather than stopped. */
const FLUSH_MS = 3000;

setFlagsFromString('--external-memory-accounted-in-global-limit');
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');
enableCompileCache();
setTimeout(flushCompileCache, FLUSH_MS).unref();
const { run } = await import('./commandLine.ts');
await run();
