-- Auctions that have not fewer than 20 bids, or none.
CREATE MATERIALIZED VIEW q104 AS
SELECT a.id AS auction_id, a.item_name AS auction_item_name
FROM auction AS a
WHERE a.id NOT IN (SELECT b.auction FROM bid AS b GROUP BY b.auction HAVING count(*) < 20);
