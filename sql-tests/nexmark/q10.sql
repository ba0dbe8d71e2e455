-- Bids with their date and time as text.
CREATE MATERIALIZED VIEW q10 AS
SELECT auction, bidder, price, date_time,
  to_char(date_time, 'YYYY-MM-DD') AS date, to_char(date_time, 'HH:MI') AS time
FROM bid;
