-- The three tables of the benchmark as sources. The options after the table type are given by whoever runs this.
CREATE SOURCE person WITH (connector = 'nexmark', nexmark.table.type = 'Person' /*options*/);
CREATE SOURCE auction WITH (connector = 'nexmark', nexmark.table.type = 'Auction' /*options*/);
CREATE SOURCE bid WITH (connector = 'nexmark', nexmark.table.type = 'Bid' /*options*/);
