/** UNION ALL: the sum of Z-sets, so every delta passes through. */
import type { Batch } from '../batch.ts';
import type { Emit } from './operator.ts';
import { StatelessOperator } from './stateless.ts';

export class UnionAllOperator extends StatelessOperator {
  push(_port: number, batch: Batch, emit: Emit): void {
    emit(batch);
  }
}
