--@ setup
CREATE SCHEMA ix;
SET search_path = ix;
CREATE TABLE t (id int PRIMARY KEY, a int, b text, j jsonb, r int4range);
INSERT INTO t SELECT n, n, 'x', '{}', int4range(n, n + 1) FROM generate_series(1, 100) n;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b_gin ON t USING gin (to_tsvector('english', b));
CREATE UNIQUE INDEX t_a_b ON t (a, b);
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
CREATE INDEX mv_a ON mv (a);
CREATE FUNCTION wait_for(v int) RETURNS int IMMUTABLE LANGUAGE plpgsql
    AS $$BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN v; END$$;
CREATE TABLE slow (id int PRIMARY KEY, v int);
INSERT INTO slow VALUES (1, 1);
CREATE INDEX slow_v ON slow (ix.wait_for(v));
CREATE TABLE bare (id int);
INSERT INTO bare VALUES (1);
CREATE SCHEMA "Other";
CREATE TABLE "Other"."T" (a int);
CREATE INDEX "I" ON "Other"."T" (a);

--@ case plain
CREATE INDEX q ON t (a)
--@ case without a name
CREATE INDEX ON t (a, b)
--@ case unique
CREATE UNIQUE INDEX q ON t (id, a)
--@ case of an expression
CREATE INDEX ON t (lower(b))
--@ case partial
CREATE INDEX q ON t (a) WHERE b IS NOT NULL
--@ case covering
CREATE INDEX q ON t (a) INCLUDE (b)
--@ case hash
CREATE INDEX q ON t USING hash (b)
--@ case gin
CREATE INDEX q ON t USING gin (j jsonb_path_ops)
--@ case gist
CREATE INDEX q ON t USING gist (r)
--@ case brin
CREATE INDEX q ON t USING brin (a) WITH (pages_per_range = 4)
--@ case spgist
CREATE INDEX q ON t USING spgist (b)
--@ case nulls not distinct
CREATE UNIQUE INDEX q ON t (id) NULLS NOT DISTINCT
--@ case if it does not exist, and it does
CREATE INDEX IF NOT EXISTS t_a ON t (a)
--@ case if it does not exist, and it does not
CREATE INDEX IF NOT EXISTS q ON t (a)
--@ case on a materialized view
CREATE INDEX q ON mv (b)
--@ case on a new table
CREATE TABLE fresh (a int);
CREATE INDEX q ON fresh (a)
--@ case on a new table that is filled
CREATE TABLE fresh AS SELECT * FROM t;
CREATE INDEX q ON fresh (a)
--@ case in another schema
CREATE INDEX "J" ON "Other"."T" (a)
--@ case drop one of another schema
DROP INDEX "Other"."I"
--@ case drop two
DROP INDEX t_a, t_a_b
--@ case drop one that is not there
DROP INDEX IF EXISTS nothing
--@ case drop one of a materialized view
DROP INDEX mv_a
--@ case rename
ALTER INDEX t_a RENAME TO q
--@ case rename as a table
ALTER TABLE t_a RENAME TO q
--@ case rename one that is not there
ALTER INDEX IF EXISTS nothing RENAME TO q
--@ case fill factor
ALTER INDEX t_a SET (fillfactor = 70)
--@ case fast update
ALTER INDEX t_b_gin SET (fastupdate = off)
--@ case reset fast update
ALTER INDEX t_b_gin RESET (fastupdate)
--@ case statistics
ALTER INDEX t_b_gin ALTER COLUMN 1 SET STATISTICS 100
--@ case tablespace
ALTER INDEX t_a SET TABLESPACE pg_default
--@ case reindex
REINDEX (VERBOSE) INDEX t_a
--@ case reindex a table
REINDEX TABLE t
--@ case reindex a materialized view
REINDEX TABLE mv
--@ case reindex a table without indexes
REINDEX TABLE bare
--@ case cluster
CLUSTER t USING t_a
--@ case cluster again
ALTER TABLE t CLUSTER ON t_a;
CLUSTER t
--@ case cluster a materialized view
CLUSTER mv USING mv_a
--@ alone create concurrently
CREATE INDEX CONCURRENTLY ON ix.t (b)
--@ alone create a unique one concurrently
CREATE UNIQUE INDEX CONCURRENTLY q ON ix.t (id, a)
--@ alone create concurrently if it does not exist
CREATE INDEX CONCURRENTLY IF NOT EXISTS q ON ix.t (b)
--@ alone drop concurrently
DROP INDEX CONCURRENTLY ix.t_a_b
--@ alone drop concurrently if it exists
DROP INDEX CONCURRENTLY IF EXISTS ix.t_a
--@ alone reindex a table concurrently
REINDEX TABLE CONCURRENTLY ix.t
--@ alone(share_update_exclusive) vacuum
VACUUM ix.t
--@ alone(share_update_exclusive) vacuum and analyze
VACUUM (ANALYZE) ix.t
--@ alone(advisory) vacuum full
VACUUM (FULL, ANALYZE) ix.slow
