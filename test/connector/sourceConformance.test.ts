/** The conformance suite over source connectors; those of Kafka and PostgreSQL, which take long to start, are in files of their own. */
import { describe, expect, it } from 'vitest';
import { sourceConnectors } from '../../connector/index.ts';
import { lookupConnectors } from '../../connector/lookups.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import { conformance } from './sourceConformance.ts';
import { lookupFixtures } from './sourceConformanceLookups.ts';
import { useMillrace } from './sourceConformanceMillrace.ts';
import { innerFixtures, lightFixtures } from './sourceFixtures.ts';
import { heavyFixtures } from './sourceFixturesHeavy.ts';

it('tests every source and lookup connector', () => {
  const tested = [...lightFixtures, ...heavyFixtures, ...innerFixtures, ...lookupFixtures].map(
    (f) => f.connector,
  );
  const all = [...sourceConnectors, ...remoteConnectors, ...lookupConnectors].map((c) => c.name);
  expect([...tested].sort()).toEqual(all.sort());
});

const millrace = useMillrace();
for (const fixture of innerFixtures) {
  describe(`source ${fixture.connector}`, () => conformance(fixture, millrace, true));
}
for (const fixture of lightFixtures)
  describe(`source ${fixture.connector}`, () => conformance(fixture, millrace));
