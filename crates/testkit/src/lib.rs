//! Test helpers: temporary PostgreSQL, scratch repositories, the hermetic command line.
