--@ setup
CREATE SCHEMA ops;
SET search_path = ops;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN plain AS int;
CREATE TABLE owner (id int PRIMARY KEY, age int);
INSERT INTO owner SELECT n, n FROM generate_series(1, 500) n;
CREATE TABLE t (
    id int PRIMARY KEY,
    a int,
    b varchar(20),
    c text,
    d timestamp,
    e numeric(10, 2),
    feeling mood,
    n int NOT NULL,
    doc json,
    owner_id int,
    at timestamptz,
    s text COLLATE "C",
    filled int,
    CONSTRAINT filled_ck CHECK (filled IS NOT NULL),
    CONSTRAINT id_ck CHECK (id > 0)
);
INSERT INTO t SELECT n, n, 'x', 'y', now(), 1.5, 'good', n, '{}', n, now(), 's', n
    FROM generate_series(1, 500) n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b ON t (b);
CREATE UNIQUE INDEX t_n ON t (n);
CREATE TABLE child (id int PRIMARY KEY, t_id int REFERENCES t (id));
CREATE TABLE by_key (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE by_key_0 PARTITION OF by_key FOR VALUES FROM (0) TO (10);
CREATE TABLE by_key_1 PARTITION OF by_key FOR VALUES FROM (10) TO (20);
CREATE TABLE loose (k int, v int);
INSERT INTO loose SELECT 25, 1 FROM generate_series(1, 50);
CREATE TABLE checked (k int NOT NULL, v int, CHECK (k >= 30 AND k < 40));
INSERT INTO checked SELECT 35, 1 FROM generate_series(1, 50);
CREATE TABLE with_rest (k int, v int) PARTITION BY RANGE (k);
CREATE TABLE with_rest_0 PARTITION OF with_rest FOR VALUES FROM (0) TO (10);
CREATE TABLE rest PARTITION OF with_rest DEFAULT;
INSERT INTO rest SELECT 100, 1 FROM generate_series(1, 50);
CREATE TABLE loose_2 (k int, v int);
CREATE VIEW seen AS SELECT id, n FROM t;
CREATE MATERIALIZED VIEW kept AS SELECT id, n FROM t;
CREATE UNIQUE INDEX kept_id ON kept (id);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
CREATE TRIGGER noting BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE unchecked (id int PRIMARY KEY, a int, owner_id int);
INSERT INTO unchecked SELECT n, n, n FROM generate_series(1, 500) n;
ALTER TABLE unchecked ADD CONSTRAINT unchecked_owner
    FOREIGN KEY (owner_id) REFERENCES owner (id) NOT VALID;
ALTER TABLE unchecked ADD CONSTRAINT unchecked_a CHECK (a > 0) NOT VALID;
CREATE TABLE logged (id int);
CREATE TABLE of_domain (id int, v plain);
INSERT INTO of_domain SELECT n, n FROM generate_series(1, 500) n;
CREATE TABLE slow (id int PRIMARY KEY, v int);
INSERT INTO slow VALUES (1, 1);
CREATE FUNCTION wait_for(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS $$BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN v; END$$;
CREATE INDEX slow_v ON slow (ops.wait_for(v));

--@ case add a nullable column
ALTER TABLE t ADD COLUMN z int
--@ case add a column with a constant default
ALTER TABLE t ADD COLUMN z int DEFAULT 5
--@ case add a required column with a constant default
ALTER TABLE t ADD COLUMN z int NOT NULL DEFAULT 5
--@ case add a column with a stable default
ALTER TABLE t ADD COLUMN z timestamptz DEFAULT now()
--@ case add a column with a volatile default
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z float DEFAULT random()
--@ case add a column with gen_random_uuid()
--@ blocks 12-18
--@ refused 12
ALTER TABLE t ADD COLUMN z uuid DEFAULT gen_random_uuid()
--@ case add a serial column
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z serial
--@ case add an identity column
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS IDENTITY
--@ case add a stored generated column
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a * 2) STORED
--@ case add a virtual generated column
ALTER TABLE t ADD COLUMN z int GENERATED ALWAYS AS (a * 2) VIRTUAL
--@ case add a unique column
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z int UNIQUE
--@ case add a column with a foreign key
ALTER TABLE t ADD COLUMN z int REFERENCES owner (id)
--@ case add a column with a foreign key and a default
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z int DEFAULT 1 REFERENCES owner (id)
--@ case add a column with a check
--@ blocks 12-18
ALTER TABLE t ADD COLUMN z int CHECK (z > 0)
--@ case add a column of a domain without checks
ALTER TABLE t ADD COLUMN z plain
--@ case drop a column
ALTER TABLE t DROP COLUMN c
--@ case rename a column
ALTER TABLE t RENAME COLUMN c TO c2
--@ case rename a table
ALTER TABLE t RENAME TO t2
--@ case move a table to another schema
ALTER TABLE t SET SCHEMA public
--@ case set a default
ALTER TABLE t ALTER COLUMN a SET DEFAULT 4
--@ case drop a default
ALTER TABLE t ALTER COLUMN a DROP DEFAULT
--@ case set not null without proof
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN a SET NOT NULL
--@ case set not null proved by a check
ALTER TABLE t ALTER COLUMN filled SET NOT NULL
--@ case drop not null
ALTER TABLE t ALTER COLUMN n DROP NOT NULL
--@ case int to bigint
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN a TYPE bigint
--@ case the type of a column that a view reads
--@ refused 12-18
ALTER TABLE t ALTER COLUMN n TYPE bigint
--@ case varchar to a longer one
ALTER TABLE t ALTER COLUMN b TYPE varchar(40)
--@ case varchar to text
ALTER TABLE t ALTER COLUMN b TYPE text
--@ case varchar to a shorter one
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN b TYPE varchar(10)
--@ case text to varchar
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN c TYPE varchar(20)
--@ case numeric to more digits
ALTER TABLE t ALTER COLUMN e TYPE numeric(12, 2)
--@ case numeric to another scale
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN e TYPE numeric(12, 3)
--@ case numeric without limit
ALTER TABLE t ALTER COLUMN e TYPE numeric
--@ case timestamp to timestamptz in UTC
SET LOCAL TimeZone = 'UTC';
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case timestamp to timestamptz elsewhere
--@ blocks 12-18
SET LOCAL TimeZone = 'Europe/Oslo';
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case timestamptz to timestamp in UTC
SET LOCAL TimeZone = 'UTC';
ALTER TABLE t ALTER COLUMN at TYPE timestamp
--@ case json to jsonb
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN doc TYPE jsonb
--@ case text to another collation
ALTER TABLE t ALTER COLUMN s TYPE text COLLATE "POSIX"
--@ case int to a domain without checks
ALTER TABLE t ALTER COLUMN a TYPE plain
--@ case add a check
--@ blocks 12-18
ALTER TABLE t ADD CONSTRAINT q CHECK (a > 0)
--@ case add a check that is not valid
ALTER TABLE t ADD CONSTRAINT q CHECK (a > 0) NOT VALID
--@ case validate a check
ALTER TABLE unchecked VALIDATE CONSTRAINT unchecked_a
--@ case add not null that is not valid
ALTER TABLE t ADD CONSTRAINT q NOT NULL a NOT VALID
--@ case add a foreign key
--@ blocks 12-18
ALTER TABLE t ADD CONSTRAINT q FOREIGN KEY (owner_id) REFERENCES owner (id)
--@ case add a foreign key that is not valid
ALTER TABLE t ADD CONSTRAINT q FOREIGN KEY (owner_id) REFERENCES owner (id) NOT VALID
--@ case validate a foreign key
ALTER TABLE unchecked VALIDATE CONSTRAINT unchecked_owner
--@ case drop a foreign key
ALTER TABLE child DROP CONSTRAINT child_t_id_fkey
--@ case drop a check
ALTER TABLE t DROP CONSTRAINT id_ck
--@ case make a foreign key deferrable
ALTER TABLE child ALTER CONSTRAINT child_t_id_fkey DEFERRABLE
--@ case stop enforcing a foreign key
ALTER TABLE child ALTER CONSTRAINT child_t_id_fkey NOT ENFORCED
--@ case add a unique constraint
--@ blocks 12-18
ALTER TABLE t ADD CONSTRAINT q UNIQUE (a)
--@ case add a unique constraint from an index
ALTER TABLE t ADD CONSTRAINT q UNIQUE USING INDEX t_n
--@ case another primary key on a nullable column
--@ blocks 12-18
ALTER TABLE unchecked DROP CONSTRAINT unchecked_pkey;
ALTER TABLE unchecked ADD PRIMARY KEY (a)
--@ case add an exclusion constraint
--@ blocks 12-18
ALTER TABLE t ADD CONSTRAINT q EXCLUDE USING btree (a WITH =)
--@ case create an index
--@ blocks 12-18
CREATE INDEX q ON t (c)
--@ case drop an index
DROP INDEX t_a
--@ case reindex an index
--@ blocks 12-18
REINDEX INDEX t_a
--@ case reindex a table
--@ blocks 12-18
REINDEX TABLE t
--@ case rename an index
ALTER INDEX t_a RENAME TO t_a2
--@ case set a storage option of an index
ALTER INDEX t_a SET (fillfactor = 80)
--@ case set statistics
ALTER TABLE t ALTER COLUMN a SET STATISTICS 500
--@ case set storage
ALTER TABLE t ALTER COLUMN c SET STORAGE EXTERNAL
--@ case set compression
ALTER TABLE t ALTER COLUMN c SET COMPRESSION pglz
--@ case set fillfactor
ALTER TABLE t SET (fillfactor = 80)
--@ case switch autovacuum off
ALTER TABLE t SET (autovacuum_enabled = false)
--@ case make a table unlogged
--@ blocks 12-18
ALTER TABLE logged SET UNLOGGED
--@ case set the access method that it has
ALTER TABLE t SET ACCESS METHOD heap
--@ case set the tablespace that it has
ALTER TABLE t SET TABLESPACE pg_default
--@ case cluster
--@ blocks 12-18
CLUSTER t USING t_a
--@ case replica identity
ALTER TABLE t REPLICA IDENTITY FULL
--@ case enable row security
ALTER TABLE t ENABLE ROW LEVEL SECURITY
--@ case create a policy
CREATE POLICY q ON t USING (true)
--@ case create a trigger
CREATE TRIGGER q BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()
--@ case replace a trigger
CREATE OR REPLACE TRIGGER noting BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()
--@ case drop a trigger
DROP TRIGGER noting ON t
--@ case disable a trigger
ALTER TABLE t DISABLE TRIGGER noting
--@ case create a rule
CREATE RULE q AS ON UPDATE TO t DO ALSO NOTHING
--@ case attach a partition
--@ blocks 12-18
ALTER TABLE by_key ATTACH PARTITION loose FOR VALUES FROM (20) TO (30)
--@ case attach a partition whose check proves the bounds
ALTER TABLE by_key ATTACH PARTITION checked FOR VALUES FROM (30) TO (40)
--@ case attach a partition beside a default one
--@ blocks 12-18
ALTER TABLE with_rest ATTACH PARTITION loose_2 FOR VALUES FROM (10) TO (20)
--@ case create a partition
CREATE TABLE by_key_9 PARTITION OF by_key FOR VALUES FROM (90) TO (99)
--@ case detach a partition
ALTER TABLE by_key DETACH PARTITION by_key_0
--@ case drop a partition
DROP TABLE by_key_0
--@ case drop a table with a foreign key
DROP TABLE child
--@ case truncate with what refers to it
TRUNCATE t CASCADE
--@ case create a table with a foreign key
CREATE TABLE q (id int, owner_id int REFERENCES owner (id))
--@ case create a view
CREATE VIEW q AS SELECT * FROM t
--@ case replace a view
CREATE OR REPLACE VIEW seen AS SELECT id, n FROM t
--@ case drop a view
DROP VIEW seen
--@ case refresh a materialized view
--@ blocks 12-18
REFRESH MATERIALIZED VIEW kept
--@ case refresh a materialized view beside its readers
REFRESH MATERIALIZED VIEW CONCURRENTLY kept
--@ case refresh a materialized view beside its readers twice
REFRESH MATERIALIZED VIEW CONCURRENTLY kept;
REFRESH MATERIALIZED VIEW CONCURRENTLY kept
--@ case refresh a materialized view beside its readers while a table is locked
--@ blocks 12-18
ALTER TABLE t ALTER COLUMN a SET DEFAULT NULL;
REFRESH MATERIALIZED VIEW CONCURRENTLY kept
--@ case comment on a column
COMMENT ON COLUMN t.a IS 'a'
--@ case add a value to an enum
ALTER TYPE mood ADD VALUE 'so'
--@ case rename a value of an enum
ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'
--@ case add a check to a domain
--@ blocks 12-18
ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > 0)
--@ case add a check to a domain that is not valid
ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > 0) NOT VALID
--@ case analyze
ANALYZE t
--@ case create statistics
CREATE STATISTICS q ON a, n FROM t
--@ case publish a table
CREATE PUBLICATION q FOR TABLE t
--@ case lock a table
LOCK TABLE t
--@ case alter a sequence
CREATE SEQUENCE q;
ALTER SEQUENCE q INCREMENT 2
--@ case grant
GRANT SELECT ON t TO public
--@ alone create an index concurrently
CREATE INDEX CONCURRENTLY q ON ops.t (c)
--@ alone drop an index concurrently
DROP INDEX CONCURRENTLY ops.t_a
--@ alone reindex concurrently
REINDEX INDEX CONCURRENTLY ops.t_a
--@ alone(partitions) detach a partition concurrently
ALTER TABLE ops.by_key DETACH PARTITION ops.by_key_0 CONCURRENTLY
--@ alone(share_update_exclusive) vacuum
VACUUM ops.t
--@ alone(advisory) vacuum full
--@ blocks 12-18
VACUUM FULL ops.slow
