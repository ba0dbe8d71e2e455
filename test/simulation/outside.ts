/** What is outside of the simulated servers and outlives them: a target of sinks, a broker, and rows to be looked up. */
import { remoteConnectors } from '../../connector/remotes.ts';
import type { EngineEnvironment } from '../../server/evalContext.ts';
import { generator } from '../server/time/random.ts';
import { Answers } from './answers.ts';
import { Broker } from './broker.ts';
import type { Life } from './life.ts';
import { Target } from './target.ts';

export class Outside {
  readonly target: Target;
  readonly broker: Broker;
  readonly answers: Answers;

  constructor(seed: number) {
    this.target = new Target(generator(seed));
    this.broker = new Broker(generator(seed + 1), ['p', 'q']);
    this.answers = new Answers(generator(seed + 2));
  }

  /** The part of a server's environment that leads here. */
  connectors(life: Life): Pick<EngineEnvironment, 'sinks' | 'lookups' | 'remote'> {
    return {
      sinks: [this.target.connector(life)],
      lookups: [this.answers.connector(life)],
      remote: {
        connectors: [this.broker.connector(life), this.broker.waitingConnector(life), ...remoteConnectors],
        threaded: false,
      },
    };
  }

  /** What must not have happened; null: nothing of it has. */
  get wrong(): string | null {
    return this.target.wrong ?? this.broker.wrong;
  }

  /** Everybody can be reached. */
  start(): void {
    this.target.down = false;
    this.answers.down = false;
    this.broker.start();
  }

  /** The server was set back to this version. */
  setBack(version: bigint): void {
    this.target.setBack(version);
    this.broker.setBack();
  }
}
