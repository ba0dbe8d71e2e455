/** Kills a server under load at random moments, starts it again over the same directory, and checks what it has. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Program } from '../harness/server.ts';
import { generator } from '../server/time/random.ts';
import { Breach, check } from './check.ts';
import { definitions, Knowledge, Load } from './load.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** Of the server. */
  readonly checkpointInterval: string;
  /** Longest life under load. */
  readonly mostMs: number;
  readonly log: (line: string) => void;
}

export interface KillReport {
  kills: number;
  killsWhileStarting: number;
  acknowledged: number;
  acknowledgedOff: number;
  lines: number;
  sink: boolean;
  /** Milliseconds from the start of the process until it answers, one per start. */
  readonly startMs: number[];
}

const CLIENTS = 6;
const READY = /^millrace ready pg=127\.0\.0\.1:(\d+)/m;
/** Kills after which a new directory is begun. */
const KILLS_PER_DIRECTORY = 40;

interface Place {
  readonly data: string;
  readonly files: string;
  readonly sink: string;
}

function launch({ data }: Place, options: KillOptions): Program {
  const args = ['--port', '0', '--http-port', '0', '--data-dir', data];
  return new Program(['serve', ...args, '--checkpoint-interval', options.checkpointInterval]);
}

async function urlOf(program: Program): Promise<string> {
  const match = await program.line(READY);
  return `postgres://root@127.0.0.1:${match[1]}/dev`;
}

async function kill(program: Program): Promise<void> {
  program.signal('SIGKILL');
  const { stderr } = await program.finished();
  if (/internal error| {4}at /.test(stderr)) throw new Breach(`the server has said:\n${stderr}`);
}

/** The sink follows the log; false: this server has none. */
async function define(url: string, place: Place): Promise<boolean> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    mkdirSync(place.files);
    for (const sql of definitions(place.files)) await client.query(sql);
    await client.query(
      `CREATE SINK out FROM log WITH (connector = 'file', path = '${place.sink}', type = 'append-only') FORMAT PLAIN ENCODE JSON`,
    );
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '0A000') return false;
    throw error;
  } finally {
    await client.end();
  }
}

/** Until a directory has seen its share of kills. */
async function oneDirectory(
  options: KillOptions,
  random: (n: number) => number,
  report: KillReport,
  kills: number,
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  const place: Place = { data: join(root, 'data'), files: join(root, 'files'), sink: join(root, 'sink') };
  const knowledge = new Knowledge();
  let program = launch(place, options);
  try {
    let url = await urlOf(program);
    report.sink = await define(url, place);
    for (let i = 0; i < kills; i++) {
      const load = new Load(url, place.files, knowledge, CLIENTS, random(1 << 30));
      await sleep(20 + random(options.mostMs));
      await kill(program);
      await load.stop();
      report.kills++;
      for (;;) {
        const started = performance.now();
        program = launch(place, options);
        if (random(5) === 0) {
          await sleep(random(1500));
          await kill(program);
          report.killsWhileStarting++;
          continue;
        }
        url = await urlOf(program);
        report.startMs.push(performance.now() - started);
        break;
      }
      const rows = await check(url, place.files, report.sink ? place.sink : null, knowledge);
      options.log(
        `kill ${report.kills}: ${rows} rows, ${knowledge.lines} lines, started in ${Math.round(report.startMs.at(-1) ?? 0)} ms`,
      );
    }
    report.acknowledged += knowledge.acknowledged.size;
    report.acknowledgedOff += knowledge.acknowledgedOff.size;
    report.lines += knowledge.lines;
    rmSync(root, { recursive: true, force: true });
  } catch (error) {
    options.log(`kept: ${root}\n${program.stderr}`);
    throw error;
  } finally {
    program.signal('SIGKILL');
    await program.finished();
  }
}

/** Throws a Breach as soon as something is not as it must be; the directory is kept then. */
export async function runKills(options: KillOptions): Promise<KillReport> {
  const random = generator(options.seed);
  const report: KillReport = {
    kills: 0,
    killsWhileStarting: 0,
    acknowledged: 0,
    acknowledgedOff: 0,
    lines: 0,
    sink: false,
    startMs: [],
  };
  while (report.kills < options.kills) {
    await oneDirectory(options, random, report, Math.min(KILLS_PER_DIRECTORY, options.kills - report.kills));
  }
  return report;
}
