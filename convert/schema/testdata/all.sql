CREATE EXTERNAL TABLE `web`.`clicks` (
  `a` boolean,
  `b` tinyint,
  `c` smallint,
  `d` int,
  `e` bigint,
  `f` float,
  `g` double,
  `h` decimal(10,2),
  `i` string,
  `j` varchar(3),
  `k` char(2),
  `l` binary,
  `m` date,
  `n` timestamp,
  `o` array<map<string,int>>,
  `p` struct<`it's`:int,`q"`:array<array<date>>>
)
STORED AS ORC
LOCATION 's3://bucket/clicks/';
