-- Bids with the time at which they come, for q12, in place of those in sources.sql.
CREATE SOURCE bid (
  auction bigint, bidder bigint, price bigint, channel varchar, url varchar, date_time timestamp, extra varchar,
  p_time timestamptz AS proctime()
) WITH (connector = 'nexmark', nexmark.table.type = 'Bid' /*options*/);
