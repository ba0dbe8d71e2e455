/** A listener over the fake session on a free port of the loopback interface, for tests with real clients. */
import { randomInt } from 'node:crypto';
import { startListener, type WireLimits, type WireListener } from '../../wire/listener.ts';
import { FakeFactory, type FakeStatements } from './fakeSession.ts';

export interface FakeServer {
  readonly listener: WireListener;
  readonly factory: FakeFactory;
  /** What was reported as our own mistake. */
  readonly internalErrors: readonly unknown[];
  readonly port: number;
}

export async function startFakeServer(
  limits: Partial<WireLimits> = {},
  statements: FakeStatements = [],
): Promise<FakeServer> {
  const factory = new FakeFactory(statements);
  const internalErrors: unknown[] = [];
  const listener = await startListener({
    host: '127.0.0.1',
    port: 0,
    factory,
    limits,
    newSecretKey: () => randomInt(-0x80000000, 0x7fffffff),
    onInternalError: (error) => internalErrors.push(error),
  });
  return { listener, factory, internalErrors, port: listener.port };
}
