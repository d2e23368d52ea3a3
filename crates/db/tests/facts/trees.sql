--@ setup
CREATE SCHEMA trees;
SET search_path = trees;
CREATE TABLE p (id int PRIMARY KEY, x int UNIQUE, v varchar(10) UNIQUE);
INSERT INTO p SELECT n, n, n FROM generate_series(1, 600) n;
-- Inheritance.
CREATE TABLE up (id int, a int, b text, c int CHECK (c > 0));
CREATE TABLE kid () INHERITS (up);
CREATE TABLE grandkid (z int) INHERITS (kid);
CREATE INDEX kid_a ON kid (a);
CREATE INDEX grandkid_z ON grandkid (z);
INSERT INTO up SELECT n, n, n, n FROM generate_series(1, 10) n;
INSERT INTO kid SELECT n, n, n, n FROM generate_series(1, 10) n;
INSERT INTO grandkid SELECT n, n, n, n, n FROM generate_series(1, 10) n;
CREATE TABLE stranger (id int, a int, b text, c int CONSTRAINT up_c_check CHECK (c > 0));
CREATE VIEW of_up AS SELECT * FROM up;
-- Partitions, with an index, a foreign key both ways, a check and a trigger.
CREATE TABLE pt (
    k int, v int, f int REFERENCES p (id), CONSTRAINT pt_v_ck CHECK (v > 0)
) PARTITION BY RANGE (k);
CREATE TABLE pt_0 PARTITION OF pt FOR VALUES FROM (0) TO (10);
CREATE TABLE pt_1 PARTITION OF pt FOR VALUES FROM (10) TO (20) PARTITION BY LIST (v);
CREATE TABLE pt_1_a PARTITION OF pt_1 FOR VALUES IN (1, 2, 3);
INSERT INTO pt SELECT n, n, n FROM generate_series(1, 9) n;
INSERT INTO pt SELECT 11, 1, 1;
CREATE INDEX pt_v ON pt (v);
CREATE UNIQUE INDEX pt_kv ON pt (k, v);
CREATE TABLE to_pt (k int, v int, FOREIGN KEY (k, v) REFERENCES pt (k, v));
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
CREATE TRIGGER noting AFTER INSERT ON pt FOR EACH ROW EXECUTE FUNCTION note();
-- With a default partition.
CREATE TABLE rest (
    k int, v int, f int REFERENCES p (id), CONSTRAINT rest_v_ck CHECK (v > 0)
) PARTITION BY RANGE (k);
CREATE TABLE rest_0 PARTITION OF rest FOR VALUES FROM (0) TO (10);
CREATE TABLE rest_default PARTITION OF rest DEFAULT;
CREATE INDEX rest_v ON rest (v);
CREATE INDEX rest_f ON rest (f);
INSERT INTO rest SELECT 1, 1, 1;
INSERT INTO rest SELECT 500, 1, 1;
CREATE TABLE c1 (k int, v int, f int, CONSTRAINT rest_v_ck CHECK (v > 0));
INSERT INTO c1 VALUES (11, 1, 1);
CREATE TABLE c2 (
    k int NOT NULL, v int, f int REFERENCES p (id),
    CONSTRAINT rest_v_ck CHECK (v > 0), CONSTRAINT c2_k_ck CHECK (k >= 20 AND k < 30)
);
INSERT INTO c2 VALUES (21, 1, 1);
CREATE INDEX c2_v ON c2 (v);
CREATE INDEX c2_f ON c2 (f);
CREATE TABLE c3 (v int, k int, f int, CONSTRAINT rest_v_ck CHECK (v > 0)) PARTITION BY LIST (v);
CREATE TABLE c3_1 PARTITION OF c3 FOR VALUES IN (1);
INSERT INTO c3 VALUES (1, 30, 1);
-- The default partition is partitioned.
CREATE TABLE deep (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE deep_default PARTITION OF deep DEFAULT PARTITION BY LIST (v);
CREATE TABLE deep_default_1 PARTITION OF deep_default FOR VALUES IN (1);
CREATE TABLE deep_default_2 PARTITION OF deep_default DEFAULT;
INSERT INTO deep VALUES (100, 1), (100, 2);
CREATE TABLE n (k int, v int);
INSERT INTO n VALUES (11, 1);
CREATE TABLE worded (k int, v varchar(10), own varchar(10), f int REFERENCES p (id))
    PARTITION BY RANGE (k);
CREATE TABLE worded_0 PARTITION OF worded FOR VALUES FROM (0) TO (10);
CREATE TABLE worded_1 PARTITION OF worded FOR VALUES FROM (10) TO (20) PARTITION BY LIST (k);
CREATE TABLE worded_1_rest PARTITION OF worded_1 DEFAULT;
CREATE INDEX worded_v ON worded (v);
CREATE INDEX worded_0_own ON worded_0 (own);
INSERT INTO worded SELECT n, n, n, n FROM generate_series(1, 19) n;
CREATE TRIGGER noting AFTER INSERT ON worded FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE pointing (k int, f int REFERENCES p (id)) PARTITION BY RANGE (k);
CREATE TABLE pointing_0 PARTITION OF pointing FOR VALUES FROM (0) TO (10)
    PARTITION BY LIST (k);
CREATE TABLE pointing_0_rest PARTITION OF pointing_0 DEFAULT;
CREATE TABLE empty_parent (k int, v int) PARTITION BY RANGE (k);
-- Plain ones, to detach.
CREATE TABLE plain (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE plain_0 PARTITION OF plain FOR VALUES FROM (0) TO (10);
CREATE TABLE indexed (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE indexed_0 PARTITION OF indexed FOR VALUES FROM (0) TO (10);
CREATE INDEX indexed_v ON indexed (v);
CREATE INDEX indexed_k ON ONLY indexed (k);
CREATE INDEX indexed_0_own ON indexed_0 (k);
CREATE TABLE n2 (k int, v int);
CREATE INDEX n2_v ON n2 (v);
CREATE TABLE triggered (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE triggered_0 PARTITION OF triggered FOR VALUES FROM (0) TO (10);
CREATE TRIGGER noting AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION note();
-- Hash and list.
CREATE TABLE hp (k int PRIMARY KEY, v int) PARTITION BY HASH (k);
CREATE TABLE hp_0 PARTITION OF hp FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hp_1 (k int NOT NULL, v int);
CREATE TABLE to_hp (k int REFERENCES hp (k));
CREATE TABLE lp (k text, v int) PARTITION BY LIST (k);
CREATE TABLE lp_a PARTITION OF lp FOR VALUES IN ('a');
CREATE TABLE lp_bc (k text, v int, CHECK (k IS NOT NULL AND k IN ('b', 'c')));
CREATE TABLE lp_d (k text NOT NULL, v int, CHECK (k = 'd'));
CREATE TABLE lp_or (k text NOT NULL, v int, CHECK (k = 'e' OR k = 'f'));
CREATE TABLE lp_null (k text, v int);
CREATE TABLE lp_is_null (k text, v int, CHECK (k IS NULL));
-- Two levels with proofs.
CREATE TABLE f (k int NOT NULL, v int) PARTITION BY LIST (k);
CREATE TABLE f_12 PARTITION OF f FOR VALUES IN (1, 2) PARTITION BY RANGE (v);
CREATE TABLE f_half (k int NOT NULL, v int NOT NULL, CHECK (v >= 0 AND v < 10));
CREATE TABLE f_both (k int NOT NULL, v int NOT NULL, CHECK (v >= 0 AND v < 10), CHECK (k IN (1, 2)));
-- Dates.
CREATE TABLE days (k date, v int) PARTITION BY RANGE (k);
CREATE TABLE days_default PARTITION OF days DEFAULT;
INSERT INTO days_default VALUES ('2020-01-01', 1);
ALTER TABLE days_default ADD CONSTRAINT days_old CHECK (k IS NOT NULL AND k < '2021-01-01');
CREATE TABLE days_jan (k date NOT NULL, v int, CHECK (k BETWEEN '2022-01-01' AND '2022-01-31'));
CREATE TABLE days_open (k date NOT NULL, v int, CHECK (k >= '2022-01-01'));
CREATE TABLE days_mirrored (k date NOT NULL, v int,
    CHECK ('2022-01-01' <= k AND '2022-02-01' > k));
CREATE TABLE days_nullable (k date, v int, CHECK (k >= '2022-01-01' AND k < '2022-02-01'));
CREATE TABLE days_new (k date NOT NULL, v int);
ALTER TABLE days_new ADD CHECK (k >= '2022-01-01' AND k < '2022-02-01') NOT VALID;
-- Numbers.
CREATE TABLE nums (k numeric, v int) PARTITION BY RANGE (k);
CREATE TABLE nums_in (k numeric NOT NULL, v int, CHECK (k > 1.5 AND k < 9));
CREATE TABLE nums_neg (k numeric NOT NULL, v int, CHECK (k >= -5 AND k < -1));
CREATE TABLE wide (a int, b int, v int) PARTITION BY RANGE (a, b);
CREATE TABLE wide_n (a int, b int, v int);
-- Primary keys.
CREATE TABLE keyed (k int, v int, PRIMARY KEY (k)) PARTITION BY RANGE (k);
CREATE TABLE keyed_n (k int NOT NULL, v int);
CREATE TABLE keyed_with (k int PRIMARY KEY, v int);
-- Something to get stuck on.
CREATE FUNCTION wait_for(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS $$BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN v; END$$;
CREATE TABLE slow (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE slow_0 PARTITION OF slow FOR VALUES FROM (0) TO (10);
INSERT INTO slow VALUES (1, 1);
CREATE INDEX slow_v ON slow (trees.wait_for(v));

--@ setup 18
CREATE TABLE needed (k int NOT NULL, v int) PARTITION BY RANGE (k);
CREATE TABLE needed_1 PARTITION OF needed FOR VALUES FROM (0) TO (10) PARTITION BY LIST (v);
CREATE TABLE needed_1_a PARTITION OF needed_1 DEFAULT;
CREATE TABLE first (k int NOT NULL);
CREATE TABLE second () INHERITS (first);
CREATE TABLE third () INHERITS (second);
CREATE TABLE own (k int, CONSTRAINT own_k_not_null NOT NULL k NO INHERIT);
CREATE TABLE own_second () INHERITS (own);
CREATE TABLE own_third () INHERITS (own_second);
INSERT INTO own_third VALUES (1);

--@ case inherited: drop not null
ALTER TABLE up ALTER COLUMN a DROP NOT NULL
--@ case inherited: set not null
ALTER TABLE up ALTER COLUMN a SET NOT NULL
--@ case inherited: set not null on the table alone
ALTER TABLE ONLY up ALTER COLUMN a SET NOT NULL
--@ case inherited: set a default
ALTER TABLE up ALTER COLUMN a SET DEFAULT 4
--@ case inherited: set a default on the table alone
ALTER TABLE ONLY up ALTER COLUMN a SET DEFAULT 4
--@ case inherited: statistics
ALTER TABLE up ALTER COLUMN a SET STATISTICS 4
--@ case inherited: storage
ALTER TABLE up ALTER COLUMN a SET STORAGE PLAIN
--@ case inherited: compression
ALTER TABLE up ALTER COLUMN b SET COMPRESSION pglz
--@ case inherited: options of a column
ALTER TABLE up ALTER COLUMN a SET (n_distinct = 5)
--@ case inherited: add a unique constraint
ALTER TABLE up ADD CONSTRAINT q UNIQUE (a)
--@ case inherited: add a primary key
ALTER TABLE up ADD PRIMARY KEY (a)
--@ case inherited: add a primary key on the table alone
--@ refused 18
ALTER TABLE ONLY up ADD PRIMARY KEY (a)
--@ case inherited: add a check
ALTER TABLE up ADD CONSTRAINT q CHECK (a > 0)
--@ case inherited: add a check that is not valid
ALTER TABLE up ADD CONSTRAINT q CHECK (a > 0) NOT VALID
--@ case inherited: add a check and validate it
ALTER TABLE up ADD CONSTRAINT q CHECK (a > 0) NOT VALID;
ALTER TABLE up VALIDATE CONSTRAINT q
--@ case inherited: add a check that children do not get
ALTER TABLE up ADD CONSTRAINT q CHECK (a > 0) NO INHERIT
--@ case inherited: add a check to the table alone
--@ refused 12-18
ALTER TABLE ONLY up ADD CONSTRAINT q CHECK (a > 0)
--@ case inherited: add a check to the table alone that children do not get
ALTER TABLE ONLY up ADD CONSTRAINT q CHECK (a > 0) NO INHERIT
--@ case inherited: drop a check
ALTER TABLE up DROP CONSTRAINT up_c_check
--@ case inherited: rename a check
ALTER TABLE up RENAME CONSTRAINT up_c_check TO q
--@ case inherited: add a foreign key
ALTER TABLE up ADD CONSTRAINT q FOREIGN KEY (a) REFERENCES p
--@ case inherited: add a column
ALTER TABLE up ADD COLUMN y int
--@ case inherited: add a column with a volatile default
ALTER TABLE up ADD COLUMN y int DEFAULT random() * 3
--@ case inherited: add a column that a child has
ALTER TABLE kid ADD COLUMN z int
--@ case inherited: add a column with a sequence that a child has
ALTER TABLE kid ADD COLUMN z serial
--@ case inherited: add a column with a volatile default that a child has
ALTER TABLE up ADD COLUMN z int DEFAULT random() * 3
--@ case inherited: add a column that a child has of another type
--@ refused 12-18
ALTER TABLE up ADD COLUMN z text
--@ case inherited: add a required column that a child has
ALTER TABLE up ADD COLUMN z int NOT NULL DEFAULT 3
--@ case inherited: add a column with a check that a child has
ALTER TABLE up ADD COLUMN z int CHECK (z > 0)
--@ case inherited: add a column with a default and a check that a child has
ALTER TABLE up ADD COLUMN IF NOT EXISTS z int DEFAULT random() * 3 + 1 CHECK (z > 0)
--@ case inherited: drop a column that a view reads
--@ refused 12-18
ALTER TABLE up DROP COLUMN a
--@ case inherited: drop a column with the view that reads it
ALTER TABLE up DROP COLUMN b CASCADE
--@ case inherited: rename a column
ALTER TABLE up RENAME COLUMN c TO cc
--@ case inherited: rename a table
ALTER TABLE up RENAME TO upper_one
--@ case inherited: change a type
ALTER TABLE up ALTER COLUMN c TYPE bigint
--@ refused 12-18
--@ case inherited: change a type with the view gone
DROP VIEW of_up;
ALTER TABLE up ALTER COLUMN a TYPE bigint
--@ case inherited: change the type of an inherited column
--@ refused 12-18
ALTER TABLE kid ALTER COLUMN a TYPE bigint
--@ case inherited: change the type of a child's own column
ALTER TABLE grandkid ALTER COLUMN z TYPE bigint
--@ case inherited: end it
ALTER TABLE kid NO INHERIT up
--@ case inherited: begin it
ALTER TABLE stranger INHERIT up
--@ case inherited: truncate
TRUNCATE up
--@ case inherited: drop a table with its children
DROP TABLE up CASCADE
--@ case inherited: drop a child with its children
DROP TABLE kid CASCADE
--@ case inherited: index
CREATE INDEX ON up (a)
--@ case inherited: lock
LOCK TABLE up IN SHARE MODE
--@ case inherited: analyze
ANALYZE up
--@ case inherited: publish
CREATE PUBLICATION q FOR TABLE up
--@ case inherited: make a child
CREATE TABLE q () INHERITS (up)
--@ case inherited: row security
ALTER TABLE up ENABLE ROW LEVEL SECURITY
--@ case inherited: reindex
REINDEX TABLE up

--@ case partitioned: disable a trigger
ALTER TABLE pt DISABLE TRIGGER noting
--@ case partitioned: disable a trigger on the table alone
ALTER TABLE ONLY pt DISABLE TRIGGER noting
--@ case partitioned: enable all triggers
ALTER TABLE pt ENABLE TRIGGER ALL
--@ case partitioned: enable the triggers of users
--@ refused 12
ALTER TABLE pt ENABLE TRIGGER USER
--@ case partitioned: enable the triggers of users of a partition with partitions
ALTER TABLE pt_1 ENABLE TRIGGER USER
--@ case partitioned: disable all triggers of a partition with partitions
ALTER TABLE pt_1 DISABLE TRIGGER ALL
--@ case partitioned: disable a trigger of a partition with partitions
ALTER TABLE pt_1 DISABLE TRIGGER noting
--@ case partitioned: create a trigger for rows
CREATE TRIGGER q AFTER INSERT ON pt FOR EACH ROW EXECUTE FUNCTION note()
--@ case partitioned: create a trigger for statements
CREATE TRIGGER q AFTER INSERT ON pt FOR EACH STATEMENT EXECUTE FUNCTION note()
--@ case partitioned: drop a trigger
DROP TRIGGER noting ON pt
--@ case partitioned: rename a trigger
ALTER TRIGGER noting ON pt RENAME TO q
--@ case partitioned: add a check
ALTER TABLE pt ADD CONSTRAINT q CHECK (v > 0)
--@ case partitioned: add a check that is not valid
ALTER TABLE pt ADD CONSTRAINT q CHECK (v > 0) NOT VALID
--@ case partitioned: add a check to the table alone
--@ refused 12-18
ALTER TABLE ONLY pt ADD CONSTRAINT q CHECK (v > 0)
--@ case partitioned: add a check to a partition
ALTER TABLE pt_0 ADD CONSTRAINT q CHECK (v > 0)
--@ case partitioned: drop a check
ALTER TABLE pt DROP CONSTRAINT pt_v_ck
--@ case partitioned: rename a check
ALTER TABLE pt RENAME CONSTRAINT pt_v_ck TO q
--@ case partitioned: add a foreign key
ALTER TABLE pt ADD CONSTRAINT q FOREIGN KEY (v) REFERENCES p
--@ case partitioned: add a foreign key that is not valid
ALTER TABLE pt ADD CONSTRAINT q FOREIGN KEY (v) REFERENCES p NOT VALID
--@ case partitioned: validate a foreign key
ALTER TABLE pt ADD CONSTRAINT q FOREIGN KEY (v) REFERENCES p NOT VALID;
ALTER TABLE pt VALIDATE CONSTRAINT q
--@ case partitioned: drop a foreign key
ALTER TABLE pt DROP CONSTRAINT pt_f_fkey
--@ case partitioned: rename a foreign key
ALTER TABLE pt RENAME CONSTRAINT pt_f_fkey TO q
--@ case partitioned: make a foreign key deferrable
ALTER TABLE pt ALTER CONSTRAINT pt_f_fkey DEFERRABLE
--@ case partitioned: make a foreign key of the table alone deferrable
--@ refused 18
ALTER TABLE ONLY pt ALTER CONSTRAINT pt_f_fkey DEFERRABLE
--@ case partitioned: validate a check after a partition was renamed
ALTER TABLE pt ADD CONSTRAINT q CHECK (v > 0) NOT VALID;
ALTER TABLE pt_0 RENAME TO other;
ALTER TABLE pt VALIDATE CONSTRAINT q
--@ case partitioned: drop a foreign key to it
ALTER TABLE to_pt DROP CONSTRAINT to_pt_k_v_fkey
--@ case partitioned: make a foreign key to it deferrable
ALTER TABLE to_pt ALTER CONSTRAINT to_pt_k_v_fkey DEFERRABLE
--@ case partitioned: add a foreign key to it
ALTER TABLE n ADD CONSTRAINT q FOREIGN KEY (k, v) REFERENCES pt (k, v)
--@ case partitioned: a new table with a foreign key to it
CREATE TABLE q (k int REFERENCES hp)
--@ case partitioned: drop a table with a foreign key to it
DROP TABLE to_pt
--@ case partitioned: add a unique constraint
ALTER TABLE pt ADD CONSTRAINT q UNIQUE (k, v)
--@ case partitioned: add a primary key
ALTER TABLE pt ADD PRIMARY KEY (k, v)
--@ case partitioned: add a primary key to a partition
ALTER TABLE pt_0 ADD PRIMARY KEY (k, v)
--@ case partitioned: rename a column
ALTER TABLE pt RENAME COLUMN v TO w
--@ case partitioned: rename a table
ALTER TABLE pt RENAME TO q
--@ case partitioned: move to another schema
ALTER TABLE pt SET SCHEMA public
--@ case partitioned: another owner
CREATE ROLE trees_owner;
ALTER TABLE pt OWNER TO trees_owner
--@ case partitioned: set a tablespace
ALTER TABLE pt SET TABLESPACE pg_default
--@ case partitioned: set an access method
--@ refused 15-16
ALTER TABLE pt SET ACCESS METHOD heap
--@ case partitioned: change a type
ALTER TABLE pt ALTER COLUMN f TYPE bigint
--@ case partitioned: set not null
ALTER TABLE pt ALTER COLUMN f SET NOT NULL
--@ case partitioned: add a column
ALTER TABLE pt ADD COLUMN z int
--@ case partitioned: add a column with a constant default
ALTER TABLE pt ADD COLUMN z int DEFAULT 3
--@ case partitioned: add a required column with a constant default
ALTER TABLE pt ADD COLUMN z int NOT NULL DEFAULT 3
--@ case partitioned: add a column with a volatile default
ALTER TABLE pt ADD COLUMN z int DEFAULT random()
--@ case partitioned: add a column with a foreign key
ALTER TABLE pt ADD COLUMN z int REFERENCES p
--@ case partitioned: add a column with a foreign key and a default
ALTER TABLE pt ADD COLUMN z int DEFAULT 1 REFERENCES p
--@ case partitioned: add a column with a check
ALTER TABLE pt ADD COLUMN z int CHECK (z > 0)
--@ case partitioned: add an identity column
--@ refused 12-16
ALTER TABLE pt ADD COLUMN z int GENERATED ALWAYS AS IDENTITY
--@ case partitioned: drop a column
ALTER TABLE pt DROP COLUMN f
--@ case partitioned: index
CREATE INDEX ON pt (f)
--@ case partitioned: index on the table alone
CREATE INDEX ON ONLY pt (f)
--@ case partitioned: index that is there already
CREATE INDEX q ON indexed (k)
--@ case partitioned: drop an index
DROP INDEX pt_v
--@ case partitioned: drop an index that a foreign key needs
DROP INDEX pt_kv CASCADE
--@ case partitioned: drop an index of a partition
--@ refused 12-18
DROP INDEX indexed_0_v_idx
--@ case partitioned: rename an index
ALTER INDEX indexed_v RENAME TO q
--@ case partitioned: attach an index
ALTER INDEX indexed_k ATTACH PARTITION indexed_0_own
--@ case partitioned: reindex
--@ refused 14-18
REINDEX TABLE pt
--@ case partitioned: reindex a partition
REINDEX TABLE pt_0
--@ case partitioned: reindex an index
--@ refused 14-18
REINDEX INDEX pt_v
--@ case partitioned: reindex an index of a partition
REINDEX INDEX pt_0_v_idx
--@ alone(advisory) partitioned: reindex outside of a transaction
--@ only 14-18
REINDEX TABLE trees.slow
--@ case partitioned: drop a check from the table alone
--@ refused 12-17
ALTER TABLE ONLY pt DROP CONSTRAINT pt_v_ck
--@ case partitioned: drop a foreign key from the table alone
ALTER TABLE ONLY pt DROP CONSTRAINT pt_f_fkey
--@ case partitioned: drop a required value that has a name, from the table alone
--@ only 18-18
ALTER TABLE pt ALTER COLUMN v SET NOT NULL;
ALTER TABLE ONLY pt DROP CONSTRAINT pt_v_not_null
--@ case partitioned: a required value is the table's own
--@ only 18-18
ALTER TABLE needed ALTER CONSTRAINT needed_k_not_null NO INHERIT
--@ case inherited: drop a required value that has a name, from the table alone
--@ only 18-18
ALTER TABLE ONLY first DROP CONSTRAINT first_k_not_null
--@ case inherited: drop a required value that has a name
--@ only 18-18
ALTER TABLE first DROP CONSTRAINT first_k_not_null
--@ case inherited: rename a required value that has a name, of the table alone
--@ refused 18
--@ only 18-18
ALTER TABLE ONLY first RENAME CONSTRAINT first_k_not_null TO other
--@ case inherited: a required value is the table's own
--@ only 18-18
ALTER TABLE first ALTER CONSTRAINT first_k_not_null NO INHERIT
--@ case inherited: a required value is not the table's own any more
--@ only 18-18
ALTER TABLE own ALTER CONSTRAINT own_k_not_null INHERIT
--@ case partitioned: truncate
TRUNCATE pt CASCADE
--@ case partitioned: truncate what is referred to
--@ refused 12-18
TRUNCATE pt
--@ case partitioned: lock
LOCK TABLE pt
--@ case partitioned: analyze
ANALYZE pt
--@ case partitioned: publish
CREATE PUBLICATION q FOR TABLE pt
--@ case partitioned: comment on a constraint
COMMENT ON CONSTRAINT pt_v_ck ON pt IS 'v'
--@ case partitioned: row security
ALTER TABLE pt ENABLE ROW LEVEL SECURITY
--@ case partitioned: policy
CREATE POLICY q ON pt USING (true)
--@ case partitioned: grant
GRANT SELECT ON pt TO public
--@ case partitioned: grant on a column
GRANT SELECT (k) ON pt TO public
--@ case partitioned: revoke
REVOKE SELECT ON pt FROM public
--@ case partitioned: drop all
DROP TABLE pt CASCADE
--@ case partitioned: drop a partition
DROP TABLE rest_0
--@ case partitioned: drop the default partition
DROP TABLE rest_default
--@ case partitioned: drop a partition that is referred to
--@ refused 12-18
DROP TABLE hp_0
--@ case partitioned: drop one of a list
DROP TABLE lp_a
--@ case partitioned: update
UPDATE rest SET v = 2
--@ case partitioned: delete
DELETE FROM rest
--@ case partitioned: select
SELECT * FROM rest
--@ case partitioned: insert into each
INSERT INTO rest VALUES (1, 1, 1), (100, 1, 1)

--@ case attach: with an index, a foreign key and a default partition
ALTER TABLE rest ATTACH PARTITION c1 FOR VALUES FROM (10) TO (20)
--@ case attach: what has all of that already
ALTER TABLE rest ATTACH PARTITION c2 FOR VALUES FROM (20) TO (30)
--@ case attach: one that is partitioned
ALTER TABLE rest ATTACH PARTITION c3 FOR VALUES FROM (30) TO (40)
--@ case attach: beside a default partition that is partitioned
ALTER TABLE deep ATTACH PARTITION n FOR VALUES FROM (10) TO (20)
--@ case attach: as the first, for the rest
ALTER TABLE empty_parent ATTACH PARTITION n DEFAULT
--@ case attach: for the rest
ALTER TABLE plain ATTACH PARTITION n DEFAULT
--@ case attach: plainly
ALTER TABLE plain ATTACH PARTITION n FOR VALUES FROM (10) TO (20)
--@ case attach: some indexes are there
ALTER TABLE indexed ATTACH PARTITION n2 FOR VALUES FROM (111) TO (120)
--@ case attach: hash
ALTER TABLE hp ATTACH PARTITION hp_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)
--@ case attach: list, proved
ALTER TABLE lp ATTACH PARTITION lp_bc FOR VALUES IN ('b', 'c')
--@ case attach: longer list, proved
ALTER TABLE lp ATTACH PARTITION lp_bc FOR VALUES IN ('b', 'c', 'e')
--@ case attach: shorter list
ALTER TABLE lp ATTACH PARTITION lp_bc FOR VALUES IN ('b')
--@ case attach: list of one, proved
ALTER TABLE lp ATTACH PARTITION lp_d FOR VALUES IN ('d')
--@ case attach: list of two, proved by one
ALTER TABLE lp ATTACH PARTITION lp_d FOR VALUES IN ('d', 'x')
--@ case attach: list, proved by an or
ALTER TABLE lp ATTACH PARTITION lp_or FOR VALUES IN ('e', 'f', 'g')
--@ case attach: list with null
ALTER TABLE lp ATTACH PARTITION lp_null FOR VALUES IN (NULL)
--@ case attach: list with null, proved
ALTER TABLE lp ATTACH PARTITION lp_is_null FOR VALUES IN (NULL, 'z')
--@ case attach: list, for the rest
ALTER TABLE lp ATTACH PARTITION lp_null DEFAULT
--@ case attach: to a partition, half proved
ALTER TABLE f_12 ATTACH PARTITION f_half FOR VALUES FROM (0) TO (10)
--@ case attach: to a partition, proved
ALTER TABLE f_12 ATTACH PARTITION f_both FOR VALUES FROM (0) TO (10)
--@ case attach: dates, proved on both sides
ALTER TABLE days ATTACH PARTITION days_jan FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: dates, not far enough
ALTER TABLE days ATTACH PARTITION days_jan FOR VALUES FROM ('2022-01-01') TO ('2022-01-31')
--@ case attach: dates, half open
ALTER TABLE days ATTACH PARTITION days_open FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: dates, open bound
ALTER TABLE days ATTACH PARTITION days_open FOR VALUES FROM ('2021-01-01') TO (MAXVALUE)
--@ case attach: dates, the other way round
ALTER TABLE days ATTACH PARTITION days_mirrored FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: dates that may be null
ALTER TABLE days ATTACH PARTITION days_nullable FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: dates, not valid
ALTER TABLE days ATTACH PARTITION days_new FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: after validating
ALTER TABLE days_new VALIDATE CONSTRAINT days_new_k_check;
ALTER TABLE days ATTACH PARTITION days_new FOR VALUES FROM ('2022-01-01') TO ('2022-02-01')
--@ case attach: numbers, proved
ALTER TABLE nums ATTACH PARTITION nums_in FOR VALUES FROM (1) TO (9.0)
--@ case attach: numbers, not proved
ALTER TABLE nums ATTACH PARTITION nums_in FOR VALUES FROM (2) TO (9.0)
--@ case attach: negative numbers, proved
ALTER TABLE nums ATTACH PARTITION nums_neg FOR VALUES FROM (-5) TO (-1)
--@ case attach: two keys
ALTER TABLE wide ATTACH PARTITION wide_n FOR VALUES FROM (1, 1) TO (2, 2)
--@ case attach: primary key
ALTER TABLE keyed ATTACH PARTITION keyed_n FOR VALUES FROM (0) TO (10)
--@ case attach: primary key that is there
ALTER TABLE keyed ATTACH PARTITION keyed_with FOR VALUES FROM (0) TO (10)

--@ case make a partition: with an index, a foreign key and a default partition
CREATE TABLE q PARTITION OF rest FOR VALUES FROM (10) TO (20)
--@ case make a partition: that is partitioned
CREATE TABLE q PARTITION OF rest FOR VALUES FROM (10) TO (20) PARTITION BY LIST (v)
--@ case make a partition: that is referred to
CREATE TABLE q PARTITION OF hp FOR VALUES WITH (MODULUS 4, REMAINDER 1)
--@ case make a partition: of a list
CREATE TABLE q PARTITION OF lp FOR VALUES IN ('z')
--@ case make a partition: for the rest
CREATE TABLE q PARTITION OF lp DEFAULT
--@ case make a partition: the default one is partitioned
CREATE TABLE q PARTITION OF deep FOR VALUES FROM (10) TO (20)
--@ case make a partition: the default one is proved not to have its rows
CREATE TABLE q PARTITION OF days FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')
--@ case make a partition: the default one may have its rows
CREATE TABLE q PARTITION OF days FOR VALUES FROM ('2020-06-01') TO ('2022-01-01')
--@ case make a partition: of a partition
CREATE TABLE q PARTITION OF pt_1 FOR VALUES IN (9)

--@ case detach: with an index, a foreign key and a default partition
ALTER TABLE rest DETACH PARTITION rest_0
--@ case detach: the default partition
ALTER TABLE rest DETACH PARTITION rest_default
--@ case detach: one that is referred to
ALTER TABLE hp DETACH PARTITION hp_0
--@ case detach: plainly
ALTER TABLE plain DETACH PARTITION plain_0
--@ case detach: with an index
ALTER TABLE indexed DETACH PARTITION indexed_0
--@ case detach: with a trigger
ALTER TABLE triggered DETACH PARTITION triggered_0
--@ alone(partitions) detach: concurrently, with an index
ALTER TABLE trees.indexed DETACH PARTITION trees.indexed_0 CONCURRENTLY
--@ case an indexed column of partitions becomes a wider varchar
ALTER TABLE worded ALTER COLUMN v TYPE varchar(20)
--@ case an indexed column of partitions becomes text
ALTER TABLE worded ALTER COLUMN v TYPE text USING v::text
--@ case an indexed column of partitions becomes one of nothing
ALTER TABLE worded ALTER COLUMN v TYPE text USING NULL
--@ case an indexed column beside that of partitions becomes wider
ALTER TABLE worded ALTER COLUMN own TYPE varchar(20)
--@ case a partition of partitions with a trigger and a foreign key is detached
ALTER TABLE worded DETACH PARTITION worded_1
--@ case a partition of partitions with a foreign key is dropped
DROP TABLE worded_1
--@ case triggers of partitions that have none
ALTER TABLE empty_parent ENABLE TRIGGER ALL
--@ case a column of the parent alone is dropped
ALTER TABLE ONLY up DROP COLUMN b CASCADE
--@ case a check of the parent alone is dropped
ALTER TABLE ONLY up DROP CONSTRAINT up_c_check
--@ case a partition of partitions with a foreign key is detached
ALTER TABLE pointing DETACH PARTITION pointing_0
--@ case an identity of partitions that is not there goes
ALTER TABLE pointing ALTER COLUMN k DROP IDENTITY IF EXISTS
--@ case an index like one that partitions have
CREATE INDEX ON worded (v)
--@ case triggers of users where only foreign keys have some
ALTER TABLE pointing DISABLE TRIGGER USER
--@ case triggers for statements
CREATE TRIGGER whole AFTER INSERT ON pointing FOR EACH STATEMENT EXECUTE FUNCTION note();
ALTER TABLE pointing DISABLE TRIGGER USER
--@ case a trigger for statements beside one for rows
CREATE TRIGGER whole AFTER INSERT ON pt FOR EACH STATEMENT EXECUTE FUNCTION note();
ALTER TABLE pt DISABLE TRIGGER whole
--@ case a trigger for statements
CREATE TRIGGER whole AFTER INSERT ON empty_parent FOR EACH STATEMENT EXECUTE FUNCTION note();
ALTER TABLE empty_parent DISABLE TRIGGER whole
--@ case triggers of foreign keys of partitions
ALTER TABLE pointing DISABLE TRIGGER ALL
