//! Which words with a capital letter are ordinary, where a sentence begins.

/// Words that sentences begin with, in lower case.
const ORDINARY: &str = "a about above after again against all almost also although always among an and \
    another any anybody anyone anything are as ask at automatic back be because become been before \
    behind being below better between both breaking but by call can cannot change changes check choose \
    clients code come commands create data day days default defaults delete did different do documents \
    does down drop each earlier either else empty end enough error errors even every everybody everyone \
    everything faster few fewer file files find first fix fixes follow for former from full further get \
    give go good half has have he her here his how however i if in instead into is it items its itself \
    just keep large last later least less let like links long longer look lower made mail main make \
    makes many may maybe messages migrations might more most move much must name names neither never new \
    next no nobody none nor not note notes nothing now number numbers of off often old on once one only \
    open or other others our out over own pages part people performance plain please put queries query \
    rather read reads release remove rename removes replace requests responses restart right run runs \
    same save search second security see send set several she should show shows since small so some \
    somebody someone something soon speed start starts step steps still stop such support supports take \
    takes tell tests text than thank thanks that the their them then there these they thing things this \
    those though through time to today together too tools towards try two under unless unlike until up \
    update updates upgrade use used user users uses using values version versions very via wait was way \
    we were what when where whether which while who whole whose why will with within without words work \
    works would write writes wrong yes yet you your";

/// Whether a word that begins a sentence is ordinary: one that is known, or one with the ending of a verb
/// or an adverb. A name may be ordinary too; this is a guess, and findings that rest on it say so.
pub(super) fn is_ordinary(word: &str) -> bool {
    let word = word.to_lowercase();
    let known = ORDINARY.split_whitespace().any(|it| it == word);
    let long = word.chars().count() > 4;
    known || long && ["ing", "ed", "ly"].iter().any(|it| word.ends_with(it))
}

/// The number that a word stands for, without `one`, which is rarely one.
pub(super) fn number(word: &str) -> Option<u64> {
    const WORDS: [(&str, u64); 31] = [
        ("zero", 0),
        ("two", 2),
        ("three", 3),
        ("four", 4),
        ("five", 5),
        ("six", 6),
        ("seven", 7),
        ("eight", 8),
        ("nine", 9),
        ("ten", 10),
        ("eleven", 11),
        ("twelve", 12),
        ("dozen", 12),
        ("thirteen", 13),
        ("fourteen", 14),
        ("fifteen", 15),
        ("sixteen", 16),
        ("seventeen", 17),
        ("eighteen", 18),
        ("nineteen", 19),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
        ("fifty", 50),
        ("sixty", 60),
        ("seventy", 70),
        ("eighty", 80),
        ("ninety", 90),
        ("hundred", 100),
        ("thousand", 1000),
        ("million", 1_000_000),
    ];
    let mut all = WORDS.iter();
    all.find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, number)| *number)
}

/// The month that a word names, from 1.
pub(super) fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let at = MONTHS.iter().position(|it| *it == word)?;
    i8::try_from(at + 1).ok()
}
