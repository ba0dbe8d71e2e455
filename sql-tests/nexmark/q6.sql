-- Average selling price of the last sales of each seller.
CREATE MATERIALIZED VIEW q6 AS
SELECT q.id, q.seller,
  avg(q.final) OVER (
    PARTITION BY q.seller ORDER BY q.bid_date_time, q.id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW
  ) AS avg
FROM (
  SELECT
    row_number() OVER (PARTITION BY a.id, a.seller ORDER BY b.price DESC, b.date_time) AS rank,
    a.id, a.seller, b.price AS final, b.date_time AS bid_date_time
  FROM auction AS a, bid AS b
  WHERE a.id = b.auction AND b.date_time BETWEEN a.date_time AND a.expires
) AS q
WHERE q.rank <= 1;
