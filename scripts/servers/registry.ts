/** A schema registry with Confluent's API: Apicurio from Maven Central, over memory, in a cache below node_modules. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  endServer,
  freePort,
  listening,
  type ServerKind,
  type ServerProcess,
  spawnServer,
} from './server.ts';

/** The last one that runs on Java 17. */
const version = '3.0.9';
const servers = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'servers');
const cache = join(servers, `apicurio-${version}`);
const READY_MILLIS = 90_000;

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Fetched beside the cache and moved there whole: two that install at once do not see half of it. */
function install(): void {
  if (existsSync(cache)) return;
  mkdirSync(servers, { recursive: true });
  const fresh = mkdtempSync(join(servers, 'apicurio-new-'));
  const artifact = `io.apicurio:apicurio-registry-app:${version}:tar.gz:all`;
  const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${fresh}`];
  const archive = join(fresh, `apicurio-registry-app-${version}-all.tar.gz`);
  if (!runs('mvn', args) || !runs('tar', ['xzf', archive, '-C', fresh])) {
    rmSync(fresh, { recursive: true, force: true });
    throw new Error(`could not fetch ${artifact} with mvn`);
  }
  rmSync(archive);
  try {
    renameSync(fresh, cache);
  } catch {
    rmSync(fresh, { recursive: true, force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/subjects`)).ok;
  } catch {
    return false;
  }
}

export async function startRegistry(wantedPort = 0): Promise<ServerProcess> {
  install();
  const port = await freePort(wantedPort);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const args = [
    ...['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ...['-Dquarkus.http.host=127.0.0.1', `-Dquarkus.http.port=${port}`],
    ...['-jar', join(cache, `apicurio-registry-app-${version}-runner.jar`)],
  ];
  const run = async (): Promise<ReturnType<typeof spawnServer>> => {
    const child = spawnServer('java', args);
    await listening(port, READY_MILLIS);
    for (let tries = 0; !(await answers(url)) && tries < 300; tries++) await sleep(100);
    return child;
  };
  let child = await run();
  return {
    host: '127.0.0.1',
    port,
    url,
    kill: () => endServer(child, 'SIGKILL'),
    stop: () => endServer(child, 'SIGTERM'),
    async start() {
      child = await run();
    },
    close: () => endServer(child, 'SIGKILL'),
  };
}

export const schemaRegistry: ServerKind = {
  name: 'registry',
  needs: 'Java 17 and, for a first start, Maven (Debian packages openjdk-17-jre-headless and maven)',
  installed: () => runs('java', ['-version']) && (existsSync(cache) || runs('mvn', ['-v'])),
  fetched: true,
  usualPort: 8081,
  start: startRegistry,
};
