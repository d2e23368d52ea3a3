//! Atlas: directives at the top of a file, and the checksums in `atlas.sum`.
//!
//! As <https://github.com/ariga/atlas/blob/a5e0aecc/sql/migrate/dir.go> has them. A hash in the file
//! is that of the names and contents of all files so far, so that after the first difference no
//! later one says anything.

use std::fmt::Write as _;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::ProblemKind;

/// The name of the file with the checksums.
pub(super) const SUM: &str = "atlas.sum";

/// The values of a directive in the comments at the top of a file. They count only if an empty line
/// follows them, or nothing; a line that ends with `\r\n` is not empty for Atlas.
pub(super) fn directives<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let mut comments = Vec::new();
    let mut rest = text;
    while rest.starts_with('#') || rest.starts_with("--") {
        let Some((line, after)) = rest.split_once('\n') else {
            break;
        };
        comments.push(line.trim());
        rest = after;
    }
    if !rest.is_empty() && !rest.trim_start_matches([' ', '\t']).starts_with('\n') {
        return Vec::new();
    }
    comments
        .into_iter()
        .filter_map(|line| directive(line, name))
        .collect()
}

/// The value of a directive in the first line of a text: printable ASCII, `atlas:`, the name, and
/// the rest of the line.
fn directive<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.split('\n').next().unwrap_or_default();
    let printable = line
        .bytes()
        .position(|b| !(b' '..=b'~').contains(&b))
        .unwrap_or(line.len());
    // The last one that a word follows.
    let (mut found, mut from) = (None, 0);
    while let Some(at) = line.get(from..).and_then(|rest| rest.find("atlas:")) {
        let at = from + at;
        from = at + 1;
        let after = line.get(at + "atlas:".len()..).unwrap_or_default();
        let word = after
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || b == b'_'))
            .unwrap_or(after.len());
        if at <= printable && word > 0 {
            found = after.split_at_checked(word);
        }
    }
    let (word, value) = found?;
    if word != name {
        return None;
    }
    let value = value.strip_prefix(' ').unwrap_or_default();
    Some(value.trim_start_matches(' '))
}

/// The hashes of files in their order, as `atlas.sum` has them: 44 characters of base64 each.
pub(super) fn hashes(files: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let mut hasher = Sha256::new();
    let mut hashes = Vec::new();
    for (name, bytes) in files {
        hasher.update(name.as_bytes());
        let first_line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let mode = std::str::from_utf8(first_line)
            .ok()
            .and_then(|line| directive(line, "sum"));
        if mode == Some("ignore") {
            continue;
        }
        hasher.update(bytes);
        hashes.push(((*name).to_owned(), base64(&hasher.clone().finalize())));
    }
    hashes
}

fn sum(hashes: &[(String, String)]) -> String {
    let mut hasher = Sha256::new();
    for (name, hash) in hashes {
        hasher.update(name.as_bytes());
        hasher.update(hash.as_bytes());
    }
    base64(&hasher.finalize())
}

/// The text of `atlas.sum` for files in their order.
pub(super) fn sum_file(files: &[(&str, &[u8])]) -> String {
    let hashes = hashes(files);
    let mut text = format!("h1:{}\n", sum(&hashes));
    for (name, hash) in &hashes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name} h1:{hash}");
    }
    text
}

/// What is wrong between `atlas.sum` and the files, in their order: what it is, at the named file
/// or, without a name, at this place of `atlas.sum`.
pub(super) fn verify(
    sum_text: &str,
    sum_path: &str,
    files: &[(&str, &[u8])],
) -> Option<(Option<String>, Range<usize>, ProblemKind)> {
    let mut listed = Vec::new();
    let mut places = Vec::new();
    let mut lines = super::sections::lines(sum_text);
    let whole = lines.next().map_or("", |(line, _)| line);
    let whole = whole.strip_prefix("h1:").unwrap_or(whole);
    for (line, place) in lines {
        let Some((name, hash)) = line.split_once("h1:") else {
            let what = "a line without `h1:`, which Atlas refuses".to_owned();
            return Some((None, place, ProblemKind::Section(what)));
        };
        listed.push((name.trim().to_owned(), hash.to_owned()));
        places.push(place);
    }
    let checksum = || ProblemKind::Checksum {
        file: sum_path.to_owned(),
    };
    if whole != sum(&listed) {
        return Some((None, 0..whole.len().min(sum_text.len()), checksum()));
    }
    let actual = hashes(files);
    let same = listed
        .iter()
        .zip(&actual)
        .take_while(|(a, b)| a == b)
        .count();
    let added = |name: &str| {
        let unlisted = ProblemKind::Unlisted {
            file: sum_path.to_owned(),
        };
        Some((Some(name.to_owned()), 0..0, unlisted))
    };
    match (listed.get(same), actual.get(same)) {
        (None, None) => None,
        (None, Some((name, _))) => added(name),
        (Some((name, _)), there) => match actual.iter().position(|(other, _)| other == name) {
            None => {
                let missing = ProblemKind::Missing { name: name.clone() };
                let place = places.get(same).cloned().unwrap_or(0..0);
                Some((None, place, missing))
            }
            Some(at) if at == same => Some((Some(name.clone()), 0..0, checksum())),
            Some(_) => added(there.map_or("", |(name, _)| name)),
        },
    }
}

/// Base64 with padding, RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let index = bits >> (18 - 6 * at) & 63;
            let letter = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index));
            text.push(match letter {
                Some(letter) if at <= chunk.len() => char::from(*letter),
                _ => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &[u8]); 3] = [("1_a.sql", b"A"), ("2_b.sql", b"B"), ("3_c.sql", b"C")];

    /// What is found: the file, and the kind in short.
    fn found(sum: &str, files: &[(&str, &[u8])]) -> Option<(Option<String>, &'static str)> {
        verify(sum, "m/atlas.sum", files).map(|(file, _, kind)| {
            let kind = match kind {
                ProblemKind::Checksum { .. } => "edited",
                ProblemKind::Unlisted { .. } => "added",
                ProblemKind::Missing { .. } => "removed",
                _ => "format",
            };
            (file, kind)
        })
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let expected = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        for (length, text) in expected.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), *text);
        }
    }

    #[test]
    fn its_own_file_verifies() {
        assert_eq!(verify(&sum_file(&FILES), "atlas.sum", &FILES), None);
        assert_eq!(verify(&sum_file(&[]), "atlas.sum", &[]), None);
    }

    #[test]
    fn an_edited_added_or_removed_file_is_named() {
        let sum = sum_file(&FILES);
        let mut edited = FILES;
        edited[1].1 = b"B2";
        assert_eq!(
            found(&sum, &edited),
            Some((Some("2_b.sql".into()), "edited"))
        );
        assert_eq!(found(&sum, &FILES[..2]), Some((None, "removed")));
        let early = [("0_z.sql", b"Z".as_slice()), FILES[0], FILES[1], FILES[2]];
        assert_eq!(found(&sum, &early), Some((Some("0_z.sql".into()), "added")));
        let late = [FILES[0], FILES[1], FILES[2], ("4_d.sql", b"D".as_slice())];
        assert_eq!(found(&sum, &late), Some((Some("4_d.sql".into()), "added")));
    }

    #[test]
    fn an_edited_sum_is_seen_in_its_first_line() {
        let sum = sum_file(&FILES).replacen("2_b.sql", "2_x.sql", 1);
        assert_eq!(found(&sum, &FILES), Some((None, "edited")));
        assert_eq!(found("h1:x\nno hash\n", &FILES), Some((None, "format")));
    }

    #[test]
    fn a_file_can_take_itself_out() {
        let files: [(&str, &[u8]); 2] = [("1.sql", b"-- atlas:sum ignore\nA"), ("2.sql", b"B")];
        let names: Vec<String> = hashes(&files).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["2.sql"]);
    }

    #[test]
    fn directives_stand_apart_from_statements() {
        let none: [&str; 0] = [];
        assert_eq!(directives("-- atlas:txmode none\n\nX", "txmode"), ["none"]);
        assert_eq!(
            directives("-- a\n-- atlas:checkpoint\n", "checkpoint"),
            [""]
        );
        assert_eq!(directives("-- atlas:txmode none\nX", "txmode"), none);
        assert_eq!(directives("-- atlas:txmode none\r\n\r\nX", "txmode"), none);
        assert_eq!(directives("-- atlas:txmode none", "txmode"), none);
        assert_eq!(directives("X\n-- atlas:txmode none\n\n", "txmode"), none);
        assert_eq!(directives("-- atlas:tx none\n\n", "txmode"), none);
    }
}
