//! Every form, what is refused, and that nothing but the version changes.

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn ask(packages: &[&str]) -> Ask {
    Ask {
        app_version: false,
        packages: packages.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn read<'b>(kind: Kind, text: &'b str) -> Result<VersionFile<'b>, VersionFileError> {
    VersionFile::read("it", kind, text.as_bytes(), &ask(&["api", "web"]))
}

/// The version of a text, its lines, and the text with 2.0.0-rc.1.
#[track_caller]
fn moved(kind: Kind, text: &str) -> (String, Vec<usize>, String) {
    let file = read(kind, text).unwrap();
    let lines = file.places().iter().map(|it| it.line).collect();
    let with = String::from_utf8(file.with(&version("2.0.0-rc.1"))).unwrap();
    (file.version().to_string(), lines, with)
}

/// That a text is read, and that every `1.2.3` in it and nothing else is replaced.
#[track_caller]
fn all_of_it(kind: Kind, text: &str, lines: &[usize]) {
    let (is, at, with) = moved(kind, text);
    assert_eq!((is.as_str(), at.as_slice()), ("1.2.3", lines), "{text}");
    assert_eq!(with, text.replace("1.2.3", "2.0.0-rc.1"));
}

/// What is wrong with a text.
#[track_caller]
fn wrong(kind: Kind, text: &str) -> String {
    read(kind, text).unwrap_err().to_string()
}

#[test]
fn manifests_of_cargo() {
    all_of_it(
        Kind::Cargo,
        "# c\n[package]\nname = \"api\"\nversion = \"1.2.3\" # the version\n\n\
         [dependencies]\nserde = { version = \"1.2.4\" }\n",
        &[4],
    );
    all_of_it(
        Kind::Cargo,
        "package.name = 'api'\r\npackage.version='1.2.3'\r\n",
        &[2],
    );
    all_of_it(
        Kind::Cargo,
        "\u{feff}[package]\nversion = '''1.2.3'''\n",
        &[2],
    );
    all_of_it(
        Kind::Cargo,
        "[workspace]\n[workspace.package]\nversion = \"\"\"1.2.3\"\"\"",
        &[3],
    );
    // A workspace and its own first package.
    all_of_it(
        Kind::Cargo,
        "workspace = { package = { version = \"1.2.3\" } }\n[package]\nversion = { workspace = true }",
        &[1],
    );
    all_of_it(
        Kind::Cargo,
        "[workspace.package]\nversion = \"1.2.3\"\n[package]\nversion = \"1.2.3\"",
        &[2, 4],
    );
}

#[test]
fn what_a_manifest_of_cargo_does_not_say_is_not_guessed() {
    let inherited = "[package]\nname = \"api\"\nversion.workspace = true\n";
    assert!(
        wrong(Kind::Cargo, inherited).starts_with("it:3: `package.version` is inherited"),
        "{}",
        wrong(Kind::Cargo, inherited)
    );
    for (text, says) in [
        ("[workspace]\n", "it:1: no version: `package.version`"),
        ("", "it:1: no version"),
        ("[dependencies.x]\nversion = \"1.2.3\"", "it:1: no version"),
        (
            "[package]\nversion = \"1.2\"",
            "it:2: package.version is `1.2`, and no version",
        ),
        (
            "[package]\nversion = \"v1.2.3\"",
            "it:2: package.version is `v1.2.3`, and no version",
        ),
        (
            "[package]\nversion = 1",
            "it:2: package.version is not simply a text",
        ),
        (
            "[package]\n\nversion = \"1.2.\\u0033\"",
            "it:3: package.version is not simply a text",
        ),
        (
            "[package]\nversion = \"1.2.3\"\nversion = \"1.2.3\"",
            "it:3: the file cannot be read: ",
        ),
        ("[package\n", "it:1: the file cannot be read: "),
        (
            "[workspace.package]\nversion = \"1.2.3\"\n[package]\nversion = \"1.2.4\"",
            "it:4: package.version is 1.2.4, and line 2 says 1.2.3",
        ),
    ] {
        let said = wrong(Kind::Cargo, text);
        assert!(said.starts_with(says), "{text}: {said}");
    }
}

#[test]
fn whose_version_a_manifest_of_cargo_has() {
    let package = |text: &str| cargo_package("it", text.as_bytes()).unwrap();
    let is = |name: &str, version| {
        let name = name.to_owned();
        Some(CargoPackage { name, version })
    };
    let own = "[package]\nname = \"a\"\nversion = \"1.2.3\"";
    assert_eq!(package(own), is("a", CargoVersion::Own));
    let inherited = "[package]\nname = \"a\"\nversion = { workspace = true }";
    assert_eq!(package(inherited), is("a", CargoVersion::Inherited));
    assert_eq!(
        package("[package]\nname = \"a\""),
        is("a", CargoVersion::None)
    );
    assert_eq!(package("[workspace]"), None);
    assert!(cargo_package("it", b"[").is_err());
}

const LOCK: &str = "version = 4\n\n\
    [[package]]\nname = \"api\"\nversion = \"1.2.3\"\ndependencies = [\n \"serde\",\n \"web 1.2.3\",\n]\n\n\
    [[package]]\nname = \"serde\"\nversion = \"1.2.4\"\nsource = \"registry+x\"\n\n\
    [[package]]\nname = \"web\"\nversion = \"0.1.0\"\nsource = \"registry+x\"\n\n\
    [[package]]\nname = \"web\"\nversion = \"1.2.3\"\n";

#[test]
fn locks_of_cargo() {
    all_of_it(Kind::CargoLock, LOCK, &[5, 8, 23]);
    let api = VersionFile::read("it", Kind::CargoLock, LOCK.as_bytes(), &ask(&["api"])).unwrap();
    assert_eq!(api.places().len(), 1);
    // A package from elsewhere is not meant, and neither is the version of the file's form.
    let text = "version = 4\n[[package]]\nname = \"api\"\nversion = \"1.2.3\"\nsource = \"x\"\n";
    assert!(wrong(Kind::CargoLock, text).starts_with("it:1: no version: an entry of a package"));
    assert!(wrong(Kind::CargoLock, "").starts_with("it:1: no version"));
    let twice = "[[package]]\nname = \"api\"\nversion = \"1.2.3\"\n".repeat(2);
    assert_eq!(wrong(Kind::CargoLock, &twice), "it:6: `api` stands twice");
    let differ = LOCK.replace(
        "name = \"web\"\nversion = \"1.2.3\"",
        "name = \"web\"\nversion = \"1.2.9\"",
    );
    assert_eq!(
        wrong(Kind::CargoLock, &differ),
        "it:23: the version of web is 1.2.9, and line 5 says 1.2.3"
    );
}

#[test]
fn manifests_of_npm() {
    all_of_it(
        Kind::Npm,
        "{\n\t\"name\": \"a \\\" }\",\n\t\"engines\": {\"version\": \"9.9.9\", \"x\": [1, {\"version\": 2}]},\n\t\"version\" : \"1.2.3\"\n}",
        &[4],
    );
    all_of_it(Kind::Npm, "\u{feff}{\"version\":\"1.2.3\"}\r\n", &[1]);
    all_of_it(
        Kind::Npm,
        "{\"a\": -1.5e3, \"b\":true ,\"c\":[] , \"\\u0076ersion\": \"1.2.3\"}",
        &[1],
    );
    for (text, says) in [
        ("{}", "it:1: no version: `version` is missing"),
        (
            "{\"x\":{\"version\":\"1.2.3\"}}",
            "it:1: no version: `version` is missing",
        ),
        ("[\"version\"]", "it:1: the file cannot be read"),
        ("", "it:1: the file cannot be read"),
        (
            "{\n\"version\": \"1.2.3\",}",
            "it:2: the file cannot be read",
        ),
        (
            "{\"version\": \"1.2.3\",\n\"version\": \"1.2.3\"}",
            "it:2: `version` stands twice",
        ),
        (
            "{\"version\": \"1.2.3\",\n\"\\u0076ersion\": \"1.2.3\"}",
            "it:2: `version` stands twice",
        ),
        ("{\"version\": 1}", "it:1: version is not simply a text"),
        ("{\"version\": null}", "it:1: version is not simply a text"),
        (
            "{\"version\": \"1.2.\\u0033\"}",
            "it:1: version is not simply a text",
        ),
        ("{\"version\": \"latest\"}", "it:1: version is `latest`"),
    ] {
        let said = wrong(Kind::Npm, text);
        assert!(said.starts_with(says), "{text}: {said}");
    }
}

#[test]
fn locks_of_npm() {
    all_of_it(
        Kind::NpmLock,
        "{\n \"version\": \"1.2.3\",\n \"lockfileVersion\": 3,\n \"packages\": {\n  \"\": {\n   \"version\": \"1.2.3\"\n  },\n  \"node_modules/x\": {\"version\": \"1.2.4\"}\n }\n}\n",
        &[2, 6],
    );
    all_of_it(
        Kind::NpmLock,
        "{\"version\": \"1.2.3\", \"dependencies\": {\"x\": {\"version\": \"4.0.0\"}}}",
        &[1],
    );
    all_of_it(
        Kind::NpmLock,
        "{\"packages\": {\"\": {\"version\": \"1.2.3\"}}}",
        &[1],
    );
    assert!(wrong(Kind::NpmLock, "{\"packages\": 3}").starts_with("it:1: no version"));
    assert_eq!(
        wrong(
            Kind::NpmLock,
            "{\"version\": \"1.2.3\",\n\"packages\": {\"\": {\"version\": \"1.2.2\"}}}"
        ),
        "it:2: packages[\"\"].version is 1.2.2, and line 1 says 1.2.3"
    );
}

#[test]
fn manifests_of_python() {
    all_of_it(
        Kind::Python,
        "[project]\nname = 'a'\nversion = '1.2.3'\n[tool.poetry]\nversion = \"1.2.3\"\n[tool.x]\nversion = \"0.0.1\"",
        &[3, 5],
    );
    all_of_it(Kind::Python, "[tool.poetry]\nversion = \"1.2.3\"\n", &[2]);
    // Poetry fills in what the project leaves open.
    all_of_it(
        Kind::Python,
        "[project]\ndynamic = [\"version\"]\n[tool.poetry]\nversion = \"1.2.3\"\n",
        &[4],
    );
    let dynamic = "[project]\nname = 'a'\ndynamic = ['readme', 'version']\n";
    assert!(wrong(Kind::Python, dynamic).starts_with("it:3: `project.dynamic` says"));
    assert!(
        wrong(Kind::Python, "[project]\ndynamic = ['readme']").starts_with("it:1: no version: ")
    );
    assert!(
        wrong(Kind::Python, "[project]\nversion = \"1.2.3rc1\"")
            .starts_with("it:2: project.version is `1.2.3rc1`")
    );
}

#[test]
fn charts() {
    let text = "apiVersion: v2 # ü: version: 9\nname: api\nversion: 1.2.3 # the chart\n\
                appVersion: \"1.2.3\"\ndependencies:\n  - name: x\n    version: 4.5.6\n";
    let (is, lines, with) = moved(Kind::Chart, text);
    assert_eq!((is.as_str(), lines.as_slice()), ("1.2.3", [3].as_slice()));
    assert_eq!(with, text.replace("version: 1.2.3", "version: 2.0.0-rc.1"));
    let both = Ask {
        app_version: true,
        ..Ask::default()
    };
    let file = VersionFile::read("it", Kind::Chart, text.as_bytes(), &both).unwrap();
    let with = String::from_utf8(file.with(&version("2.0.0"))).unwrap();
    assert_eq!(with, text.replace("1.2.3", "2.0.0"));
    all_of_it(Kind::Chart, "\u{feff}version: '1.2.3'\r\n", &[1]);
    all_of_it(
        Kind::Chart,
        "{name: é, ? [a, b] : c, \"version\": \"1.2.3\"}",
        &[1],
    );
    let none = "name: a\nversion: 1.2.3\n";
    let said = VersionFile::read("it", Kind::Chart, none.as_bytes(), &both).unwrap_err();
    assert_eq!(
        said.to_string(),
        "it:1: no version: `appVersion` is missing"
    );
}

#[test]
fn what_a_chart_does_not_say_plainly_is_refused() {
    for (text, says) in [
        ("name: a\n", "it:1: no version: `version` is missing"),
        ("x:\n  version: 1.2.3\n", "it:1: no version"),
        ("", "it:1: no version"),
        ("- version: 1.2.3", "it:1: the file cannot be read"),
        (
            "version: 1.2.3\n---\nversion: 1.2.3\n",
            "it:2: the file cannot be read: it holds more",
        ),
        ("version: 1.2.3\nname: a\nversion: 1.2.3\n", "it:3: "),
        ("version: 1.2\n", "it:1: version is `1.2`"),
        ("version:\n", "it:1: version is not simply a text"),
        ("version: &a 1.2.3\n", "it:1: version is not simply a text"),
        (
            "a: &a 1.2.3\nversion: *a\n",
            "it:2: version is not simply a text",
        ),
        ("version: [1.2.3]\n", "it:1: version is not simply a text"),
        (
            "version: |\n  1.2.3\n",
            "it:2: version is not simply a text",
        ),
        (
            "version: \"1.2.\\x33\"\n",
            "it:1: version is not simply a text",
        ),
        ("version: {{ x }}\n", "it:1: "),
    ] {
        let said = wrong(Kind::Chart, text);
        assert!(said.starts_with(says), "{text}: {said}");
    }
}

#[test]
fn files_with_a_version_alone() {
    for text in ["1.2.3", "1.2.3\n", "\u{feff} v1.2.3\r\n\r\n"] {
        let line = 1;
        all_of_it(Kind::Plain, text, &[line]);
    }
    assert!(wrong(Kind::Plain, "\n").starts_with("it:1: no version"));
    assert_eq!(
        wrong(Kind::Plain, "\n1.2.3\n1.2.4\n"),
        "it:2: the text is `1.2.3\\n1.2.4`, and no version as in SemVer 2.0.0"
    );
}

#[test]
fn marked_lines() {
    all_of_it(
        Kind::Marked,
        "VERSION = \"1.2.3\"  # x-switchback-version x-switchback-version\r\nOTHER = \"9.9.9\"\r\n\
         image: api:v1.2.3 # x-switchback-version\r\n// This is 1.2.3. x-switchback-version",
        &[1, 3, 4],
    );
    // Numbers that are no versions may stand beside it.
    all_of_it(
        Kind::Marked,
        "f(1.2, 3, \"1.2.3\", port 8080) x-switchback-version",
        &[1],
    );
    for (text, says) in [
        ("1.2.3\n", "it:1: no version: a line with"),
        (
            "x-switchback-version\n",
            "it:1: the line has the mark `x-switchback-version` and 0",
        ),
        (
            "\n1.2.3 /1.2.3 x-switchback-version",
            "it:2: the line has the mark `x-switchback-version` and 2",
        ),
        (
            "a 1.2.3.4 x-switchback-version",
            "it:1: what is marked is `1.2.3.4`",
        ),
        (
            "a-1.2.3 x-switchback-version",
            "it:1: what is marked is `a-1.2.3`",
        ),
        (
            "1.2.3.tar x-switchback-version",
            "it:1: what is marked is `1.2.3.tar`",
        ),
        (
            "01.2.3 x-switchback-version",
            "it:1: what is marked is `01.2.3`",
        ),
        (
            "1.2.3 x-switchback-version\n1.2.4 x-switchback-version",
            "it:2: what is marked is 1.2.4, and line 1 says 1.2.3",
        ),
    ] {
        let said = wrong(Kind::Marked, text);
        assert!(said.starts_with(says), "{text}: {said}");
    }
}

#[test]
fn names_are_known() {
    for name in Kind::NAMES {
        assert!(Kind::of(name).is_some(), "{name}");
    }
    assert_eq!(Kind::of("setup.py"), None);
    assert_eq!(
        serde_json::from_str::<Kind>("\"npm-lock\"").unwrap(),
        Kind::NpmLock
    );
}

const ALL: [Kind; 8] = [
    Kind::Cargo,
    Kind::CargoLock,
    Kind::Npm,
    Kind::NpmLock,
    Kind::Python,
    Kind::Chart,
    Kind::Plain,
    Kind::Marked,
];

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    for kind in ALL {
        let large = " ".repeat(kind.largest() + 1);
        let said = wrong(kind, &large);
        assert!(said.contains("has more than"), "{kind:?}: {said}");
        let read = VersionFile::read("it", kind, b"a\n\xff", &Ask::default());
        let said = read.unwrap_err().to_string();
        assert_eq!(said, "it:2: the file is no text in UTF-8");
    }
}

#[test]
fn a_large_file_is_read() {
    let filler = format!("\"x\": \"{}\",", "y".repeat(1_000));
    let text = format!(
        "{{{}\"version\": \"1.2.3\"}}",
        filler.repeat(kind_room(Kind::Npm) / filler.len())
    );
    all_of_it(Kind::Npm, &text, &[1]);
    let text = format!(
        "{}1.2.3 x-switchback-version",
        "some line\n".repeat(100_000)
    );
    all_of_it(Kind::Marked, &text, &[100_001]);
}

/// Nearly as many bytes as a file of a form may have.
const fn kind_room(kind: Kind) -> usize {
    kind.largest() - 4_096
}

#[test]
fn depth_is_no_trouble() {
    for kind in ALL {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("a = [", "]"), ("- ", "")] {
            let text = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
            // Whatever it is, it is answered.
            drop(read(kind, &text));
        }
    }
}

/// Lines of which files are made: what is in some form, what nearly is, and what is hostile.
const LINES: &[&str] = &[
    "",
    "[package]",
    "[workspace.package]",
    "[project]",
    "[tool.poetry]",
    "[[package]]",
    "name = \"api\"",
    "version = \"1.2.3\"",
    "version = '1.2.3' # 1.2.3",
    "dependencies = [\"api 1.2.3\", \"web 1.2.3\"]",
    "version: 1.2.3",
    "version: '1.2.3' # 1.2.3",
    "appVersion: \"1.2.3\"",
    "  version: 1.2.3",
    "name: ü",
    "{",
    "}",
    "\"version\": \"1.2.3\",",
    "\"version\": \"1.2.3\"",
    "\"packages\": {\"\": {\"version\": \"1.2.3\"}},",
    "1.2.3",
    "v1.2.3",
    "x 1.2.3 x-switchback-version",
    "# é 1.2.3, 🦀 x-switchback-version",
    "\u{feff}",
    "\t",
    "\0",
    "\"",
    "'''",
];

proptest! {
    /// Whatever a file is: what is read has the same bytes with its own version, and with another one
    /// differs in the places alone and is read as that.
    #[test]
    fn nothing_else_changes(
        lines in prop::collection::vec(prop::sample::select(LINES), 0..8),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        bom: bool,
        app_version: bool,
        next in (0_u64..3, 0_u64..100, prop::sample::select(vec!["", "-rc.1", "-a.b+c.1"])),
    ) {
        let text = lines.join(end);
        let text = if bom { format!("\u{feff}{text}") } else { text };
        let next = version(&format!("{}.{}.0{}", next.0, next.1, next.2));
        let ask = Ask { app_version, ..ask(&["api"]) };
        for kind in ALL {
            let Ok(file) = VersionFile::read("it", kind, text.as_bytes(), &ask) else {
                continue;
            };
            prop_assert_eq!(file.with(file.version()), text.as_bytes());
            let with = file.with(&next);
            // Taken apart at the places, the rest is the same.
            let mut rest = with.as_slice();
            let mut from = 0;
            for place in file.places() {
                let between = Span::new(from, place.span.start).of(text.as_bytes());
                rest = rest.strip_prefix(between).unwrap();
                rest = rest.strip_prefix(next.to_string().as_bytes()).unwrap();
                from = place.span.end;
            }
            prop_assert_eq!(rest, Span::new(from, text.len()).of(text.as_bytes()));
            let again = VersionFile::read("it", kind, &with, &ask).unwrap();
            prop_assert_eq!(again.version(), &next);
            prop_assert_eq!(again.places().len(), file.places().len());
            prop_assert_eq!(again.with(file.version()), text.as_bytes());
        }
    }

    /// Nothing that is no file of a form harms.
    #[test]
    fn anything_is_answered(text in "(\\PC|[\\[\\]{}:\"',.=\n\t -])*") {
        for kind in ALL {
            drop(read(kind, &text));
        }
    }
}
