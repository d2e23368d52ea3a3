--@ setup
CREATE SCHEMA dat;
SET search_path = dat;
CREATE TABLE p (id int PRIMARY KEY, x int UNIQUE);
INSERT INTO p SELECT n, n FROM generate_series(1, 1000) n;
CREATE TABLE up (a int, b text);
CREATE TABLE kid () INHERITS (up);
INSERT INTO up VALUES (1, 'a');
INSERT INTO kid VALUES (2, 'b');
CREATE VIEW vw AS SELECT * FROM up;
CREATE VIEW vv AS SELECT * FROM vw WHERE a > 0;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM vv;
CREATE UNIQUE INDEX mv_a ON mv (a);
CREATE VIEW of_mv AS SELECT * FROM mv;
CREATE TABLE fk1 (id int PRIMARY KEY, p_id int REFERENCES p (id) ON DELETE CASCADE);
CREATE TABLE fk2 (id int REFERENCES p (id));
CREATE TABLE fk3 (id int REFERENCES fk1 (id) ON DELETE SET NULL);
INSERT INTO fk1 SELECT n, n FROM generate_series(1, 5) n;
INSERT INTO fk2 VALUES (1);
INSERT INTO fk3 VALUES (1);
CREATE TABLE pt (k int, v int, f int REFERENCES p (id)) PARTITION BY RANGE (k);
CREATE TABLE pt_0 PARTITION OF pt FOR VALUES FROM (0) TO (10);
CREATE TABLE pt_default PARTITION OF pt DEFAULT;
INSERT INTO pt VALUES (1, 1, 1), (500, 1, 1);
CREATE TABLE alone (id int PRIMARY KEY, up int REFERENCES alone (id), a int);
INSERT INTO alone VALUES (1, 1, 1);
CREATE SEQUENCE sq;

--@ case select from a view
SELECT * FROM vv
--@ case select from a table with children
SELECT * FROM up
--@ case select from a materialized view
SELECT * FROM of_mv
--@ case select with a join
SELECT * FROM p JOIN up ON up.a = p.id
--@ case select in a subquery
SELECT (SELECT max(x) FROM p) FROM fk2 WHERE EXISTS (SELECT 1 FROM fk3)
--@ case select with a name for a query
WITH q AS (SELECT * FROM p) SELECT * FROM q
--@ case select a union
SELECT id FROM p UNION ALL SELECT a FROM up
--@ case select for update
SELECT * FROM p FOR UPDATE
--@ case select for share
SELECT * FROM p WHERE id = 1 FOR SHARE
--@ case select from a view for update
SELECT * FROM vw FOR UPDATE
--@ case values
VALUES (1), (2)
--@ case insert
INSERT INTO up VALUES (1, 'a')
--@ case insert what is selected
INSERT INTO up SELECT * FROM vv
--@ case insert with a foreign key
INSERT INTO fk1 VALUES (9, 9)
--@ case insert or update
INSERT INTO p VALUES (2000, 2000) ON CONFLICT (id) DO UPDATE SET x = 3
--@ case insert or nothing
INSERT INTO p VALUES (1, 2000) ON CONFLICT DO NOTHING
--@ case insert through a view
INSERT INTO vw VALUES (1, 'a')
--@ case insert into each partition
INSERT INTO pt VALUES (1, 1, 1), (100, 1, 1)
--@ case update
UPDATE up SET a = 2
--@ case update some
UPDATE p SET x = x + 5000 WHERE id = 1
--@ case update a foreign key
UPDATE fk1 SET p_id = 3
--@ case update through a view
UPDATE vw SET a = 2
--@ case update from another table
UPDATE p SET x = p.id + 9000 FROM up WHERE up.a = p.id
--@ case update partitions
UPDATE pt SET v = 2
--@ case update a key to itself
UPDATE alone SET a = 2
--@ case delete
DELETE FROM up
--@ case delete with what refers to it
DELETE FROM p WHERE id = 3
--@ case delete what sets another to null
DELETE FROM fk1 WHERE id = 1
--@ case delete from partitions
DELETE FROM pt
--@ case delete through a view
DELETE FROM vw
--@ case delete using another table
DELETE FROM fk2 USING up WHERE up.a = fk2.id
--@ case change in a name for a query
WITH q AS (DELETE FROM fk3 RETURNING *) SELECT * FROM q
--@ case move rows
WITH q AS (DELETE FROM fk3 RETURNING *) INSERT INTO alone SELECT id + 100 FROM q WHERE id > 1000
--@ case copy from
COPY up FROM '/dev/null'
--@ case copy to
COPY up TO '/dev/null'
--@ only 13-18
--@ case truncate
TRUNCATE fk3, up
--@ case truncate what is referred to
--@ refused 12-18
TRUNCATE fk1
--@ case truncate with what refers to it
TRUNCATE p CASCADE
--@ case truncate, and an index of another table
TRUNCATE fk3, up;
ALTER TABLE fk2 ADD CONSTRAINT q UNIQUE (id)
--@ case truncate, and another table written anew
TRUNCATE fk3, up;
ALTER TABLE p ALTER COLUMN x TYPE bigint
--@ case truncate itself
TRUNCATE alone RESTART IDENTITY
--@ case table as
CREATE TABLE q AS SELECT * FROM vv
--@ case select into
SELECT * INTO q FROM up
--@ case a view
CREATE VIEW q AS SELECT * FROM vv
--@ case a view over two
CREATE VIEW q AS SELECT p.* FROM p JOIN up ON up.a = p.id
--@ case replace a view
CREATE OR REPLACE VIEW vw AS SELECT * FROM up
--@ case replace a view that is not there
CREATE OR REPLACE VIEW q AS SELECT * FROM up
--@ case a materialized view
CREATE MATERIALIZED VIEW q AS SELECT * FROM vv
--@ case a materialized view, without rows
CREATE MATERIALIZED VIEW q AS SELECT * FROM vv WITH NO DATA
--@ case a materialized view that is there
CREATE MATERIALIZED VIEW IF NOT EXISTS mv AS SELECT * FROM vv
--@ case refresh
REFRESH MATERIALIZED VIEW mv
--@ case refresh to nothing
REFRESH MATERIALIZED VIEW mv WITH NO DATA
--@ case refresh beside readers
REFRESH MATERIALIZED VIEW CONCURRENTLY mv
--@ case drop a view that is read
DROP VIEW vv CASCADE
--@ case drop a view that views read
DROP VIEW vw CASCADE
--@ case drop a view that is not there
DROP VIEW IF EXISTS nothing
--@ case drop a materialized view
DROP MATERIALIZED VIEW mv CASCADE
--@ case rename a view
ALTER VIEW vw RENAME TO q
--@ case rename a column of a view
ALTER TABLE vw RENAME COLUMN a TO c
--@ case default of a view
ALTER VIEW vw ALTER COLUMN a SET DEFAULT 4
--@ case option of a view
ALTER VIEW vw SET (security_barrier = true)
--@ case schema of a view
ALTER VIEW vw SET SCHEMA public
--@ case rename a materialized view
ALTER MATERIALIZED VIEW mv RENAME TO q
--@ case option of a materialized view
ALTER MATERIALIZED VIEW mv SET (fillfactor = 50)
--@ case lock a view
LOCK TABLE vw
--@ case lock two
LOCK TABLE p, up IN ROW EXCLUSIVE MODE
--@ case lock nowait
LOCK TABLE p IN ACCESS EXCLUSIVE MODE NOWAIT
--@ case analyze a column
ANALYZE p (id)
--@ case a block
DO $$BEGIN PERFORM 1 FROM p; END$$
--@ case a block that changes
DO $$BEGIN ALTER TABLE p ADD COLUMN z int DEFAULT 4; UPDATE p SET z = 5; END$$
--@ case catalogs
SELECT relname FROM pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace;
SELECT table_name FROM information_schema.tables
--@ case a sequence
SELECT setval('sq', 5), nextval('sq')
