/** Options of remote sources that are the server's, not a connector's. */
import type { OptionSpec } from '../../connector/connector.ts';

/** Of sources only: a table keeps its rows, or has `ttl`. */
export const retentionOption: OptionSpec = {
  name: 'retention',
  type: 'string',
  doc: 'How long rows are kept for views that are made later, such as `7 days`; by default for ever. Views keep what they made of rows that have gone.',
};
