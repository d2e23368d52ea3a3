//! What a tool stores of a file when it applies it, so that it can tell later that it was edited.
//!
//! golang-migrate, goose, dbmate, Diesel, sql-migrate, node-pg-migrate and Supabase store versions
//! or texts only. Atlas's hash is that of a whole folder ([`atlas_hashes`]), and refinery's is made
//! of version and name too; neither is one of a file alone.

use std::fmt;

use sha2::{Digest, Sha256, Sha384};

use super::Tool;
use super::atlas;

/// A checksum of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-384 of the bytes, in `_sqlx_migrations.checksum` (binary):
    /// <https://github.com/launchbadge/sqlx/blob/9d6bf662/sqlx-core/src/migrate/migration.rs>.
    /// Characters that `sqlx.toml` says are ignored must be taken out before.
    Sha384([u8; 48]),
    /// SHA-256 of the bytes, in `_prisma_migrations.checksum` and `__drizzle_migrations.hash` (64
    /// hexadecimal digits):
    /// <https://github.com/prisma/prisma-engines/blob/48784dc4/schema-engine/connectors/schema-connector/src/checksum.rs>,
    /// <https://github.com/drizzle-team/drizzle-orm/blob/b7862528/drizzle-orm/src/migrator.ts>.
    Sha256([u8; 32]),
    /// CRC-32 of the lines without their ends, in `flyway_schema_history.checksum` (a signed
    /// number): <https://github.com/flyway/flyway/blob/c5e20fc7/flyway-core/src/main/java/org/flywaydb/core/internal/resolver/ChecksumCalculator.java>.
    /// In a repeatable migration placeholders must be replaced before.
    Crc32(i32),
}

impl fmt::Display for Checksum {
    /// As it is stored, binary ones in small hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Checksum::Sha384(bytes) => hex(bytes, f),
            Checksum::Sha256(bytes) => hex(bytes, f),
            Checksum::Crc32(number) => number.fmt(f),
        }
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// What `tool` stores of a file with these contents; none where it stores nothing of the kind.
pub fn checksum(tool: Tool, bytes: &[u8]) -> Option<Checksum> {
    match tool {
        Tool::Sqlx => Some(Checksum::Sha384(Sha384::digest(bytes).into())),
        Tool::Prisma | Tool::Drizzle => Some(Checksum::Sha256(Sha256::digest(bytes).into())),
        Tool::Flyway => Some(Checksum::Crc32(flyway(bytes))),
        Tool::Diesel
        | Tool::GolangMigrate
        | Tool::Dbmate
        | Tool::Goose
        | Tool::SqlMigrate
        | Tool::Refinery
        | Tool::NodePgMigrate
        | Tool::Atlas
        | Tool::Supabase
        | Tool::Plain => None,
    }
}

/// Whether a stored checksum, as text, is that of these contents for `tool`; none where the tool
/// stores nothing of the kind. Prisma lets the line ends differ, and so does this.
pub fn is_checksum_of(tool: Tool, bytes: &[u8], stored: &str) -> Option<bool> {
    let same = |bytes: &[u8]| {
        checksum(tool, bytes).map(|own| own.to_string().eq_ignore_ascii_case(stored))
    };
    if tool != Tool::Prisma {
        return same(bytes);
    }
    let replaced = |from: &[u8], to: &[u8]| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let [first, after @ ..] = rest {
            match rest.strip_prefix(from) {
                Some(after) => {
                    out.extend_from_slice(to);
                    rest = after;
                }
                None => {
                    out.push(*first);
                    rest = after;
                }
            }
        }
        out
    };
    Some(same(bytes)? || same(&replaced(b"\r\n", b"\n"))? || same(&replaced(b"\n", b"\r\n"))?)
}

/// The hashes that Atlas stores of the files of a folder, with their names, in the order of the
/// names, in `atlas_schema_revisions.hash` and `atlas.sum`: base64 of the SHA-256 of all names and
/// contents so far. A file that begins with `atlas:sum ignore` has none.
pub fn atlas_hashes(files: &[(&str, &[u8])]) -> Vec<(String, String)> {
    atlas::hashes(files)
}

/// The text of `atlas.sum` for the files of a folder in the order of their names.
pub fn atlas_sum(files: &[(&str, &[u8])]) -> String {
    atlas::sum_file(files)
}

/// CRC-32 (IEEE 802.3) of the lines of a text without their ends, and without a byte order mark
/// before the first. Lines end with `\n`, `\r` or both, so it is that of all other bytes.
fn flyway(bytes: &[u8]) -> i32 {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let crc = bytes
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        });
    (!crc).cast_signed()
}

/// What refinery may have stored of a migration in `refinery_schema_history.checksum`: SipHash-1-3 of
/// name, version and text, as Rust hashes them. Versions have 32 bits, or 64 if it is built so.
/// <https://github.com/rust-db/refinery/blob/14354f54/refinery_core/src/runner.rs>
pub(super) fn refinery(name: &str, version: &str, bytes: &[u8]) -> Vec<String> {
    let with = |version: &[u8]| {
        let parts = [name.as_bytes(), &[0xff], version, bytes, &[0xff]];
        siphash(&parts.concat()).to_string()
    };
    let short = version.parse::<i32>().map(|it| with(&it.to_le_bytes()));
    let long = version.parse::<i64>().map(|it| with(&it.to_le_bytes()));
    short.into_iter().chain(long).collect()
}

/// SipHash-1-3 with a key of zeros: <https://www.aumasson.jp/siphash/siphash.pdf>, with one round for
/// each word and three in the end.
fn siphash(bytes: &[u8]) -> u64 {
    let mut v: [u64; 4] = [
        0x736f_6d65_7073_6575,
        0x646f_7261_6e64_6f6d,
        0x6c79_6765_6e65_7261,
        0x7465_6462_7974_6573,
    ];
    let round = |[a, b, c, d]: [u64; 4]| {
        let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        let (a, c) = (a.rotate_left(32).wrapping_add(d), c.wrapping_add(b));
        let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        [a, b, c.rotate_left(32), d]
    };
    let mut word = |word: u64| {
        let [a, b, c, d] = v;
        let [a, b, c, d] = round([a, b, c, d ^ word]);
        v = [a ^ word, b, c, d];
    };
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        word(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
    }
    // The last one has the length in its highest byte.
    let mut last = [0; 8];
    for (place, byte) in last.iter_mut().zip(chunks.remainder()) {
        *place = *byte;
    }
    word(u64::from_le_bytes(last) | (bytes.len() as u64) << 56);
    let [a, b, c, d] = v;
    let ended = round(round(round([a, b, c ^ 0xff, d])));
    ended.iter().fold(0, |all, it| all ^ it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let text = |tool, bytes: &[u8]| checksum(tool, bytes).map(|sum| sum.to_string());
        // FIPS 180-2, appendix B.1 and D.1.
        assert_eq!(
            text(Tool::Prisma, b"abc").as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert_eq!(
            text(Tool::Sqlx, b"abc").as_deref(),
            Some(
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7"
            )
        );
        // The check value of CRC-32/ISO-HDLC, 0xcbf43926, as Java's int.
        assert_eq!(
            text(Tool::Flyway, b"123456789").as_deref(),
            Some("-873187034")
        );
        assert_eq!(text(Tool::Goose, b"abc"), None);
    }

    #[test]
    fn flyway_does_not_see_line_ends_and_the_mark() {
        let plain = checksum(Tool::Flyway, b"123456789");
        for same in [
            b"1234\r\n56789\n".as_slice(),
            b"\xef\xbb\xbf1\r2\n\n3456789",
            b"123456789\n",
        ] {
            assert_eq!(checksum(Tool::Flyway, same), plain);
        }
        assert_ne!(checksum(Tool::Flyway, b"\n\xef\xbb\xbf123456789"), plain);
        assert_eq!(checksum(Tool::Flyway, b""), Some(Checksum::Crc32(0)));
    }

    #[test]
    fn refinery_hashes_as_rust_does() {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        for length in 0..40 {
            let text = "x".repeat(length);
            // SipHash-1-3 with a key of zeros, so far.
            let mut hasher = DefaultHasher::new();
            ("add_email", 7_i32, text.as_str()).hash(&mut hasher);
            let mut wide = DefaultHasher::new();
            ("add_email", 7_i64, text.as_str()).hash(&mut wide);
            assert_eq!(
                refinery("add_email", "7", text.as_bytes()),
                [hasher.finish().to_string(), wide.finish().to_string()]
            );
        }
        assert_eq!(refinery("a", "x", b"").len(), 0);
    }

    #[test]
    fn prisma_lets_line_ends_differ() {
        let stored = |text: &[u8]| match checksum(Tool::Prisma, text) {
            Some(sum) => sum.to_string(),
            None => String::new(),
        };
        let (unix, windows) = (b"a\nb\n".as_slice(), b"a\r\nb\r\n".as_slice());
        assert_eq!(
            is_checksum_of(Tool::Prisma, unix, &stored(windows)),
            Some(true)
        );
        assert_eq!(
            is_checksum_of(Tool::Prisma, windows, &stored(unix)),
            Some(true)
        );
        assert_eq!(
            is_checksum_of(Tool::Prisma, unix, &stored(b"a\nb")),
            Some(false)
        );
        assert_eq!(is_checksum_of(Tool::Dbmate, unix, ""), None);
    }
}
