-- The Nexmark auction as one stream of events each for persons, auctions and bids, and four views over them.
CREATE SOURCE person (*, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')
WITH (connector = 'nexmark', nexmark.table.type = 'Person', nexmark.event.num = '20000');
CREATE SOURCE auction (*, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')
WITH (connector = 'nexmark', nexmark.table.type = 'Auction', nexmark.event.num = '20000');
CREATE SOURCE bid (*, WATERMARK FOR date_time AS date_time - INTERVAL '4 seconds')
WITH (connector = 'nexmark', nexmark.table.type = 'Bid', nexmark.event.num = '20000');

-- Prices in euro (q1).
CREATE MATERIALIZED VIEW euro AS
SELECT auction, bidder, 0.908 * price AS price, date_time FROM bid;

-- Bids per tumbling window of a second.
CREATE MATERIALIZED VIEW bids_per_second AS
SELECT window_start, count(*) AS bids, max(price) AS highest
FROM TUMBLE(bid, date_time, INTERVAL '1 second') GROUP BY window_start;

-- Hot items: the auctions with most bids in each hopping window (q5).
CREATE MATERIALIZED VIEW hot_items AS
WITH counted AS (
  SELECT window_start, auction, count(*) AS bids
  FROM HOP(bid, date_time, INTERVAL '1 second', INTERVAL '2 seconds') GROUP BY window_start, auction
)
SELECT window_start, auction, bids FROM counted c
WHERE bids >= (SELECT max(bids) FROM counted m WHERE m.window_start = c.window_start);

-- Who sells in category 10 from Oregon, Idaho or California (q3). Nothing says for how long a person may sell, so the join
-- keeps everybody: a WARNING says so.
CREATE MATERIALIZED VIEW local_sellers AS
SELECT p.name, p.city, p.state, a.id
FROM auction a JOIN person p ON a.seller = p.id
WHERE a.category = 10 AND p.state IN ('or', 'id', 'ca');
