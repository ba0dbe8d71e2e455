/** Writes the generated pages of the SQL reference: `node scripts/writeReference.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib.ts';
import { lookupsPage } from './lookupPages.ts';
import { metricsPage } from './metricsPage.ts';
import { functionsPage, sourcesPage } from './referencePages.ts';
import { sinksPage } from './sinkPages.ts';

writeFileSync(join(root, 'docs/sql/functions.md'), functionsPage());
writeFileSync(join(root, 'docs/sql/sources.md'), sourcesPage());
writeFileSync(join(root, 'docs/sql/lookups.md'), lookupsPage());
writeFileSync(join(root, 'docs/sql/sinks.md'), sinksPage());
writeFileSync(join(root, 'docs/metrics.md'), metricsPage());
