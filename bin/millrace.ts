/**
 * Where the program begins: what has been compiled once is kept, so that later starts, and the threads of all of them, need a third
 * of the time to load. It lies in node_modules/.cache unless NODE_COMPILE_CACHE says where, and is made again when it is not there.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { countBuffers } from './bufferMemory.ts';

/** After this time it is written, also by a server that will be killed rather than stopped. */
const FLUSH_MS = 3000;

countBuffers();
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile');
enableCompileCache();
setTimeout(flushCompileCache, FLUSH_MS).unref();
const { run } = await import('./commandLine.ts');
await run();
