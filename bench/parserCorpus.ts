/** Queries in the manner of TPC-H, for the parser's benchmark: joins, nested subqueries, CASE, dates. */

export const tpchQueries: readonly string[] = [
  `select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
     sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
     sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
     avg(l_quantity) as avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order
   from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
   group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus`,
  `select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
   from part, supplier, partsupp, nation, region
   where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15 and p_type like '%BRASS'
     and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE'
     and ps_supplycost = (select min(ps_supplycost) from partsupp, supplier, nation, region
       where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey
         and n_regionkey = r_regionkey and r_name = 'EUROPE')
   order by s_acctbal desc, n_name, s_name, p_partkey limit 100`,
  `select o_orderpriority, count(*) as order_count from orders
   where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month
     and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
   group by o_orderpriority order by o_orderpriority`,
  `select sum(l_extendedprice * l_discount) as revenue from lineitem
   where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year
     and l_discount between 0.06 - 0.01 and 0.06 + 0.01 and l_quantity < 24`,
  `select supp_nation, cust_nation, l_year, sum(volume) as revenue
   from (select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year,
       l_extendedprice * (1 - l_discount) as volume
     from supplier, lineitem, orders, customer, nation n1, nation n2
     where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey
       and c_nationkey = n2.n_nationkey and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY')
         or (n1.n_name = 'GERMANY' and n2.n_name = 'FRANCE'))
       and l_shipdate between date '1995-01-01' and date '1996-12-31') as shipping
   group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year`,
  `select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share
   from (select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation
     from part, supplier, lineitem, orders, customer, nation n1, nation n2, region
     where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = o_orderkey and o_custkey = c_custkey
       and c_nationkey = n1.n_nationkey and n1.n_regionkey = r_regionkey and r_name = 'AMERICA'
       and s_nationkey = n2.n_nationkey and o_orderdate between date '1995-01-01' and date '1996-12-31'
       and p_type = 'ECONOMY ANODIZED STEEL') as all_nations
   group by o_year order by o_year`,
  `select c_count, count(*) as custdist
   from (select c_custkey, count(o_orderkey) from customer left outer join orders
       on c_custkey = o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count)
   group by c_count order by custdist desc, c_count desc`,
  `with revenue (supplier_no, total_revenue) as (
     select l_suppkey, sum(l_extendedprice * (1 - l_discount)) from lineitem
     where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month group by l_suppkey)
   select s_suppkey, s_name, s_address, s_phone, total_revenue from supplier, revenue
   where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue) order by s_suppkey`,
  `select sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem, part
   where (p_partkey = l_partkey and p_brand = 'Brand#12' and p_container in ('SM CASE', 'SM BOX', 'SM PACK', 'SM PKG')
       and l_quantity >= 1 and l_quantity <= 1 + 10 and p_size between 1 and 5 and l_shipmode in ('AIR', 'AIR REG'))
     or (p_partkey = l_partkey and p_brand = 'Brand#23' and p_container in ('MED BAG', 'MED BOX', 'MED PKG', 'MED PACK')
       and l_quantity >= 10 and l_quantity <= 10 + 10 and p_size between 1 and 10 and l_shipinstruct = 'DELIVER IN PERSON')`,
  `select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal
   from (select substring(c_phone from 1 for 2) as cntrycode, c_acctbal from customer
     where substring(c_phone from 1 for 2) in ('13', '31', '23', '29', '30', '18', '17')
       and c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0.00
         and substring(c_phone from 1 for 2) in ('13', '31', '23', '29', '30', '18', '17'))
       and not exists (select * from orders where o_custkey = c_custkey)) as custsale
   group by cntrycode order by cntrycode`,
];
