use proptest::prelude::*;

use super::digests::DigestsError;
use super::*;
use crate::policy::Zero;
use crate::verdict::{Base, Decision, Known, Wish};

fn name(text: &str) -> ComponentName {
    ComponentName::new(text).unwrap()
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn part(component: &str, text: &str) -> Part {
    Part {
        version: version(text),
        tag: format!("{component}-v{text}"),
        commit: "c".repeat(40),
        digest: Digest::of(format!("{component} {text}").as_bytes()),
    }
}

fn manifest(text: &str, components: &[(&str, &str)]) -> Manifest {
    let parts = components.iter();
    Manifest {
        platform: name("shop"),
        version: version(text),
        components: parts.map(|(it, at)| (name(it), part(it, at))).collect(),
    }
}

fn known(components: &[(&str, &str)]) -> BTreeMap<ComponentName, Version> {
    versions(&manifest("1.0.0", components).components)
}

/// What the platform becomes after `from`, and the sentences that say why.
fn next(
    policy: &Policy,
    from: Option<&str>,
    before: &[(&str, &str)],
    now: &[(&str, &str)],
) -> (Option<String>, Vec<String>) {
    let base = from.map(|text| Base {
        tag: format!("platform-v{text}"),
        version: version(text),
    });
    let claims = claims(policy, &known(before), &known(now));
    let verdict = policy.verdict(
        &Known {
            base: base.as_ref(),
            claims: &claims,
            ..Known::default()
        },
        &Wish::default(),
    );
    let version = match verdict.decision {
        Decision::Release { version } => Some(version.to_string()),
        _ => None,
    };
    let reasons = verdict.reasons.into_iter();
    (version, reasons.map(|it| it.claim.sentence).collect())
}

#[test]
fn a_platform_rises_as_its_components_do() {
    let policy = Policy::default();
    let before = [("api", "1.2.3"), ("web", "2.0.0")];
    for (now, becomes, because) in [
        (vec![("api", "1.2.3"), ("web", "2.0.0")], None, vec![]),
        (
            vec![("api", "1.2.4"), ("web", "2.0.0")],
            Some("1.4.1"),
            vec!["api rises from 1.2.3 to 1.2.4"],
        ),
        (
            vec![("api", "1.2.4"), ("web", "2.1.0")],
            Some("1.5.0"),
            vec![
                "web rises from 2.0.0 to 2.1.0",
                "api rises from 1.2.3 to 1.2.4",
            ],
        ),
        (
            vec![("api", "2.0.0"), ("web", "2.0.0")],
            Some("2.0.0"),
            vec!["api rises from 1.2.3 to 2.0.0"],
        ),
        (
            vec![("api", "1.2.3"), ("cli", "0.1.0"), ("web", "2.0.0")],
            Some("1.5.0"),
            vec!["cli comes in with 0.1.0"],
        ),
        (
            vec![("api", "1.2.3")],
            Some("2.0.0"),
            vec!["web 2.0.0 goes out"],
        ),
        (
            vec![("api", "1.1.9"), ("web", "2.0.0")],
            Some("1.5.0"),
            vec!["api goes back by a minor version, from 1.2.3 to 1.1.9"],
        ),
        (
            vec![("api", "1.2.2"), ("web", "2.0.0")],
            Some("1.4.1"),
            vec!["api goes back by a patch version, from 1.2.3 to 1.2.2"],
        ),
        // What only its build differs in is another release all the same.
        (
            vec![("api", "1.2.3+2"), ("web", "2.0.0")],
            Some("1.4.1"),
            vec!["api rises from 1.2.3 to 1.2.3+2"],
        ),
    ] {
        let (version, reasons) = next(&policy, Some("1.4.0"), &before, &now);
        assert_eq!(
            (version.as_deref(), reasons),
            (becomes, because.iter().map(|it| it.to_string()).collect()),
            "{now:?}"
        );
    }
}

#[test]
fn the_first_release_is_what_the_policy_says() {
    let policy = Policy {
        first: version("3.0.0"),
        ..Policy::default()
    };
    let (version, reasons) = next(&policy, None, &[], &[("api", "1.2.3")]);
    assert_eq!(version.as_deref(), Some("3.0.0"));
    assert_eq!(reasons, ["api comes in with 1.2.3"]);
}

#[test]
fn before_one_it_rises_as_the_policy_says() {
    let next = |zero, platform, from, to| {
        let policy = Policy {
            zero,
            ..Policy::default()
        };
        next(&policy, Some(platform), &[("api", from)], &[("api", to)]).0
    };
    // The platform itself.
    let is = |version: Option<String>, text: &str| assert_eq!(version.as_deref(), Some(text));
    is(next(Zero::Minor, "0.3.4", "1.0.0", "2.0.0"), "0.4.0");
    is(next(Zero::Cargo, "0.3.4", "1.0.0", "1.1.0"), "0.3.5");
    is(next(Zero::Major, "0.3.4", "1.0.0", "2.0.0"), "1.0.0");
    // A component: only Cargo says what its numbers mean before 1.0.0.
    is(next(Zero::Minor, "1.0.0", "0.3.4", "0.4.0"), "1.1.0");
    is(next(Zero::Cargo, "1.0.0", "0.3.4", "0.4.0"), "2.0.0");
    is(next(Zero::Cargo, "1.0.0", "0.3.4", "0.3.5"), "1.0.1");
    is(next(Zero::Cargo, "1.0.0", "0.0.4", "0.0.5"), "2.0.0");
    is(next(Zero::Cargo, "1.0.0", "0.0.4", "0.1.0"), "2.0.0");
    is(next(Zero::Cargo, "1.0.0", "1.0.0", "1.0.1"), "1.0.1");
}

#[test]
fn a_version_that_is_recorded_otherwise_is_noticed() {
    let recorded = manifest("1.0.0", &[("api", "1.2.3"), ("web", "2.0.0")]);
    let mut now = manifest("1.1.0", &[("api", "1.2.3"), ("web", "2.0.1")]).components;
    assert_eq!(recorded.differing(&now), []);
    assert_eq!(
        recorded.digest_of(&name("api"), &version("1.2.3")),
        Some(Digest::of(b"api 1.2.3"))
    );
    assert_eq!(recorded.digest_of(&name("web"), &version("2.0.1")), None);
    assert_eq!(recorded.digest_of(&name("cli"), &version("1.0.0")), None);
    for change in [
        |it: &mut Part| it.digest = Digest::of(b"another"),
        |it: &mut Part| it.commit = "d".repeat(40),
    ] {
        let mut other = now.clone();
        other.values_mut().for_each(change);
        let found = recorded.differing(&other);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].component.as_str(), "api");
    }
    // Another tag of the same commit is no other release.
    now.values_mut().for_each(|it| it.tag = "v1".to_owned());
    assert_eq!(recorded.differing(&now), []);
}

const WRITTEN: &str = r#"{
  "components": [
    {
      "commit": "cccccccccccccccccccccccccccccccccccccccc",
      "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "name": "api",
      "tag": "api-v1.2.3",
      "version": "1.2.3"
    },
    {
      "commit": "cccccccccccccccccccccccccccccccccccccccc",
      "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "name": "web",
      "tag": "web-v2.0.0",
      "version": "2.0.0"
    }
  ],
  "platform": "shop",
  "schema": "switchback.platform/v1",
  "version": "1.4.0"
}
"#;

#[test]
fn a_manifest_is_these_bytes() {
    let mut it = manifest("1.4.0", &[("web", "2.0.0"), ("api", "1.2.3")]);
    it.components
        .values_mut()
        .for_each(|part| part.digest = Digest::of(b""));
    assert_eq!(String::from_utf8(it.bytes()).unwrap(), WRITTEN);
    assert_eq!(it.digest(), Digest::of(WRITTEN.as_bytes()));
    assert_eq!(Manifest::read(WRITTEN.as_bytes()), Ok(it));
}

#[test]
fn what_is_no_manifest_is_refused_with_its_place() {
    let read = |text: &str| Manifest::read(text.as_bytes()).unwrap_err();
    for (from, to, line, says) in [
        (
            "\"name\": \"web\"",
            "\"name\": \"api\"",
            13,
            "`api` stands there twice",
        ),
        (
            "\"name\": \"web\"",
            "\"name\": \"../web\"",
            13,
            "not a component name",
        ),
        ("sha256:e3", "sha256:E3", 5, "not a digest"),
        ("sha256:e3", "sha512:e3", 5, "not a digest"),
        ("\"cccc", "\"CCCC", 6, "the commit of `api`"),
        ("\"cccc", "\"c", 6, "the commit of `api`"),
        ("api-v1.2.3", "api v1.2.3", 6, "the tag of `api`"),
        ("\"1.4.0\"", "\"1.4\"", 20, "unexpected end"),
        ("platform/v1", "platform/v2", 19, "`switchback.platform/v2`"),
        (
            "\"platform\": \"shop\"",
            "\"platform\": \"shop\", \"more\": 1",
            18,
            "unknown field",
        ),
        (
            "  \"platform\": \"shop\",\n",
            "",
            20,
            "missing field `platform`",
        ),
        ("\"platform\":", "\"platform\" :", 18, "not written as"),
        ("\n", "\r\n", 1, "not written as"),
        ("\"shop\"", "\"\\u0073hop\"", 18, "not written as"),
    ] {
        let error = read(&WRITTEN.replacen(from, to, 1));
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.to_string().contains(says), "{to}: {error}");
    }
    for other in ["", "[]", "null", "{}", "{\"schema\": 1}"] {
        assert!(matches!(read(other).problem, Problem::Form(_)), "{other}");
    }
    assert_eq!(read(WRITTEN.trim_end()).problem, Problem::Rewritten);
    assert_eq!(read(&format!("{WRITTEN}\n")).problem, Problem::Rewritten);
    assert!(matches!(
        read(&format!("\u{feff}{WRITTEN}")).problem,
        Problem::Form(_)
    ));
    assert_eq!(read(&" ".repeat(LARGEST + 1)).problem, Problem::TooLarge);
    // Deeper than any stack.
    assert!(matches!(
        read(&"[".repeat(LARGEST)).problem,
        Problem::Form(_)
    ));
}

#[test]
fn digests_are_read_in_each_form() {
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    let both = BTreeMap::from([("api".to_owned(), one), ("web".to_owned(), two)]);
    for text in [
        format!("api {one}\nweb\t{two}\n"),
        format!("\u{feff}# built today\r\n\r\n  api   {one}  # amd64\r\nweb {two}"),
        format!("api {one}\nweb {two}\napi {one}\n"),
        format!("\n{{\"api\": \"{one}\", \"web\": \"{two}\"}}"),
        format!(
            "{{\"buildx.build.warnings\": {{}}, \
             \"api\": {{\"buildx.build.ref\": \"x\", \"containerimage.digest\": \"{one}\"}}, \
             \"web\": {{\"containerimage.digest\": \"{two}\"}}}}"
        ),
    ] {
        assert_eq!(digests::read(text.as_bytes()), Ok(both.clone()), "{text}");
    }
    assert_eq!(digests::read(b""), Ok(BTreeMap::new()));
}

#[test]
fn digests_that_are_none_are_refused_with_their_place() {
    let digest = Digest::of(b"1");
    let name = || "api".to_owned();
    let other = Digest::of(b"2");
    for (text, error) in [
        (format!("api {digest}\nweb"), DigestsError::Line { line: 2 }),
        (format!("api {digest} web"), DigestsError::Line { line: 1 }),
        ("api sha256:12".to_owned(), DigestsError::Line { line: 1 }),
        (
            format!("api {digest}\n\napi {other}"),
            DigestsError::Twice { name: name() },
        ),
        (
            format!("{{\"api\": \"{digest}\", \"api\": \"{other}\"}}"),
            DigestsError::Twice { name: name() },
        ),
        (
            "{\"api\": 1}".to_owned(),
            DigestsError::NoDigest { name: name() },
        ),
        (
            "{\"api\": {}}".to_owned(),
            DigestsError::NoDigest { name: name() },
        ),
    ] {
        assert_eq!(digests::read(text.as_bytes()), Err(error), "{text}");
    }
    let bytes = [b"api x\n".as_slice(), &[0xff]].concat();
    assert_eq!(
        digests::read(&bytes),
        Err(DigestsError::NotUtf8 { line: 2 })
    );
    for text in ["{", "{]", "{\"api\"}", &"{\"a\":".repeat(10_000)] {
        assert!(
            matches!(
                digests::read(text.as_bytes()),
                Err(DigestsError::NotJson(_))
            ),
            "{text}"
        );
    }
    assert_eq!(
        digests::read(&vec![b'#'; digests::LARGEST + 1]),
        Err(DigestsError::TooLarge)
    );
}

fn numbers() -> impl Strategy<Value = Version> {
    (0..3u64, 0..3u64, 0..3u64).prop_map(|(a, b, c)| Version::new(a, b, c))
}

fn parts() -> impl Strategy<Value = Parts> {
    let part = (numbers(), any::<[u8; 32]>(), "[a-z\"{}/é]{1,8}").prop_map(|(version, id, tag)| {
        let digest = Digest::from_bytes(id);
        Part {
            tag: format!("{tag}-v{version}"),
            commit: digest.hex(),
            version,
            digest,
        }
    });
    let name = "[a-z0-9][a-z0-9_-]{0,3}".prop_map(|it| ComponentName::new(it).unwrap());
    prop::collection::btree_map(name, part, 0..6)
}

fn zero() -> impl Strategy<Value = Zero> {
    prop_oneof![Just(Zero::Minor), Just(Zero::Cargo), Just(Zero::Major)]
}

proptest! {
    #[test]
    fn a_manifest_is_read_back(version in numbers(), components in parts()) {
        let it = Manifest { platform: name("shop"), version, components };
        let git_takes = it.components.values().all(|it| crate::tag::is_ref_name(&it.tag));
        prop_assert_eq!(Manifest::read(&it.bytes()).ok(), git_takes.then_some(it));
    }

    /// Whichever byte is another one, it is no manifest or says something else.
    #[test]
    fn a_changed_byte_is_noticed(at in 0..WRITTEN.len(), byte: u8) {
        let mut bytes = WRITTEN.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(read) = Manifest::read(&bytes) {
            prop_assert_eq!(read.bytes(), bytes);
        }
    }

    #[test]
    fn nothing_makes_a_reader_fail(bytes: Vec<u8>, text in "[{}\":, a-z0-9\n#é]{0,60}") {
        let _ = Manifest::read(&bytes);
        let _ = digests::read(&bytes);
        let _ = digests::read(text.as_bytes());
    }

    /// There is a claim for each component that is not what it was, and it raises the version.
    #[test]
    fn every_change_is_a_claim(zero in zero(), before in parts(), now in parts()) {
        let policy = Policy { zero, ..Policy::default() };
        let (before, now) = (versions(&before), versions(&now));
        let claims = claims(&policy, &before, &now);
        let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
        let changed = names.iter().filter(|it| before.get(**it) != now.get(**it)).count();
        prop_assert_eq!(claims.len(), changed);
        prop_assert!(claims.iter().all(|it| it.level > Level::None));
    }

    /// There and back is as far: whoever has the platform meets the same distance.
    #[test]
    fn back_is_as_far_as_forth(zero in zero(), one in numbers(), other in numbers()) {
        let policy = Policy { zero, ..Policy::default() };
        let at = |version: &Version| BTreeMap::from([(name("api"), version.clone())]);
        let level = |from, to| claims(&policy, &at(from), &at(to)).first().map(|it| it.level);
        prop_assert_eq!(level(&one, &other), level(&other, &one));
    }
}
