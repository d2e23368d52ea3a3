--@ setup
CREATE SCHEMA oth;
SET search_path = oth;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN plain AS int;
CREATE DOMAIN over_plain AS plain;
CREATE DOMAIN in_array AS int;
CREATE DOMAIN checked AS int CHECK (value > 0);
CREATE DOMAIN required AS int NOT NULL;
CREATE TABLE p (id int PRIMARY KEY, x int);
INSERT INTO p SELECT n, n FROM generate_series(1, 50) n;
CREATE TABLE td (id int, v plain, w over_plain, x checked, m mood);
INSERT INTO td (id) SELECT n FROM generate_series(1, 50) n;
CREATE TABLE td2 (w over_plain);
CREATE TABLE td3 (arr in_array[]);
CREATE TABLE td4 (v plain) PARTITION BY RANGE (v);
CREATE TABLE td4_0 PARTITION OF td4 FOR VALUES FROM (0) TO (10);
CREATE TABLE of_pair (c pair);
CREATE SEQUENCE sq;
CREATE TABLE own (id serial PRIMARY KEY, a int DEFAULT nextval('sq'), b int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
CREATE TRIGGER noting BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION note();
CREATE RULE ruling AS ON UPDATE TO own DO ALSO NOTHING;
CREATE POLICY watching ON p USING (true);
CREATE VIEW vw AS SELECT * FROM p;
CREATE STATISTICS stats ON id, x FROM p;
CREATE PUBLICATION pub FOR TABLE p;
CREATE TABLE "Mixed Case" ("Id" int PRIMARY KEY, "Other" int REFERENCES p (id));
CREATE SCHEMA inner_one;
CREATE TABLE inner_one.t (id int PRIMARY KEY, p_id int REFERENCES p (id));
CREATE VIEW inner_one.v AS SELECT * FROM p;
CREATE TABLE fk (id int, p_id int, CONSTRAINT fk_p FOREIGN KEY (p_id) REFERENCES p (id));

--@ case domain: add a check
ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > 0)
--@ case domain: over another, add a check
ALTER DOMAIN over_plain ADD CONSTRAINT q CHECK (value > 0)
--@ case domain: in an array
--@ refused 12-18
ALTER DOMAIN in_array ADD CONSTRAINT q CHECK (value > 0)
--@ case domain: not valid
ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > 0) NOT VALID
--@ case domain: not valid, and validated
ALTER DOMAIN plain ADD CONSTRAINT q CHECK (value > 0) NOT VALID;
ALTER DOMAIN plain VALIDATE CONSTRAINT q
--@ case domain: required
DELETE FROM td;
DELETE FROM td2;
ALTER DOMAIN over_plain SET NOT NULL
--@ case domain: not required
ALTER DOMAIN required DROP NOT NULL
--@ case domain: drop a check
ALTER DOMAIN checked DROP CONSTRAINT checked_check
--@ case domain: default
ALTER DOMAIN plain SET DEFAULT 3
--@ case domain: rename
ALTER DOMAIN plain RENAME TO q
--@ case domain: make
CREATE DOMAIN q AS int CHECK (value > 0)
--@ case domain: drop
DROP DOMAIN required
--@ case domain: drop with columns
DROP DOMAIN over_plain CASCADE
--@ case enum: add
ALTER TYPE mood ADD VALUE 'so' BEFORE 'bad'
--@ case enum: add if it is not there
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'good'
--@ case enum: rename a value
ALTER TYPE mood RENAME VALUE 'good' TO 'best'
--@ case enum: rename
ALTER TYPE mood RENAME TO q
--@ case enum: drop
--@ refused 12-18
DROP TYPE mood
--@ case enum: drop with columns
DROP TYPE mood CASCADE
--@ case enum: make
CREATE TYPE q AS ENUM ('a', 'b')
--@ case composite: make
CREATE TYPE q AS (a int)
--@ case composite: drop with columns
DROP TYPE pair CASCADE
--@ case composite: rename
ALTER TYPE pair RENAME TO q
--@ case table: plain
CREATE TABLE q (id int PRIMARY KEY, a int UNIQUE, m mood, CHECK (a > 0))
--@ case table: that is there
CREATE TABLE IF NOT EXISTS p (id int REFERENCES own (id))
--@ case table: like another
CREATE TABLE q (LIKE p INCLUDING ALL)
--@ case table: with a foreign key to itself
CREATE TABLE q (id int PRIMARY KEY, up int REFERENCES q)
--@ case table: with two foreign keys
CREATE TABLE q (id int REFERENCES p, o int, FOREIGN KEY (o) REFERENCES own (id))
--@ case table: of a type
CREATE TABLE q OF pair
--@ case table: temporary
CREATE TEMPORARY TABLE q (id int)
--@ case table: in another schema
CREATE TABLE inner_one.q (id int REFERENCES p)
--@ case table: made, filled and changed
CREATE TABLE q (id int);
INSERT INTO q SELECT id FROM p;
ALTER TABLE q ALTER COLUMN id TYPE bigint;
ALTER TABLE q ADD CHECK (id > 0);
ALTER TABLE q ADD FOREIGN KEY (id) REFERENCES own (id) NOT VALID;
CREATE INDEX ON q (id)
--@ case table: made and looked up in
CREATE TABLE q (id int PRIMARY KEY);
INSERT INTO q SELECT id FROM p;
ALTER TABLE p ADD FOREIGN KEY (id) REFERENCES q
--@ case table: drop
DROP TABLE td2
--@ case table: drop one that is not there
DROP TABLE IF EXISTS nothing
--@ case table: drop two
DROP TABLE td2, td3
--@ case table: drop what is read and referred to
DROP TABLE p CASCADE
--@ case table: drop what is referred to
--@ refused 12-18
DROP TABLE p
--@ case table: drop a quoted one
DROP TABLE "Mixed Case"
--@ case table: rename a quoted one
ALTER TABLE "Mixed Case" RENAME TO q
--@ case table: a quoted foreign key
ALTER TABLE "Mixed Case" DROP CONSTRAINT "Mixed Case_Other_fkey"
--@ case schema: make
CREATE SCHEMA q
--@ case schema: make with a table
CREATE SCHEMA q CREATE TABLE t (id int)
--@ case schema: rename
ALTER SCHEMA inner_one RENAME TO q
--@ case schema: drop
DROP SCHEMA inner_one CASCADE
--@ case sequence: make
CREATE SEQUENCE q
--@ case sequence: that goes with a column
CREATE SEQUENCE q OWNED BY p.id
--@ case sequence: goes with a column from now on
ALTER SEQUENCE sq OWNED BY p.id
--@ case sequence: change
ALTER SEQUENCE sq INCREMENT 3
--@ case sequence: drop
--@ refused 12-18
DROP SEQUENCE sq
--@ case sequence: drop with the default
DROP SEQUENCE sq CASCADE
--@ case function: make
CREATE FUNCTION q() RETURNS int LANGUAGE sql AS 'SELECT 1'
--@ case function: replace
CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN old; END$$
--@ case function: rename
ALTER FUNCTION note() RENAME TO q
--@ case trigger: make
CREATE TRIGGER q AFTER INSERT ON p FOR EACH STATEMENT EXECUTE FUNCTION note()
--@ case trigger: of a constraint
CREATE CONSTRAINT TRIGGER q AFTER INSERT ON own FROM p FOR EACH ROW EXECUTE FUNCTION note()
--@ case trigger: on a view
CREATE TRIGGER q INSTEAD OF INSERT ON vw FOR EACH ROW EXECUTE FUNCTION note()
--@ case trigger: drop
DROP TRIGGER noting ON p
--@ case trigger: drop one that is not there
DROP TRIGGER IF EXISTS nothing ON p
--@ case trigger: rename
ALTER TRIGGER noting ON p RENAME TO q
--@ case trigger: disable all
ALTER TABLE p DISABLE TRIGGER USER
--@ case rule: drop
DROP RULE ruling ON own
--@ case rule: rename
ALTER RULE ruling ON own RENAME TO q
--@ case rule: disable
ALTER TABLE own DISABLE RULE ruling
--@ case policy: change
ALTER POLICY watching ON p USING (false)
--@ case policy: rename
ALTER POLICY watching ON p RENAME TO q
--@ case policy: drop
DROP POLICY watching ON p
--@ case statistics: make
CREATE STATISTICS q (dependencies) ON id, x FROM p
--@ case publication: add a table
ALTER PUBLICATION pub ADD TABLE own
--@ case publication: of everything
CREATE PUBLICATION q FOR ALL TABLES
--@ case comment: on a table
COMMENT ON TABLE p IS 'p'
--@ case comment: on a view
COMMENT ON VIEW vw IS 'v'
--@ case comment: on a column of a view
COMMENT ON COLUMN vw.id IS 'i'
--@ case comment: on an index
COMMENT ON INDEX p_pkey IS 'i'
--@ case comment: on a constraint
COMMENT ON CONSTRAINT p_pkey ON p IS 'c'
--@ case comment: on a trigger
COMMENT ON TRIGGER noting ON p IS 't'
--@ case comment: on a policy
COMMENT ON POLICY watching ON p IS 'p'
--@ case comment: on a type
COMMENT ON TYPE mood IS 'm'
--@ case comment: on a column of a type
COMMENT ON COLUMN pair.a IS 'a'
--@ case comment: on a function
COMMENT ON FUNCTION note() IS 'n'
--@ case comment: on a schema
COMMENT ON SCHEMA oth IS 's'
--@ case grant: on a table
GRANT SELECT, INSERT ON p TO public
--@ case grant: on a view
GRANT SELECT ON vw TO public
--@ case grant: on two
GRANT SELECT ON p, own TO public
--@ case grant: on a sequence
GRANT USAGE ON SEQUENCE sq TO public
--@ case grant: on all
GRANT SELECT ON ALL TABLES IN SCHEMA oth TO public
--@ case grant: on a schema
GRANT USAGE ON SCHEMA oth TO public
--@ case grant: on a function
GRANT EXECUTE ON FUNCTION note() TO public
--@ case revoke
REVOKE ALL ON p FROM public
--@ case settings
SET LOCAL lock_timeout = '1s';
SET LOCAL statement_timeout = '5s'
--@ case default rights
ALTER DEFAULT PRIVILEGES IN SCHEMA oth GRANT SELECT ON TABLES TO public
--@ case rename a constraint of a foreign key
ALTER TABLE fk RENAME CONSTRAINT fk_p TO q
--@ case make a foreign key deferred
ALTER TABLE fk ALTER CONSTRAINT fk_p DEFERRABLE INITIALLY DEFERRED
