//! Fields of a record of `csvlog`: in double quotes where they hold a comma, a quote or an end of
//! line, with quotes inside doubled.

/// Whether a record ends here: no quote is open.
pub(super) fn is_whole(record: &str) -> bool {
    record.bytes().filter(|byte| *byte == b'"').count() % 2 == 0
}

/// The fields of a record.
pub(super) fn fields(record: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = record.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    all.push(field);
    all
}
