/** The file sink on a disk that stops between any two operations: every change is there once, in order. */
import { describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { fileSinkOver } from '../../../connector/fileSink/sink.ts';
import type { SinkConfig, SinkWriter } from '../../../connector/sink.ts';
import { generator } from '../../server/time/random.ts';
import { CrashDisk, Stopped } from './crashDisk.ts';

const config: SinkConfig = {
  identity: 'a',
  name: 's',
  options: new Map([['path', '/out']]),
  columns: [{ name: 'n', type: types.int4, nullable: false }],
  key: null,
  format: 'PLAIN',
  encode: 'JSON',
  encodeOptions: new Map(),
};

const LAST = 30;

/** Rows of an epoch: as many as its number leaves over by 4, at least one. */
const rowsOf = (epoch: number): readonly number[] =>
  Array.from({ length: (epoch % 4) + 1 }, (_, i) => epoch * 10 + i);

const all = Array.from({ length: LAST }, (_, i) => rowsOf(i + 1))
  .flat()
  .map((n) => `{"n":${n}}`);

/** Delivers from where the target is until everything is there, or the disk stops. */
async function deliver(disk: CrashDisk, random: (n: number) => number): Promise<void> {
  const writer: SinkWriter = await fileSinkOver(disk).open(config);
  let next = Number((await writer.recover()) ?? 0n) + 1;
  while (next <= LAST) {
    const last = Math.min(LAST, next + random(5));
    const transaction = await writer.begin(BigInt(next));
    for (let epoch = next; epoch <= last; epoch++) {
      const changes = rowsOf(epoch).map((n) => ({ before: null, after: [n] }));
      await transaction.write({ epoch: BigInt(epoch), at: 0n, first: 0, changes });
    }
    if (random(6) === 0) {
      await transaction.abort();
      continue;
    }
    await transaction.prepare(BigInt(last));
    await transaction.commit();
    next = last + 1;
  }
}

describe('file sink', () => {
  it('has every row once, wherever the disk stops', async () => {
    const whole = new CrashDisk();
    await deliver(whole, () => 1);
    expect(whole.lines()).toEqual(all);
    for (let stop = 0; stop <= whole.operations; stop++) {
      for (const power of [false, true]) {
        const disk = new CrashDisk();
        const random = generator(stop * 2 + (power ? 1 : 0));
        disk.stopAt = stop;
        await expectStopped(deliver(disk, () => 1));
        if (power) disk.powerFailure(random);
        else disk.kill();
        await deliver(disk, () => 1);
        expect(disk.lines(), `stopped at ${stop}, power ${power}`).toEqual(all);
      }
    }
  });

  it('has every row once over many stops', async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = generator(seed);
      const disk = new CrashDisk();
      for (let stops = 0; stops < 12; stops++) {
        disk.stopAt = disk.operations + random(60);
        await expectStopped(deliver(disk, random));
        if (random(2) === 0) disk.powerFailure(random);
        else disk.kill();
      }
      await deliver(disk, random);
      expect(disk.lines(), `seed ${seed}`).toEqual(all);
    }
  });

  it('gives nothing again to a reader that takes the files away', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = generator(seed);
      const disk = new CrashDisk();
      const taken: string[] = [];
      const take = (): void => {
        taken.push(...disk.lines());
        for (const name of [...disk.names.keys()]) if (name.startsWith('part-')) disk.names.delete(name);
      };
      for (let stops = 0; stops < 12; stops++) {
        disk.stopAt = disk.operations + random(60);
        await expectStopped(deliver(disk, random));
        disk.kill();
        take();
      }
      await deliver(disk, random);
      take();
      expect(taken, `seed ${seed}`).toEqual(all);
    }
  });

  it('refuses the directory of another sink, and one whose files it does not know', async () => {
    const disk = new CrashDisk();
    await deliver(disk, () => 1);
    const other = await fileSinkOver(disk).open({ ...config, identity: 'b' });
    await expect(other.recover()).rejects.toThrow('the directory "/out" belongs to another sink');
    disk.names.delete('.millrace-sink');
    const unknown = await fileSinkOver(disk).open(config);
    await expect(unknown.recover()).rejects.toThrow('belongs to another sink');
  });

  it('does not guess where its own file is damaged', async () => {
    const disk = new CrashDisk();
    await deliver(disk, () => 1);
    const position = disk.names.get('.millrace-sink');
    if (position !== undefined) position.text = '{"sink":';
    const writer = await fileSinkOver(disk).open(config);
    await expect(writer.recover()).rejects.toThrow('is damaged');
  });
});

async function expectStopped(delivery: Promise<void>): Promise<void> {
  try {
    await delivery;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
}
