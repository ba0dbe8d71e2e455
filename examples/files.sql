-- Files as a stream: every *.ndjson below a folder, read to the end and followed from then on.
CREATE SOURCE events (
  name text,
  at timestamp,
  value double precision,
  WATERMARK FOR at AS at - INTERVAL '1 hour'
)
WITH (connector = 'posix_fs', posix_fs.root = 'examples/events', match_pattern = '*.ndjson')
FORMAT PLAIN ENCODE JSON;

-- One row per name, however long the stream: a WARNING says that new names will add to it.
CREATE MATERIALIZED VIEW latest AS
SELECT DISTINCT ON (name) name, at, value FROM events ORDER BY name, at DESC;

SELECT name, count(*), avg(value) FROM events GROUP BY name ORDER BY name;
