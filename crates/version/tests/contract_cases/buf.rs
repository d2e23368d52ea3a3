//! The breaking-change cases of buf: folders with a `previous` and a `current` state, and in
//! `breaking_test.go` the lines on which one of its rules finds something.
//!
//! Each of these lines is a break that one of our rules about the same thing has to find on that line.
//! Each other line of a declaration is compatible as far as that rule goes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::rc::Rc;

use switchback_version::contract::{Certainty, Direction, Surface};

use super::{About, Case, Known, Otherwise, Side};

/// One of its rules, ours that are about the same, and others of ours that may say it instead.
type Counterpart = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const RULES: &[Counterpart] = &[
    ("ENUM_NO_DELETE", &["source-enum-removed"], &[]),
    ("ENUM_SAME_JSON_FORMAT", &["json-form-not-promised"], &[]),
    ("ENUM_SAME_TYPE", &["source-enum-openness-changed"], &[]),
    (
        "ENUM_VALUE_NO_DELETE",
        &["source-enum-value-removed"],
        &["wire-enum-value-renumbered"],
    ),
    (
        "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED",
        &["json-enum-value-name-unreserved"],
        &[],
    ),
    (
        "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED",
        &[
            "wire-enum-value-removed-unreserved",
            "wire-enum-value-renumbered",
        ],
        &[],
    ),
    (
        "ENUM_VALUE_SAME_NAME",
        &["source-enum-value-renamed", "wire-enum-value-renumbered"],
        &[],
    ),
    (
        "EXTENSION_MESSAGE_NO_DELETE",
        &["wire-extension-range-removed"],
        &[],
    ),
    ("EXTENSION_NO_DELETE", &["source-extension-removed"], &[]),
    (
        "PACKAGE_EXTENSION_NO_DELETE",
        &["source-extension-removed"],
        &[],
    ),
    (
        "FIELD_NO_DELETE",
        &["source-field-removed", "wire-field-renumbered"],
        &[],
    ),
    (
        "FIELD_NO_DELETE_UNLESS_NAME_RESERVED",
        &["json-field-name-unreserved"],
        &[],
    ),
    (
        "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED",
        &["wire-field-removed-unreserved", "wire-field-renumbered"],
        &[],
    ),
    (
        "FIELD_SAME_CARDINALITY",
        &[
            "source-field-repetition-changed",
            "source-field-presence-changed",
            "wire-field-became-required",
            "wire-field-became-optional",
        ],
        &["source-field-type-changed"],
    ),
    (
        "FIELD_SAME_LABEL",
        &[
            "source-field-repetition-changed",
            "source-field-presence-changed",
            "wire-field-became-required",
            "wire-field-became-optional",
        ],
        &["source-field-type-changed"],
    ),
    (
        "FIELD_WIRE_COMPATIBLE_CARDINALITY",
        &[
            "wire-field-became-repeated",
            "wire-field-became-packed",
            "wire-field-became-singular",
            "wire-field-became-unpacked",
            "wire-field-became-required",
            "wire-field-became-optional",
        ],
        &[],
    ),
    (
        "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY",
        &[
            "json-field-repetition-changed",
            "wire-field-became-required",
            "wire-field-became-optional",
        ],
        &["json-field-type-changed"],
    ),
    (
        "FIELD_SAME_CPP_STRING_TYPE",
        &["source-field-ctype-changed"],
        &[],
    ),
    ("FIELD_SAME_DEFAULT", &["wire-field-default-changed"], &[]),
    (
        "FIELD_SAME_JAVA_UTF8_VALIDATION",
        &[
            "wire-field-text-checked-in-java",
            "wire-field-text-not-checked-in-java",
        ],
        &["wire-field-text-checked", "wire-field-text-not-checked"],
    ),
    ("FIELD_SAME_JSON_NAME", &["json-field-name-changed"], &[]),
    ("FIELD_SAME_JSTYPE", &["source-field-jstype-changed"], &[]),
    (
        "FIELD_SAME_NAME",
        &[
            "source-field-renamed",
            "wire-field-number-reused",
            "wire-field-renumbered",
        ],
        &[],
    ),
    ("FIELD_SAME_ONEOF", &["source-field-oneof-changed"], &[]),
    (
        "FIELD_SAME_TYPE",
        &["source-field-type-changed"],
        // Code does not see whether a message is delimited.
        &["wire-field-type-changed"],
    ),
    (
        "FIELD_SAME_UTF8_VALIDATION",
        &["wire-field-text-checked", "wire-field-text-not-checked"],
        &[],
    ),
    (
        "FIELD_WIRE_COMPATIBLE_TYPE",
        &[
            "wire-field-type-changed",
            "wire-field-message-changed",
            "wire-field-holds-less",
        ],
        &["wire-field-number-reused"],
    ),
    (
        "FIELD_WIRE_JSON_COMPATIBLE_TYPE",
        &[
            "wire-field-type-changed",
            "json-field-type-changed",
            "json-field-message-changed",
            "json-field-integer-size-changed",
        ],
        &["wire-field-number-reused"],
    ),
    ("FILE_SAME_PACKAGE", &["source-package-changed"], &[]),
    ("FILE_SAME_SYNTAX", &["source-syntax-changed"], &[]),
    ("MESSAGE_NO_DELETE", &["source-message-removed"], &[]),
    (
        "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR",
        &["source-descriptor-accessor-changed"],
        &[],
    ),
    ("MESSAGE_SAME_JSON_FORMAT", &["json-form-not-promised"], &[]),
    (
        "MESSAGE_SAME_MESSAGE_SET_WIRE_FORMAT",
        &["wire-message-set-changed"],
        &[],
    ),
    (
        "MESSAGE_SAME_REQUIRED_FIELDS",
        &[
            "wire-required-field-added",
            "wire-required-field-removed",
            "wire-field-became-required",
            "wire-field-became-optional",
        ],
        &[],
    ),
    ("ONEOF_NO_DELETE", &["source-oneof-removed"], &[]),
    (
        "PACKAGE_ENUM_NO_DELETE",
        &["source-enum-removed", "source-package-changed"],
        &[],
    ),
    (
        "PACKAGE_MESSAGE_NO_DELETE",
        &["source-message-removed", "source-package-changed"],
        &[],
    ),
    (
        "PACKAGE_NO_DELETE",
        &[
            "source-message-removed",
            "source-enum-removed",
            "source-package-changed",
        ],
        &[],
    ),
    ("PACKAGE_SERVICE_NO_DELETE", &["wire-service-removed"], &[]),
    (
        "RESERVED_ENUM_NO_DELETE",
        &["wire-reserved-number-removed", "json-reserved-name-removed"],
        &[],
    ),
    (
        "RESERVED_MESSAGE_NO_DELETE",
        &["wire-reserved-number-removed", "json-reserved-name-removed"],
        &[],
    ),
    ("RPC_NO_DELETE", &["wire-method-removed"], &[]),
    (
        "RPC_SAME_CLIENT_STREAMING",
        &["wire-method-client-streaming-changed"],
        &[],
    ),
    (
        "RPC_SAME_IDEMPOTENCY_LEVEL",
        &["wire-method-idempotency-lowered"],
        &[],
    ),
    (
        "RPC_SAME_REQUEST_TYPE",
        &["source-method-request-changed"],
        &[],
    ),
    (
        "RPC_SAME_RESPONSE_TYPE",
        &["source-method-response-changed"],
        &[],
    ),
    (
        "RPC_SAME_SERVER_STREAMING",
        &["wire-method-server-streaming-changed"],
        &[],
    ),
    ("SERVICE_NO_DELETE", &["wire-service-removed"], &[]),
];

/// Labels of which ours differ, and why.
pub(crate) const OTHERWISE: &[Otherwise] = &[
    (
        "breaking_enum_value_same_name 1.proto:46 ENUM_VALUE_SAME_NAME",
        "this name of the number is as it was; the other one has changed, which is found on its line",
    ),
    (
        "breaking_message_message 2.proto:0 MESSAGE_NO_DELETE",
        "the message stands in another file of the same package, where `PACKAGE_MESSAGE_NO_DELETE` does not miss it either",
    ),
    (
        "breaking_package_no_delete b2.proto:5 not",
        "an enum of this message is gone; the label is on the file in which the message stood before",
    ),
    (
        "breaking_rpc_same_values 2.proto:45 RPC_SAME_IDEMPOTENCY_LEVEL",
        "nothing was promised before and the absence of side effects is now, so that who calls it as before is answered as before",
    ),
    (
        "breaking_rpc_same_values 2.proto:55 RPC_SAME_IDEMPOTENCY_LEVEL",
        "nothing was promised before and the absence of side effects is now, so that who calls it as before is answered as before",
    ),
];

/// Our rules about the same, and those that may say it instead.
fn ours(rule: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    let known = RULES.iter().find(|it| it.0 == rule).map(|it| (it.1, it.2));
    let option = rule.starts_with("FILE_SAME_");
    known.or_else(|| option.then_some((&["source-file-option-changed"][..], &[][..])))
}

/// One finding of buf.
struct Label {
    folder: String,
    /// None for something that stands nowhere any more.
    place: Option<(String, Option<RangeInclusive<usize>>)>,
    rule: String,
}

/// The cases, and how many labels are left out, by why.
pub(crate) fn cases(folder: &Path) -> (Vec<Case>, BTreeMap<String, usize>) {
    let folder = folder.join("private/bufpkg/bufcheck");
    let labels = labels(&std::fs::read_to_string(folder.join("breaking_test.go")).unwrap());
    let data = folder.join("testdata/breaking");
    let mut cases = Vec::new();
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let folders: BTreeSet<&str> = labels.iter().map(|it| it.folder.as_str()).collect();
    for name in folders {
        let (old, new) = (
            files(&data.join("previous").join(name)),
            files(&data.join("current").join(name)),
        );
        let here: Vec<&Label> = labels.iter().filter(|it| it.folder == name).collect();
        let settings = std::fs::read_to_string(data.join("current").join(name).join("buf.yaml"));
        let ignored = settings.is_ok_and(|it| it.contains("ignore_unstable_packages: true"));
        let unstable = if ignored { unstable(&old) } else { Vec::new() };
        let (old, new) = (Rc::new(old), Rc::new(new));
        let known = Known::default();
        let case = |label: String, about: About, breaks: bool| Case {
            name: format!("{name} {label}"),
            surface: Surface::Protobuf,
            direction: Direction::Both,
            old: Side {
                root: String::new(),
                files: Rc::clone(&old),
            },
            new: Side {
                root: String::new(),
                files: Rc::clone(&new),
            },
            about: Some(about),
            known: Rc::clone(&known),
            unstable: unstable.clone(),
            least: Certainty::MayBreak,
            breaks,
        };
        for label in &here {
            let Some((rules, instead)) = ours(&label.rule) else {
                *left.entry(label.rule.clone()).or_default() += 1;
                continue;
            };
            let Some((file, lines)) = &label.place else {
                *left.entry("no place".to_owned()).or_default() += 1;
                continue;
            };
            let at = lines.as_ref().map_or(0, |it| *it.start());
            let about = About {
                file: file.clone(),
                lines: lines.clone(),
                rules: [rules, instead].concat(),
            };
            cases.push(case(format!("{file}:{at} {}", label.rule), about, true));
        }
        let rules: BTreeSet<_> = here.iter().filter_map(|it| ours(&it.rule)).collect();
        for (rules, _) in rules {
            let shared = |it: &&[&str]| it.iter().any(|it| rules.contains(it));
            let alike = || {
                let here = here.iter();
                here.filter(|it| ours(&it.rule).is_some_and(|it| shared(&it.0)))
            };
            // What is gone with everything around it is found at the beginning of the file.
            let gone = |file: &str| {
                alike().any(|it| match &it.place {
                    Some((path, lines)) => path == file && lines.is_none(),
                    None => true,
                })
            };
            for (file, text) in new.iter() {
                for (number, line) in (1..).zip(text.lines()) {
                    let declares =
                        line.contains([';', '{']) && !line.trim_start().starts_with("//");
                    // A label over several lines is about the thing that begins there.
                    let labelled = alike().any(|it| match &it.place {
                        Some((path, Some(lines))) => path == file && *lines.start() == number,
                        _ => false,
                    });
                    if declares && !labelled && !(number == 1 && gone(file)) {
                        let about = About {
                            file: file.clone(),
                            lines: Some(number..=number),
                            rules: rules.to_vec(),
                        };
                        let name = format!("{file}:{number} not {}", rules[0]);
                        cases.push(case(name, about, false));
                    }
                }
            }
        }
    }
    (cases, left)
}

/// Packages whose last part is a version that says it is none yet, such as `v1beta1`.
fn unstable(files: &BTreeMap<String, String>) -> Vec<String> {
    let lines = files.values().flat_map(|it| it.lines());
    let packages = lines.filter_map(|it| it.strip_prefix("package ")?.strip_suffix(';'));
    let early = |it: &&str| {
        let version = it.rsplit('.').next().and_then(|it| it.strip_prefix('v'));
        version.is_some_and(|it| {
            ["alpha", "beta", "test"]
                .iter()
                .any(|word| it.contains(word))
        })
    };
    let found: BTreeSet<&str> = packages.filter(early).collect();
    found.into_iter().map(|it| format!("{it}.")).collect()
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, prefix: &str, out: &mut BTreeMap<String, String>) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                walk(&path, &format!("{prefix}{name}/"), out);
            } else if name.ends_with(".proto") {
                out.insert(
                    format!("{prefix}{name}"),
                    std::fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    let mut out = BTreeMap::new();
    // Some have a folder that their configuration says is the root.
    let root = folder.join("root");
    walk(if root.is_dir() { &root } else { folder }, "", &mut out);
    out
}

/// What the tests of `breaking_test.go` expect.
fn labels(text: &str) -> Vec<Label> {
    let mut out = Vec::new();
    let mut folder = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("\"breaking_") {
            folder = format!("breaking_{}", name.trim_end_matches("\","));
        }
        let Some((_, call)) = line.split_once("NewFileAnnotation") else {
            continue;
        };
        let Some((kind, arguments)) = call.split_once("(t, ") else {
            continue;
        };
        let arguments = arguments.trim_end_matches([')', ',']);
        let parts: Vec<&str> = arguments
            .split(", ")
            .map(|it| it.trim_matches('"'))
            .collect();
        let (place, rule) = match (kind, &parts[..]) {
            ("", [file, line, _, end, _, rule]) => {
                let lines = line.parse().unwrap()..=end.parse().unwrap();
                (Some(((*file).to_owned(), Some(lines))), rule)
            }
            ("NoLocation", [file, rule]) => (Some(((*file).to_owned(), None)), rule),
            ("NoLocationOrPath", [rule]) => (None, rule),
            _ => continue,
        };
        out.push(Label {
            folder: folder.clone(),
            place,
            rule: (*rule).to_owned(),
        });
    }
    out
}
