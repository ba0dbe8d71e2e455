/** Every source connector. */
import type { SourceConnector } from './connector.ts';
import { datagen } from './datagen/source.ts';
import { posixFs } from './file/source.ts';
import { inject } from './inject/source.ts';
import { nexmark } from './nexmark/source.ts';
import { postgresCdc } from './postgresCdc/source.ts';
import { webhook } from './webhook/source.ts';

export const sourceConnectors: readonly SourceConnector[] = [
  nexmark,
  datagen,
  posixFs,
  inject,
  webhook,
  postgresCdc,
];
