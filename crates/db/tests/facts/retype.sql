--@ setup
CREATE SCHEMA re;
SET search_path = re;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS varchar(20);
CREATE DOMAIN words AS text;
CREATE DOMAIN checked AS text CHECK (value <> 'zz');
CREATE DOMAIN over_words AS words;
CREATE TABLE p (id int PRIMARY KEY, x int UNIQUE, v varchar(10) UNIQUE, at timestamp UNIQUE);
INSERT INTO p SELECT n, n, n, '2020-01-01'::timestamp + n * interval '1 day' FROM generate_series(1, 100) n;
CREATE TABLE t (
    id int PRIMARY KEY,
    a int REFERENCES p (id),
    b varchar(20) CHECK (b <> ''),
    c text,
    d timestamp,
    v varchar(10) REFERENCES p (v),
    o oid,
    nv varchar(20),
    at timestamp REFERENCES p (at),
    m mood,
    w words,
    arr varchar(10)[],
    n int,
    free text
);
ALTER TABLE t ADD CONSTRAINT nv_ck CHECK (nv <> 'x') NOT VALID;
INSERT INTO t SELECT n, n, n, 'x', now(), n, n, 'y', '2020-01-01'::timestamp + n * interval '1 day',
    'good', 'w', '{a}', n, 'f' FROM generate_series(1, 100) n;
CREATE INDEX t_d ON t (d);
CREATE INDEX t_b ON t (b);
CREATE INDEX t_b_where_id ON t (b) WHERE id > 0;
CREATE INDEX t_id_where_b ON t (id) WHERE b > '';
CREATE INDEX t_lower_b ON t (lower(b));
CREATE INDEX t_o ON t (o);
CREATE INDEX t_id_with_b ON t (id) INCLUDE (b);
CREATE INDEX t_b_pattern ON t (b text_pattern_ops);
CREATE INDEX t_b_posix ON t (b COLLATE "POSIX");
CREATE INDEX t_c_c ON t (c COLLATE "C");
CREATE INDEX t_b_hash ON t USING hash (b);
CREATE INDEX t_b_brin ON t USING brin (b);
CREATE INDEX t_b_desc ON t (b DESC NULLS LAST, id);
CREATE INDEX t_w ON t (w);
CREATE INDEX t_arr ON t (arr);
CREATE INDEX t_arr_gin ON t USING gin (arr);
CREATE TABLE ch (id int, t_id int REFERENCES t (id));
INSERT INTO ch SELECT n, n FROM generate_series(1, 100) n;
CREATE TABLE self (id int PRIMARY KEY, up int REFERENCES self (id));
INSERT INTO self VALUES (1, 1);
CREATE TABLE pol (id int, v varchar(10), w int);
CREATE POLICY only_some ON pol USING (v <> '');
CREATE TABLE ex (r int4range, v varchar(10), EXCLUDE USING gist (r WITH &&));
CREATE INDEX ex_v ON ex (v);
CREATE STATISTICS re_stats ON a, n FROM t;
CREATE TABLE typed (c char(10), b bit(4), vb varbit(4), n numeric(10, 2), i interval(3),
    iv interval day to second, tm time(3), ts timestamp(3), tz timestamptz(3), ci cidr, x xml);
INSERT INTO typed VALUES ('a', '1010', '101', 1, '1 day', '1 day', '10:00', now(), now(), '10.0.0.0/8', '<a/>');
CREATE INDEX typed_ts ON typed (ts);
CREATE INDEX typed_ci ON typed (ci);
CREATE INDEX typed_n ON typed (n);

--@ case longer
ALTER TABLE t ALTER COLUMN b TYPE varchar(40)
--@ case text
ALTER TABLE t ALTER COLUMN b TYPE text
--@ case shorter
ALTER TABLE t ALTER COLUMN b TYPE varchar(10)
--@ case the same
ALTER TABLE t ALTER COLUMN b TYPE varchar(20)
--@ case zone, in UTC
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case zone, elsewhere
SET LOCAL TimeZone = 'America/Lima';
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case zone, as good as UTC
SET LOCAL TimeZone = 'Etc/UTC';
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case zone, GMT
SET LOCAL TimeZone = 'GMT';
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case zone, zero
SET LOCAL TIME ZONE 0;
ALTER TABLE t ALTER COLUMN d TYPE timestamptz
--@ case zone, by an expression
ALTER TABLE t ALTER COLUMN d TYPE timestamptz USING d AT TIME ZONE 'UTC'
--@ case a foreign key stays as it is
ALTER TABLE t ALTER COLUMN v TYPE varchar(30)
--@ case a foreign key stays as it is, as text
ALTER TABLE t ALTER COLUMN v TYPE text
--@ case what a foreign key points to, longer
ALTER TABLE p ALTER COLUMN v TYPE varchar(30)
--@ case what a foreign key points to, as text
ALTER TABLE p ALTER COLUMN v TYPE text
--@ case a foreign key compares in another way
ALTER TABLE t ALTER COLUMN at TYPE timestamptz
--@ case what a foreign key points to compares in another way
ALTER TABLE p ALTER COLUMN at TYPE timestamptz
--@ case a check that is not valid
ALTER TABLE t ALTER COLUMN nv TYPE text
--@ case oid to int
ALTER TABLE t ALTER COLUMN o TYPE int
--@ case text in another collation
ALTER TABLE t ALTER COLUMN c TYPE text COLLATE "POSIX"
--@ case varchar in another collation
ALTER TABLE t ALTER COLUMN b TYPE varchar(20) COLLATE "POSIX"
--@ case the primary key
ALTER TABLE t ALTER COLUMN id TYPE bigint
--@ case a foreign key's column
ALTER TABLE t ALTER COLUMN a TYPE bigint
--@ case a foreign key to itself
ALTER TABLE self ALTER COLUMN id TYPE bigint
--@ case a foreign key to itself, the other end
ALTER TABLE self ALTER COLUMN up TYPE bigint
--@ case both ends
ALTER TABLE self ALTER COLUMN id TYPE bigint, ALTER COLUMN up TYPE bigint
--@ case to a domain
ALTER TABLE t ALTER COLUMN b TYPE words
--@ case to a domain over a domain
ALTER TABLE t ALTER COLUMN c TYPE over_words
--@ case to a domain with a check
ALTER TABLE t ALTER COLUMN b TYPE checked
--@ case to a domain with a length
ALTER TABLE t ALTER COLUMN b TYPE short
--@ case from a domain
ALTER TABLE t ALTER COLUMN w TYPE text
--@ case from a domain to one over it
ALTER TABLE t ALTER COLUMN w TYPE over_words
--@ case from a domain to varchar
ALTER TABLE t ALTER COLUMN w TYPE varchar(10)
--@ case the same domain
ALTER TABLE t ALTER COLUMN w TYPE words
--@ case enum to text
ALTER TABLE t ALTER COLUMN m TYPE text
--@ case text to enum
ALTER TABLE t ALTER COLUMN free TYPE mood USING 'good'
--@ case array of longer ones
ALTER TABLE t ALTER COLUMN arr TYPE varchar(20)[]
--@ case array of any length
ALTER TABLE t ALTER COLUMN arr TYPE varchar[]
--@ case array of text
ALTER TABLE t ALTER COLUMN arr TYPE text[]
--@ case the same array
ALTER TABLE t ALTER COLUMN arr TYPE varchar(10)[]
--@ case using the column
ALTER TABLE t ALTER COLUMN b TYPE text USING b
--@ case using the column in parentheses
ALTER TABLE t ALTER COLUMN b TYPE text USING (b)
--@ case using a cast
ALTER TABLE t ALTER COLUMN b TYPE text USING b::text
--@ case using CAST
ALTER TABLE t ALTER COLUMN b TYPE text USING CAST(b AS text)
--@ case using two casts
ALTER TABLE t ALTER COLUMN b TYPE varchar(40) USING b::varchar(30)::varchar(40)
--@ case using a cast that forgets
ALTER TABLE t ALTER COLUMN b TYPE varchar(40) USING b::text
--@ case using a cast that computes
ALTER TABLE t ALTER COLUMN n TYPE bigint USING n::bigint
--@ case using a collation
ALTER TABLE t ALTER COLUMN b TYPE text USING b COLLATE "C"
--@ case using an expression
ALTER TABLE t ALTER COLUMN b TYPE text USING b || ''
--@ case using a function
ALTER TABLE t ALTER COLUMN b TYPE text USING lower(b)
--@ case using another column
ALTER TABLE t ALTER COLUMN b TYPE text USING c
--@ case using null
ALTER TABLE t ALTER COLUMN n TYPE bigint USING NULL
--@ case using nullif
ALTER TABLE t ALTER COLUMN n TYPE bigint USING nullif(n, 0)
--@ case two at once
ALTER TABLE t ALTER COLUMN b TYPE varchar(40), ALTER COLUMN c TYPE varchar(40)
--@ case with a default
ALTER TABLE t ALTER COLUMN b SET DEFAULT 'x', ALTER COLUMN b TYPE text
--@ case without the default
ALTER TABLE t ALTER COLUMN n SET DEFAULT 1;
ALTER TABLE t ALTER COLUMN n DROP DEFAULT, ALTER COLUMN n TYPE text, ALTER COLUMN n SET DEFAULT '1'
--@ case with a constraint that goes
ALTER TABLE t DROP CONSTRAINT t_b_check, ALTER COLUMN b TYPE text
--@ case with statistics
ALTER TABLE t ALTER COLUMN n TYPE bigint
--@ case a policy reads it
--@ refused 12-18
ALTER TABLE pol ALTER COLUMN v TYPE text
--@ case a policy reads another
ALTER TABLE pol ALTER COLUMN w TYPE bigint
--@ case beside an exclusion constraint
ALTER TABLE ex ALTER COLUMN v TYPE text
--@ case of an exclusion constraint
ALTER TABLE ex ALTER COLUMN r TYPE int4range
--@ case char to longer
ALTER TABLE typed ALTER COLUMN c TYPE char(20)
--@ case char to bpchar
ALTER TABLE typed ALTER COLUMN c TYPE bpchar
--@ case char to text
ALTER TABLE typed ALTER COLUMN c TYPE text
--@ case bit to varbit
ALTER TABLE typed ALTER COLUMN b TYPE varbit
--@ case bit to the same varbit
ALTER TABLE typed ALTER COLUMN b TYPE varbit(4)
--@ case bit to longer
--@ refused 12-18
ALTER TABLE typed ALTER COLUMN b TYPE bit(5)
--@ case varbit to longer
ALTER TABLE typed ALTER COLUMN vb TYPE varbit(5)
--@ case varbit to shorter
ALTER TABLE typed ALTER COLUMN vb TYPE varbit(3)
--@ case numeric to fewer digits
ALTER TABLE typed ALTER COLUMN n TYPE numeric(9, 2)
--@ case numeric to more digits with an index
ALTER TABLE typed ALTER COLUMN n TYPE numeric(11, 2)
--@ case numeric to no limit with an index
ALTER TABLE typed ALTER COLUMN n TYPE numeric
--@ case numeric with another scale
ALTER TABLE typed ALTER COLUMN n TYPE numeric(12, 1)
--@ case interval to more digits
ALTER TABLE typed ALTER COLUMN i TYPE interval(4)
--@ case interval to fewer digits
ALTER TABLE typed ALTER COLUMN i TYPE interval(2)
--@ case interval to any
ALTER TABLE typed ALTER COLUMN i TYPE interval
--@ case interval to days
ALTER TABLE typed ALTER COLUMN iv TYPE interval day
--@ case interval from days
ALTER TABLE typed ALTER COLUMN iv TYPE interval
--@ case interval to years and seconds
ALTER TABLE typed ALTER COLUMN iv TYPE interval hour to second
--@ case time to more digits
ALTER TABLE typed ALTER COLUMN tm TYPE time(4)
--@ case time to fewer digits
ALTER TABLE typed ALTER COLUMN tm TYPE time(2)
--@ case timestamp to six digits
ALTER TABLE typed ALTER COLUMN ts TYPE timestamp(6)
--@ case timestamp to fewer digits
ALTER TABLE typed ALTER COLUMN ts TYPE timestamp(2)
--@ case timestamp to as many digits with a zone
ALTER TABLE typed ALTER COLUMN ts TYPE timestamptz(3)
--@ case timestamp to any digits with a zone
ALTER TABLE typed ALTER COLUMN ts TYPE timestamptz
--@ case timestamp to six digits with a zone
ALTER TABLE typed ALTER COLUMN ts TYPE timestamptz(6)
--@ case cidr to inet
ALTER TABLE typed ALTER COLUMN ci TYPE inet
--@ case xml to text
ALTER TABLE typed ALTER COLUMN x TYPE text
