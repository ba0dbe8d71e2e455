-- Tables that change, and views over them that follow.
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text);
CREATE TABLE orders (
  id int PRIMARY KEY,
  customer int,
  placed timestamp DEFAULT now(),
  amount numeric(10, 2) NOT NULL,
  with_tax numeric GENERATED ALWAYS AS (amount * 1.2) STORED
);

-- What every customer has spent; customers without orders too.
CREATE MATERIALIZED VIEW spending AS
SELECT c.id, c.name, c.city, count(o.id) AS orders, COALESCE(sum(o.amount), 0) AS total
FROM customers c LEFT JOIN orders o ON o.customer = c.id
GROUP BY c.id, c.name, c.city;

-- The two best customers of every city.
CREATE MATERIALIZED VIEW best_by_city AS
SELECT city, name, total, position
FROM (SELECT *, row_number() OVER (PARTITION BY city ORDER BY total DESC, id) AS position FROM spending) ranked
WHERE position <= 2;

-- Orders whose customer is not known.
CREATE MATERIALIZED VIEW orphans AS
SELECT id, amount FROM orders o WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer);

INSERT INTO customers VALUES (1, 'Ann', 'Oslo'), (2, 'Ben', 'Oslo'), (3, 'Cleo', 'Oslo'), (4, 'Dan', 'Rome');
INSERT INTO orders (id, customer, amount) VALUES (1, 1, 20), (2, 2, 35.5), (3, 4, 12), (4, 9, 5);
SELECT city, name, total FROM best_by_city ORDER BY city, position;

-- One transaction moves both views at once.
BEGIN;
UPDATE orders SET amount = amount * 10 WHERE customer = 1;
INSERT INTO customers VALUES (9, 'Eve', 'Rome');
COMMIT;
SELECT city, name, total FROM best_by_city ORDER BY city, position;
SELECT count(*) AS orphans FROM orphans;
