-- What q13 looks up.
CREATE TABLE side_input (key bigint PRIMARY KEY, value varchar);
INSERT INTO side_input SELECT i, i::varchar FROM generate_series(0, 9999) AS i;
