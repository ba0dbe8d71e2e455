/** The conformance suite over every sink connector; Kafka's, which takes long to start, is in a file of its own. */
import { describe, expect, it } from 'vitest';
import { sinkConnectors } from '../../connector/sinks.ts';
import { conformance } from './sinkConformance.ts';
import { sinkFixtures } from './sinkFixtures.ts';

it('tests every sink connector', () => {
  const untested = sinkConnectors.filter((c) => !sinkFixtures.some((f) => f.connector === c.name));
  expect(untested.map((c) => c.name)).toEqual([]);
});

for (const fixture of sinkFixtures) {
  if (fixture.connector !== 'kafka') describe(`sink ${fixture.connector}`, () => conformance(fixture));
}
