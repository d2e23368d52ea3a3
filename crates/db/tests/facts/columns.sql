--@ setup
CREATE SCHEMA cols;
SET search_path = cols;
CREATE TABLE p (id int PRIMARY KEY);
INSERT INTO p SELECT n FROM generate_series(1, 100) n;
CREATE DOMAIN plain AS int;
CREATE DOMAIN over_plain AS plain;
CREATE DOMAIN filled AS int DEFAULT 7;
CREATE DOMAIN checked AS int CHECK (value > 0);
CREATE DOMAIN over_checked AS checked;
CREATE DOMAIN required AS int NOT NULL DEFAULT 1;
CREATE DOMAIN never AS timestamptz DEFAULT clock_timestamp();
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (x int, y int);
CREATE FUNCTION steady(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION stable(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION moody(int) RETURNS int VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION several(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE FUNCTION several(int, int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE SEQUENCE counter;
CREATE TABLE t (
    id int PRIMARY KEY, a int, b int, c int NOT NULL, e text, "Quoted Name" int, j jsonb,
    CONSTRAINT a_ck CHECK (a IS NOT NULL),
    CONSTRAINT both_ck CHECK (b IS NOT NULL AND b > 0)
);
INSERT INTO t SELECT n, n, n, n, 'x', n, '{}' FROM generate_series(1, 100) n;
CREATE INDEX t_e ON t (e);
CREATE TABLE proofs (
    plus int, either int, arms int, negated int, morgan int, strict int, late int, cased int,
    other int, literal int,
    CONSTRAINT plus_ck CHECK (plus > 0),
    CONSTRAINT either_ck CHECK (either IS NOT NULL OR other > 0),
    CONSTRAINT arms_ck CHECK ((arms IS NOT NULL AND other > 0) OR (arms IS NOT NULL AND other < 0)),
    CONSTRAINT negated_ck CHECK (NOT (negated IS NULL)),
    CONSTRAINT morgan_ck CHECK (NOT (morgan IS NULL OR other = 5)),
    CONSTRAINT cased_ck CHECK (CASE WHEN cased IS NOT NULL THEN true ELSE false END),
    CONSTRAINT literal_ck CHECK (literal NOTNULL)
);
INSERT INTO proofs VALUES (1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
ALTER TABLE proofs ADD CONSTRAINT late_ck CHECK (late IS NOT NULL) NOT VALID;
CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int);
CREATE INDEX gen_b ON gen (b);
INSERT INTO gen (a, c) VALUES (1, 1);
CREATE TABLE computed (
    a int, b int GENERATED ALWAYS AS (a * 2) STORED REFERENCES p, c int,
    ac int GENERATED ALWAYS AS (a + c) STORED UNIQUE, d int,
    e int GENERATED ALWAYS AS (d + 1) STORED
);
CREATE INDEX computed_b ON computed (b);
CREATE VIEW on_computed AS SELECT e FROM computed;
CREATE TABLE computed_key (a int, b int GENERATED ALWAYS AS (a * 2) STORED UNIQUE);
CREATE TABLE to_computed (id int REFERENCES computed_key (b));
CREATE TABLE above (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c int);
CREATE TABLE below (own int) INHERITS (above);
ALTER TABLE below ADD FOREIGN KEY (b) REFERENCES p;
CREATE INDEX below_b ON below (b);
CREATE TABLE ident (id int GENERATED ALWAYS AS IDENTITY, a int NOT NULL, s serial);
INSERT INTO ident (a) VALUES (1);
CREATE TABLE "Odd Table" ("A b" int, "C""d" text);
INSERT INTO "Odd Table" VALUES (1, 'x');
CREATE INDEX "Odd Index" ON "Odd Table" ("A b");
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.t (a int, b int);
INSERT INTO elsewhere.t VALUES (1, 1);
CREATE TABLE referred (id int PRIMARY KEY);
CREATE TABLE referring (id int REFERENCES referred (id));
CREATE UNLOGGED TABLE fast (id int PRIMARY KEY);
--@ setup 18
CREATE TABLE virt (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL, c int NOT NULL, d int);
INSERT INTO virt (a, c) VALUES (1, 1);
ALTER TABLE virt ADD CONSTRAINT d_late NOT NULL d NOT VALID;
ALTER TABLE virt ADD CONSTRAINT c_loose CHECK (c > 0) NOT ENFORCED;
CREATE TABLE virt_2 (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL);
INSERT INTO virt_2 (a) VALUES (1);
CREATE TABLE fk_loose (id int, CONSTRAINT fk_loose FOREIGN KEY (id) REFERENCES p NOT ENFORCED);
INSERT INTO fk_loose VALUES (1);

--@ case domain without checks
ALTER TABLE t ADD COLUMN z over_plain
--@ case domain with a check
ALTER TABLE t ADD COLUMN z checked
--@ case domain over one with a check
ALTER TABLE t ADD COLUMN z over_checked DEFAULT 5
--@ case domain that refuses null
ALTER TABLE t ADD COLUMN z required
--@ case domain with a default
ALTER TABLE t ADD COLUMN z filled
--@ case domain with a volatile default
ALTER TABLE t ADD COLUMN z never
--@ case domain without checks, and a default
ALTER TABLE t ADD COLUMN z plain DEFAULT 3
--@ case array of a domain without checks
ALTER TABLE t ADD COLUMN z plain[]
--@ case array of a domain with a check
ALTER TABLE t ADD COLUMN z checked[]
--@ case enum
ALTER TABLE t ADD COLUMN z mood DEFAULT 'good'
--@ case composite type
ALTER TABLE t ADD COLUMN z pair DEFAULT row(1, 2)
--@ case the type of another table's rows
ALTER TABLE t ADD COLUMN z p
--@ case array
ALTER TABLE t ADD COLUMN z text[] NOT NULL DEFAULT '{}'
--@ case required and without a default
ALTER TABLE t ADD COLUMN z int NOT NULL
--@ refused 12-18
--@ case required and without a default, in an empty table
DELETE FROM t;
ALTER TABLE t ADD COLUMN z int NOT NULL
--@ case null as the default
ALTER TABLE t ADD COLUMN z int DEFAULT NULL
--@ case required, with null as the default
--@ refused 12-18
ALTER TABLE t ADD COLUMN z int NOT NULL DEFAULT NULL
--@ case primary key, in a table without rows
ALTER TABLE "Odd Table" DROP COLUMN "A b";
DELETE FROM "Odd Table";
ALTER TABLE "Odd Table" ADD COLUMN z int PRIMARY KEY
--@ case serial primary key
ALTER TABLE gen ADD COLUMN z serial PRIMARY KEY
--@ case identity primary key
ALTER TABLE gen ADD COLUMN z bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY
--@ case unique with a default
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN z int UNIQUE DEFAULT 4
--@ case unique with a volatile default
ALTER TABLE gen ADD COLUMN z uuid UNIQUE DEFAULT md5(random()::text)::uuid
--@ case if it does not exist, and it does
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int DEFAULT random()
--@ case storage
ALTER TABLE t ADD COLUMN z text STORAGE EXTERNAL
--@ case storage and compression, with a default
ALTER TABLE t ADD COLUMN z text STORAGE MAIN COMPRESSION pglz NOT NULL DEFAULT 'x'
--@ case compression
ALTER TABLE t ADD COLUMN IF NOT EXISTS z text COMPRESSION pglz
--@ case compression, and every row is written
ALTER TABLE t ADD COLUMN z text COMPRESSION pglz DEFAULT random()::text, ADD COLUMN y int
--@ case storage of a column that is there
ALTER TABLE t ADD COLUMN IF NOT EXISTS e text STORAGE PLAIN
--@ case storage in a new table
CREATE TABLE fresh (e text STORAGE EXTERNAL)
--@ case compression in a new table
CREATE TABLE fresh (e text COMPRESSION pglz)
--@ case if it does not exist, and it does, with a foreign key
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int REFERENCES p
--@ case if it does not exist, and it does, with a foreign key and a default
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int DEFAULT 1 REFERENCES p
--@ case if it does not exist, and it does, with a check
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int CHECK (a > 0)
--@ case if it does not exist, and it does, unique
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int UNIQUE
--@ case if it does not exist, and it does, as the primary key
--@ refused 12
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int PRIMARY KEY
--@ case if it does not exist, and it does, required
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int NOT NULL
--@ case if it does not exist, and it does, with a sequence
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a serial
--@ case if it does not exist, and it does, as an identity
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int GENERATED ALWAYS AS IDENTITY
--@ case if it does not exist, and it does, computed
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int GENERATED ALWAYS AS (c + 1) STORED
--@ case if it does not exist, and it does, with a key, and one that does not
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int REFERENCES p,
    ADD COLUMN IF NOT EXISTS z int DEFAULT 1 REFERENCES p
--@ case if it does not exist, and it does, in a tree, with a foreign key
ALTER TABLE above ADD COLUMN IF NOT EXISTS a int REFERENCES p
--@ case if it does not exist, and it does, in a tree, with a check
ALTER TABLE above ADD COLUMN IF NOT EXISTS a int CHECK (a > 0)
--@ case a foreign key without a default beside a column with one
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN y int REFERENCES p, ADD COLUMN z int DEFAULT 1
--@ case a foreign key without a default after a column with one
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN z int DEFAULT 1, ADD COLUMN y int REFERENCES p
--@ case if it does not exist, and it does, with a key, beside a column with a default
ALTER TABLE gen ADD COLUMN IF NOT EXISTS a int REFERENCES p, ADD COLUMN z int DEFAULT 1
--@ case if it does not exist, and the same statement drops it
ALTER TABLE gen DROP COLUMN c, ADD COLUMN IF NOT EXISTS c int NOT NULL DEFAULT 1
--@ case if it does not exist, and the same statement adds it
ALTER TABLE gen ADD COLUMN z int, ADD COLUMN IF NOT EXISTS z text NOT NULL
--@ case if it does not exist, and it does not
ALTER TABLE gen ADD COLUMN IF NOT EXISTS z int DEFAULT random()
--@ case to a table that is not there
ALTER TABLE IF EXISTS nowhere ADD COLUMN z int
--@ case two columns
ALTER TABLE t ADD COLUMN y int, ADD COLUMN z int DEFAULT 5
--@ case two columns, one of them volatile
ALTER TABLE t ADD COLUMN y int, ADD COLUMN z float DEFAULT random()
--@ case a column and a check on it
ALTER TABLE t ADD COLUMN z int, ADD CONSTRAINT zz CHECK (z > 0)
--@ case a column with a default and a foreign key of the table
ALTER TABLE t ADD COLUMN z int DEFAULT 1, ADD FOREIGN KEY (z) REFERENCES p
--@ case a column with a foreign key, and another foreign key
ALTER TABLE t ADD COLUMN z int REFERENCES p, ADD FOREIGN KEY (a) REFERENCES p
--@ case a column and not null
ALTER TABLE t ADD COLUMN z int DEFAULT 5, ALTER COLUMN z SET NOT NULL
--@ case a column and a check that names it first
ALTER TABLE t ADD CONSTRAINT zz CHECK (z > 0), ADD COLUMN z int
--@ case a column and a unique constraint
ALTER TABLE t ADD COLUMN z int, ADD UNIQUE (z)
--@ case drop one, add one
ALTER TABLE t DROP COLUMN a, ADD COLUMN a text
--@ case drop a column and demand another
ALTER TABLE t DROP COLUMN b, ALTER COLUMN a SET NOT NULL
--@ case a type and a volatile default
ALTER TABLE t ALTER COLUMN c TYPE bigint, ADD COLUMN z float DEFAULT random()
--@ case a volatile default and a check
ALTER TABLE t ADD COLUMN z float DEFAULT random(), ADD CHECK (a > 0)
--@ case a volatile default and not null without proof
ALTER TABLE gen ADD COLUMN z float DEFAULT random(), ALTER COLUMN c SET NOT NULL
--@ case identity with a foreign key
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS IDENTITY REFERENCES p
--@ case serial with a foreign key
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN z serial REFERENCES p
--@ case stored with a foreign key
DELETE FROM gen;
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS (c) STORED REFERENCES p
--@ case null default with a foreign key
ALTER TABLE gen ADD COLUMN z int DEFAULT NULL REFERENCES p
--@ case quoted names
ALTER TABLE "Odd Table" ADD COLUMN "E f" int DEFAULT random()
--@ case a quoted column required
ALTER TABLE "Odd Table" ALTER COLUMN "A b" SET NOT NULL
--@ case a quoted column of another type
ALTER TABLE "Odd Table" ALTER COLUMN "A b" TYPE bigint
--@ case a quoted column checked
ALTER TABLE "Odd Table" ADD CHECK ("A b" > 0)
--@ case a quoted column dropped
ALTER TABLE "Odd Table" DROP COLUMN "A b"
--@ case another schema
ALTER TABLE elsewhere.t ADD COLUMN z float DEFAULT random()
--@ case another schema, required
ALTER TABLE elsewhere.t ALTER COLUMN a SET NOT NULL
--@ case another schema, renamed
ALTER TABLE elsewhere.t RENAME TO there
--@ case another schema, moved
ALTER TABLE elsewhere.t SET SCHEMA public
--@ case another search path
SET LOCAL search_path = elsewhere;
ALTER TABLE t ALTER COLUMN a SET NOT NULL

--@ case not null: proved
ALTER TABLE t ALTER COLUMN a SET NOT NULL
--@ case not null: proved by a part
ALTER TABLE t ALTER COLUMN b SET NOT NULL
--@ case not null: is already
ALTER TABLE t ALTER COLUMN c SET NOT NULL
--@ case not null: not proved
ALTER TABLE t ALTER COLUMN e SET NOT NULL
--@ case not null: one proved and one not
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN e SET NOT NULL
--@ case not null: a comparison proves nothing
ALTER TABLE proofs ALTER COLUMN plus SET NOT NULL
--@ case not null: one way of an or proves nothing
ALTER TABLE proofs ALTER COLUMN either SET NOT NULL
--@ case not null: every way of an or
ALTER TABLE proofs ALTER COLUMN arms SET NOT NULL
--@ case not null: not null negated
ALTER TABLE proofs ALTER COLUMN negated SET NOT NULL
--@ case not null: an or negated
ALTER TABLE proofs ALTER COLUMN morgan SET NOT NULL
--@ case not null: in a case
ALTER TABLE proofs ALTER COLUMN cased SET NOT NULL
--@ case not null: notnull
ALTER TABLE proofs ALTER COLUMN literal SET NOT NULL
--@ case not null: a check that is not valid
ALTER TABLE proofs ALTER COLUMN late SET NOT NULL
--@ case not null: a check once it is valid
ALTER TABLE proofs VALIDATE CONSTRAINT late_ck;
ALTER TABLE proofs ALTER COLUMN late SET NOT NULL;
ALTER TABLE proofs DROP CONSTRAINT late_ck
--@ case not null: a check of the same statement
ALTER TABLE t ADD CHECK (e IS NOT NULL), ALTER COLUMN e SET NOT NULL
--@ case not null: a check dropped in the same statement
ALTER TABLE t DROP CONSTRAINT a_ck, ALTER COLUMN a SET NOT NULL
--@ case not null: a check dropped before
ALTER TABLE t DROP CONSTRAINT a_ck;
ALTER TABLE t ALTER COLUMN a SET NOT NULL
--@ case not null: as a constraint
ALTER TABLE t ADD CONSTRAINT q NOT NULL e
--@ case not null: as a constraint, proved
ALTER TABLE t ADD CONSTRAINT q NOT NULL a
--@ case not null: as a constraint that is not valid
ALTER TABLE t ADD CONSTRAINT q NOT NULL e NOT VALID
--@ case not null: as a constraint, validated
ALTER TABLE t ADD CONSTRAINT q NOT NULL e NOT VALID;
ALTER TABLE t VALIDATE CONSTRAINT q
--@ case not null: one that is not valid, set
--@ only 18-18
ALTER TABLE virt ALTER COLUMN d SET NOT NULL
--@ refused 18
--@ case not null: one that is not valid, validated
--@ only 18-18
UPDATE virt SET d = 1;
ALTER TABLE virt VALIDATE CONSTRAINT d_late
--@ case not null: primary key over proved columns
ALTER TABLE t DROP CONSTRAINT t_pkey;
ALTER TABLE t ADD PRIMARY KEY (a, b)
--@ case not null: primary key over one that is required
ALTER TABLE t DROP CONSTRAINT t_pkey;
ALTER TABLE t ADD PRIMARY KEY (c)
--@ case not null: with proof, after one without
ALTER TABLE t ALTER COLUMN "Quoted Name" SET NOT NULL, ALTER COLUMN a SET NOT NULL
--@ case not null: with proof, before one without
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER COLUMN "Quoted Name" SET NOT NULL
--@ case not null: with proof, beside a serial column
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ADD COLUMN z serial
--@ case not null: with proof, beside an identity
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ADD COLUMN z int GENERATED ALWAYS AS IDENTITY
--@ case not null: with proof, beside a required column that every row gets
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ADD COLUMN z float NOT NULL DEFAULT random()
--@ case not null: with proof, beside a required column with a default
ALTER TABLE t ALTER COLUMN a SET NOT NULL, ADD COLUMN z int NOT NULL DEFAULT 1
--@ case not null: primary key from an index over a nullable column
CREATE UNIQUE INDEX q ON t ("Quoted Name");
ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY USING INDEX q

--@ case generated: the type of a column that it reads
--@ refused 12-18
ALTER TABLE gen ALTER COLUMN a TYPE bigint
--@ case generated: its own type
ALTER TABLE gen ALTER COLUMN b TYPE bigint
--@ case generated: another expression
ALTER TABLE gen ALTER COLUMN b SET EXPRESSION AS (a * 3)
--@ case generated: no expression
--@ refused 12
ALTER TABLE gen ALTER COLUMN b DROP EXPRESSION
--@ case generated: the type of another column
ALTER TABLE gen ALTER COLUMN c TYPE bigint
--@ case generated: drop what it reads
ALTER TABLE gen DROP COLUMN a CASCADE
--@ case generated: drop what it reads, and with it what the computed one has
--@ refused 15-18
ALTER TABLE computed DROP COLUMN a
--@ case generated: drop what it reads, and everything that the computed one has
ALTER TABLE computed DROP COLUMN a CASCADE
--@ case generated: drop what one of two reads
--@ refused 15-18
ALTER TABLE computed DROP COLUMN c
--@ case generated: drop what it reads, where a view reads the computed one
--@ refused 12-18
ALTER TABLE computed DROP COLUMN d
--@ case generated: drop what it reads, where a view reads the computed one, and that
ALTER TABLE computed DROP COLUMN d CASCADE
--@ case generated: drop what it reads, where a key leads to the computed one
--@ refused 12-18
ALTER TABLE computed_key DROP COLUMN a
--@ case generated: drop what it reads, where a key leads to the computed one, and that
ALTER TABLE computed_key DROP COLUMN a CASCADE
--@ case generated: drop what it reads, and something else
--@ refused 15-18
ALTER TABLE computed DROP COLUMN c, ALTER COLUMN b SET NOT NULL
--@ case generated: drop it, and then what it reads
ALTER TABLE computed DROP COLUMN b, DROP COLUMN ac, DROP COLUMN a
--@ case generated: drop what it reads, and work on what is left
--@ refused 15-18
ALTER TABLE gen DROP COLUMN a;
ALTER TABLE gen ALTER COLUMN c TYPE bigint
--@ case generated: drop what it reads, below as well
--@ refused 15-18
ALTER TABLE above DROP COLUMN a
--@ case generated: drop what it reads, above alone
--@ refused 15-18
ALTER TABLE ONLY above DROP COLUMN a
--@ case generated: stored and required
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS (a + 1) STORED NOT NULL
--@ case generated: neither stored nor virtual
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS (a + 1)
--@ case generated: virtual and required
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL
--@ case generated: virtual and checked
ALTER TABLE gen ADD COLUMN z int GENERATED ALWAYS AS (a + 1) VIRTUAL CHECK (z > 0)
--@ case generated: another virtual expression
--@ only 18-18
ALTER TABLE virt_2 ALTER COLUMN b SET EXPRESSION AS (a * 3)
--@ case generated: a virtual one is required
--@ only 18-18
ALTER TABLE virt ALTER COLUMN b SET NOT NULL
--@ case generated: the type of a virtual one
--@ only 18-18
ALTER TABLE virt ALTER COLUMN b TYPE bigint

--@ case identity: add it
ALTER TABLE ident ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY
--@ case identity: add it to another
CREATE TABLE q (a int NOT NULL);
ALTER TABLE q ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY
--@ case identity: change it
ALTER TABLE ident ALTER COLUMN id SET GENERATED BY DEFAULT
--@ case identity: start again
ALTER TABLE ident ALTER COLUMN id RESTART WITH 100
--@ case identity: drop it
ALTER TABLE ident ALTER COLUMN id DROP IDENTITY
--@ case identity: its type
ALTER TABLE ident ALTER COLUMN id TYPE bigint
--@ case serial: its type
ALTER TABLE ident ALTER COLUMN s TYPE bigint
--@ case serial: drop the default
ALTER TABLE ident ALTER COLUMN s DROP DEFAULT

--@ case constraint: one that is not enforced
ALTER TABLE t ADD CONSTRAINT q CHECK (a > 0) NOT ENFORCED
--@ case constraint: a foreign key that is not enforced
ALTER TABLE t ADD CONSTRAINT q FOREIGN KEY (a) REFERENCES p NOT ENFORCED
--@ case constraint: enforce a foreign key
--@ only 18-18
ALTER TABLE fk_loose ALTER CONSTRAINT fk_loose ENFORCED
--@ case constraint: several at once
ALTER TABLE t ADD CHECK (a > 0), ADD CHECK (b > 0), ADD UNIQUE (a)
--@ case constraint: a foreign key and a check
ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p, ADD CHECK (b > 0)
--@ case constraint: a foreign key to itself
ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t
--@ case constraint: a foreign key not valid, and validated
ALTER TABLE t ADD CONSTRAINT q FOREIGN KEY (a) REFERENCES p NOT VALID;
ALTER TABLE t VALIDATE CONSTRAINT q
--@ case constraint: validate one that is valid
ALTER TABLE t VALIDATE CONSTRAINT a_ck
--@ case constraint: unique over several
ALTER TABLE t ADD UNIQUE (a, b) INCLUDE (c)
--@ case constraint: unique, deferrable
ALTER TABLE t ADD UNIQUE (a) DEFERRABLE INITIALLY DEFERRED
--@ case constraint: from an index of the same name
CREATE UNIQUE INDEX q ON t (a);
ALTER TABLE t ADD CONSTRAINT q UNIQUE USING INDEX q
--@ case constraint: exclusion over an expression
ALTER TABLE gen ADD CONSTRAINT q EXCLUDE USING gist (int4range(a, b) WITH &&)
--@ case constraint: drop a primary key
ALTER TABLE t DROP CONSTRAINT t_pkey
--@ case constraint: drop a primary key that is referred to
ALTER TABLE referred DROP CONSTRAINT referred_pkey CASCADE
--@ case constraint: drop one that is not there
ALTER TABLE t DROP CONSTRAINT IF EXISTS nothing
--@ case constraint: rename a primary key
ALTER TABLE t RENAME CONSTRAINT t_pkey TO q
--@ case constraint: a check with a function
ALTER TABLE t ADD CHECK (moody(a) > 0)

--@ case other: drop a default
ALTER TABLE t ALTER COLUMN a DROP DEFAULT
--@ case other: set a volatile default
ALTER TABLE t ALTER COLUMN a SET DEFAULT random()
--@ case other: make a table logged
ALTER TABLE fast SET LOGGED
--@ case other: leave a table unlogged
ALTER TABLE fast SET UNLOGGED
--@ case other: make a table unlogged
ALTER TABLE t SET UNLOGGED
--@ case other: options
ALTER TABLE t SET (autovacuum_enabled = false, user_catalog_table = true)
--@ case other: reset options
ALTER TABLE t RESET (autovacuum_enabled, fillfactor)
--@ case other: parallel workers
ALTER TABLE t SET (parallel_workers = 4)
--@ case other: options of the toast table
ALTER TABLE t SET (toast.autovacuum_enabled = false)
--@ case other: replica identity by an index
ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey
--@ case other: replica identity nothing
ALTER TABLE t REPLICA IDENTITY NOTHING
--@ case other: cluster on
ALTER TABLE t CLUSTER ON t_e
--@ case other: without cluster
ALTER TABLE t SET WITHOUT CLUSTER
--@ case other: force row security
ALTER TABLE t FORCE ROW LEVEL SECURITY
--@ case other: statistics and a default
ALTER TABLE t ALTER COLUMN a SET DEFAULT 4, ALTER COLUMN a SET STATISTICS 4
--@ case other: statistics and options
ALTER TABLE t ALTER COLUMN a SET STATISTICS 4, SET (fillfactor = 80)
--@ case other: owner
CREATE ROLE cols_owner;
ALTER TABLE t OWNER TO cols_owner
--@ case other: without oids
ALTER TABLE t SET WITHOUT OIDS
--@ case other: rename a column that an index has
ALTER TABLE t RENAME COLUMN e TO f
--@ case other: drop a column that an index has
ALTER TABLE t DROP COLUMN e
--@ case other: drop the primary key's column
ALTER TABLE t DROP COLUMN id
--@ case other: drop a column with a check
ALTER TABLE t DROP COLUMN a
--@ case other: drop a column that is not there
ALTER TABLE t DROP COLUMN IF EXISTS nothing
--@ case required column of a domain with a default
--@ refused 12
ALTER TABLE t ADD COLUMN z filled NOT NULL
