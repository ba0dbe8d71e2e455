/** Another server's rows, looked up by key: other ones each time, slowly, or not at all. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { LookupAnswer, LookupConnector } from '../../connector/lookup.ts';
import type { Life } from './life.ts';
import type { Random } from './views.ts';

export class Answers {
  readonly #random: Random;
  /** Everything that was ever said of a key; NULL: there is no row, or none that can be used. */
  readonly #given = new Map<number, Set<number | null>>();
  #count = 0;
  down = false;

  constructor(random: Random) {
    this.#random = random;
  }

  hasSaid(key: number, answer: number | null): boolean {
    return this.#given.get(key)?.has(answer) === true;
  }

  /** For one life of a server. */
  connector(life: Life): LookupConnector {
    return {
      name: 'answers',
      doc: 'Rows in memory.',
      options: [],
      open: async () => {
        await this.#reach(life);
        return {
          fetch: async (keys) => {
            await this.#reach(life);
            const answers = keys.map((key) => this.#answer(key));
            await this.#reach(life);
            return answers;
          },
          close: async () => {},
        };
      },
    };
  }

  async #reach(life: Life): Promise<void> {
    for (let i = this.#random(4); i > 0; i--) await nextTurn();
    if (!life.event() || this.down || this.#random(10) === 0) throw new SqlError('08006', 'nobody answers');
  }

  #answer(key: Row): LookupAnswer {
    const k = Number(key[0]);
    const kind = this.#random(8);
    const n = kind < 2 ? null : ++this.#count % 60;
    const given = this.#given.get(k) ?? new Set();
    this.#given.set(k, given.add(n));
    if (kind === 0) return null;
    if (kind === 1) return new SqlError('22P02', 'this is no number');
    return [k, n];
  }
}
