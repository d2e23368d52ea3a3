//! Protobuf files of editions: what says the same as proto2 and proto3 is no change, wherever features
//! are said; and what is none of an edition is refused on its line.
#![cfg(feature = "protobuf")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use switchback_version::contract::{Contract, Finding, Options, Surface, Unreadable, diff};

type Files = BTreeMap<String, String>;

fn one(text: &str) -> Files {
    BTreeMap::from([("shop/api.proto".to_owned(), text.to_owned())])
}

fn compare(old: &Files, new: &Files) -> Result<Vec<Finding>, Unreadable> {
    let side = |files| Contract {
        root: "shop",
        files,
    };
    diff(Surface::Protobuf, side(old), side(new), &Options::default())
}

fn findings(old: &str, new: &str) -> Vec<Finding> {
    compare(&one(old), &one(new)).unwrap()
}

/// Rules without what they all begin with, and on which line something is found.
fn said(found: &[Finding]) -> Vec<(&'static str, usize)> {
    let ids = found
        .iter()
        .map(|it| (it.rule.id.strip_prefix("protobuf-").unwrap(), it.new.line));
    ids.collect()
}

const PROTO2: &str = r#"syntax = "proto2";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "example.shop";
option java_multiple_files = true;
option go_package = "example/shop";
message Order {
  reserved 20 to 29, 40;
  reserved "old", "older";
  required int32 count = 1;
  optional string note = 2 [default = "none"];
  optional Kind kind = 3 [default = KIND_BIG];
  repeated int32 scores = 4;
  repeated int32 packed = 5 [packed = true, deprecated = true];
  optional group Part = 6 { optional string name = 1; }
  repeated group Parts = 7 { required int32 x = 1; }
  map<string, Item> stock = 8;
  oneof way { string mail = 9; group Phone = 10 { optional int32 number = 1; } Item item = 11; }
  optional string word = 12 [ctype = CORD];
  optional google.protobuf.Timestamp made = 13 [json_name = "when"];
  extensions 100 to 199;
  message Inner { optional Order order = 1; }
  enum Sort { SORT_NONE = 0; }
}
message Item { optional bytes name = 1; }
message Api {}
enum Kind { KIND_ONE = 1; KIND_BIG = 2; reserved 5 to max; reserved "KIND_OLD"; }
extend Order {
  optional string hint = 100;
  repeated fixed32 ranks = 101;
  optional group Extra = 102 { optional int32 x = 1; }
}
service Orders { rpc Make(Order) returns (stream Item) { option idempotency_level = IDEMPOTENT; } }
"#;

const OF_PROTO2: &str = r#"edition = "2023";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "example.shop";
option java_multiple_files = true;
option go_package = "example/shop";
option features = {
  enum_type: CLOSED, json_format: LEGACY_BEST_EFFORT # as it was
  utf8_validation: NONE;
  repeated_field_encoding: EXPANDED
};
message Order {
  reserved 20 to 29, 40;
  reserved old, /* and */ older;
  int32 count = 1 [features.field_presence = LEGACY_REQUIRED];
  string note = 2 [default = "none"];
  Kind kind = 3 [default = KIND_BIG];
  repeated int32 scores = 4;
  repeated int32 packed = 5 [features.repeated_field_encoding = PACKED, deprecated = true];
  message Part { string name = 1; }
  Part part = 6 [features.message_encoding = DELIMITED];
  message Parts { int32 x = 1 [features.field_presence = LEGACY_REQUIRED]; }
  repeated Parts parts = 7 [features.message_encoding = DELIMITED];
  map<string, Item> stock = 8;
  oneof way {
    string mail = 9;
    Phone phone = 10 [features.message_encoding = DELIMITED];
    Item item = 11;
  }
  message Phone { int32 number = 1; }
  string word = 12 [ctype = CORD];
  .google.protobuf.Timestamp made = 13 [json_name = "when"];
  extensions 100 to 199;
  message Inner { Order order = 1; }
  enum Sort { SORT_NONE = 0; }
}
message Item { bytes name = 1; }
message Api {}
enum Kind { KIND_ONE = 1; KIND_BIG = 2; reserved 5 to max; reserved KIND_OLD; }
message Extra { int32 x = 1; }
extend Order {
  string hint = 100;
  repeated fixed32 ranks = 101;
  Extra extra = 102 [features.message_encoding = DELIMITED];
}
service Orders { rpc Make(Order) returns (stream Item) { option idempotency_level = IDEMPOTENT; } }
"#;

const PROTO3: &str = r#"syntax = "proto3";
package shop.v1;
option java_package = "example.shop";
option java_outer_classname = "Shop";
message Order {
  reserved "old";
  int32 count = 1;
  string note = 2;
  Kind kind = 3;
  Item item = 4;
  repeated int32 scores = 5;
  repeated int32 loose = 6 [packed = false];
  optional int64 total = 7;
  oneof way { string mail = 8; bytes raw = 9; }
  map<string, string> stock = 10;
  optional Item other = 11;
}
message Item { string name = 1; message Inner { int32 x = 1; } }
enum Kind { KIND_NONE = 0; }
"#;

const OF_PROTO3: &str = r#"edition = "2023";
package shop.v1;
option java_package = "example.shop";
option java_outer_classname = "Shop";
option features.field_presence = IMPLICIT;
message Order {
  reserved old;
  int32 count = 1;
  string note = 2;
  Kind kind = 3;
  Item item = 4;
  repeated int32 scores = 5;
  repeated int32 loose = 6 [features.repeated_field_encoding = EXPANDED];
  int64 total = 7 [features.field_presence = EXPLICIT];
  oneof way { string mail = 8; bytes raw = 9; }
  map<string, string> stock = 10;
  Item other = 11 [features = { field_presence: EXPLICIT }];
}
message Item { string name = 1; message Inner { int32 x = 1; } }
enum Kind { KIND_NONE = 0; }
"#;

/// A file of edition 2023 as one of a later edition that says the same.
fn later(text: &str, edition: &str) -> String {
    let head = format!("edition = \"{edition}\";");
    let options = "option features.default_symbol_visibility = EXPORT_ALL; \
        option features.(pb.cpp).string_type = STRING; \
        option features.(pb.cpp).enum_name_uses_string_view = false; \
        option features.(pb.go).api_level = API_OPEN;";
    let aggregate = "default_symbol_visibility: EXPORT_ALL [pb.go] { api_level: API_OPEN } \
        [pb.cpp] < string_type: STRING enum_name_uses_string_view: false >";
    let mut text = text.replace("edition = \"2023\";", &head);
    text = if text.contains("option features = {") {
        text.replace(
            "option features = {",
            &format!("option features = {{ {aggregate}"),
        )
    } else {
        text.replace("package shop.v1;", &format!("package shop.v1; {options}"))
    };
    // What became features, or was said by an option.
    let text = text.replace("[ctype = CORD]", "[features.(pb.cpp).string_type = CORD]");
    if text.contains("option java_multiple_files = true;") {
        text.replace(
            "option java_multiple_files = true;",
            "option java_outer_classname = \"ApiOuterClass\";",
        )
    } else {
        let nest = "option features.(pb.java).nest_in_file_class = YES;";
        ["message Order {", "message Item {", "enum Kind {"]
            .into_iter()
            .fold(text, |text, it| text.replace(it, &format!("{it} {nest}")))
    }
}

#[test]
fn a_file_that_says_the_same_in_an_edition_has_not_changed() {
    for (syntax, edition) in [(PROTO2, OF_PROTO2), (PROTO3, OF_PROTO3)] {
        let texts = [
            syntax.to_owned(),
            edition.to_owned(),
            later(edition, "2024"),
            later(edition, "2026"),
        ];
        for old in &texts {
            for new in &texts {
                assert_eq!(findings(old, new), [], "{old}\n{new}");
            }
        }
    }
}

#[test]
fn a_java_class_may_be_named_as_it_was_by_itself() {
    let old = "edition = \"2023\"; option java_package = \"p\"; message M {}";
    let new = "edition = \"2024\"; option java_package = \"p\"; \
        option java_outer_classname = \"Api\"; \
        message M { option features.(pb.java).nest_in_file_class = YES; }";
    let bare = |it: &str| it.replace("option java_package = \"p\";", "");
    for (old, new) in [(old, new), (&bare(old), &bare(new))] {
        assert_eq!(findings(old, new), []);
        let other = new.replace("Api", "Else");
        assert_eq!(
            said(&findings(old, &other)),
            [("source-file-option-changed", 1)]
        );
    }
    let (old, new) = (bare(old), bare("edition = \"2024\"; message M {}"));
    assert_eq!(findings(&old, &new), []);
}

#[test]
fn an_edition_without_features_is_neither_proto2_nor_proto3() {
    let body = "message M { int32 a = 1; repeated int32 b = 2; string c = 3; E e = 4; }\nenum E { Z = 0; }";
    let edition = format!("edition = '2023';\n{body}");
    let proto3 = format!("syntax = 'proto3';\n{body}");
    assert_eq!(
        said(&findings(&proto3, &edition)),
        [1, 3, 4]
            .map(|_| [
                ("source-field-presence-changed", 2),
                ("wire-field-presence-gained", 2)
            ])
            .concat()
    );
    let proto2 = proto3
        .replace("proto3", "proto2")
        .replace("int32 a", "optional int32 a")
        .replace("string c", "optional string c")
        .replace("E e", "optional E e");
    let found = findings(&proto2, &edition);
    assert_eq!(
        said(&found),
        [
            ("wire-field-packing-changed", 2),
            ("wire-field-text-checked", 2),
            ("source-enum-openness-changed", 3),
            ("wire-enum-opened", 3)
        ]
    );
}

#[test]
fn a_new_edition_changes_what_it_has_other_defaults_for() {
    let old = "edition = \"2023\";\npackage p;\noption java_package = \"p\";\noption go_package = \"p\";\n\
        message M { string a = 1;\nmessage N {}\n}\nenum E { Z = 0; }\n";
    let new = old.replace("2023", "2024");
    assert_eq!(
        said(&findings(old, &new)),
        [
            // The class of the file, and that others are no part of it.
            ("source-file-option-changed", 1),
            ("source-file-option-changed", 1),
            ("source-feature-changed", 5),
            ("source-field-ctype-changed", 5),
            ("source-feature-changed", 6),
            ("source-type-hidden", 6),
            ("source-feature-changed", 8),
        ]
    );
    // Who generates neither Java nor Go does not notice what they have.
    let plain = |it: &str| {
        it.replace("option java_package = \"p\";", "")
            .replace("option go_package = \"p\";", "")
    };
    assert_eq!(
        said(&findings(&plain(old), &plain(&new))),
        [
            ("source-field-ctype-changed", 5),
            ("source-type-hidden", 6),
            ("source-feature-changed", 8),
        ]
    );
}

#[test]
fn lines_are_those_of_the_file_as_it_is_written() {
    let old = r#"// Words about it; "quotes' and { braces
/* edition = "1999";
*/
edition
  = /* the
  newest */ "2024"
;
package shop.v1;
import option "google/protobuf/cpp_features.proto";

export message Order {
  reserved one,
    two;
  int32 count = 1 [
    features.field_presence = IMPLICIT,
    json_name = "number",
    features.(pb.cpp).string_type = VIEW,
    deprecated = false
  ]; local enum Kind { option features.enum_type = CLOSED; Z = 0; }

  Kind kind = 2; string s = 3;
}
"#;
    let edits = [
        ("IMPLICIT", "EXPLICIT", 14),
        ("\"number\"", "\"amount\"", 14),
        ("local enum", "export enum", 19),
        ("CLOSED", "OPEN", 19),
        ("string s", "bytes s", 21),
        ("Kind kind = 2", "repeated Kind kind = 2", 21),
        ("export message", "local message", 11),
    ];
    for (from, to, line) in edits {
        assert_eq!(old.matches(from).count(), 1, "{from}");
        let found = findings(old, &old.replace(from, to));
        let lines: Vec<usize> = found.iter().map(|it| it.new.line).collect();
        assert!(
            !lines.is_empty() && lines.iter().all(|it| *it == line),
            "{to}: {found:?}"
        );
    }
    // Beside features that are taken out, other options stay in their places.
    let found = findings(old, &old.replace("deprecated = false", "deprecated = true"));
    assert_eq!(said(&found), [("deprecated", 14)]);
    let method = "edition = \"2023\"; service S { rpc M(E) returns (E) {\n\
        option features.(made.up) = { a: [1] };\noption idempotency_level = IDEMPOTENT; } } message E {}";
    let found = findings(method, &method.replace("IDEMPOTENT", "IDEMPOTENCY_UNKNOWN"));
    assert_eq!(said(&found), [("wire-method-idempotency-lowered", 3)]);
}

#[test]
fn words_of_editions_are_names_elsewhere() {
    let text = r#"edition = "2023";
import "google/protobuf/descriptor.proto";
message export { int32 edition = 1; local l = 2; export e = 3; }
message local { string syntax = 1; bytes features = 2; repeated int32 reserved_ = 3; }
message M {
  oneof edition { int32 repeated_ = 1; export message_ = 2; }
  map<string, export> m = 3;
  .local.Inner a = 4;
  string text = 5 [default = "edition = '2024'; // { \" \\", (hint) = { features: 3
  }];
}
message Optional { optionality o = 1; requiredness r = 2; groups g = 3; }
message optionality {} message requiredness {} message groups {}
extend local { repeated group_ e = 100; }
message group_ {}
message Hint { int32 features = 1; }
extend google.protobuf.FieldOptions { Hint hint = 50000; }
"#
    .replace(".local.Inner a = 4;", ".local a = 4;")
    .replace("message local {", "message local { extensions 100 to max;");
    assert_eq!(findings(&text, &text), []);
    let found = findings(&text, &text.replace("bytes features", "int32 features"));
    assert_eq!(found[0].new.line, 4);
    // A package, a file or an extension may be called like one.
    let files: Files = [
        (
            "shop/edition.proto",
            "edition = \"2023\"; package edition; message A { edition.B b = 1; } message B {}",
        ),
        (
            "shop/old.proto",
            "package features; message optional { optional int32 edition = 1; }",
        ),
    ]
    .map(|it| (it.0.to_owned(), it.1.to_owned()))
    .into();
    assert_eq!(compare(&files, &files).unwrap(), []);
}

#[test]
fn files_of_syntaxes_and_editions_import_each_other() {
    let files = |edition: &str| -> Files {
        [
            (
                "shop/old.proto",
                "syntax = \"proto3\"; package shop; import \"new.proto\"; message Old { Kind kind = 1; New new = 2; }".to_owned(),
            ),
            (
                "shop/new.proto",
                format!("{edition}; package shop; import \"google/protobuf/cpp_features.proto\"; enum Kind {{ KIND_NONE = 0; }} message New {{}}"),
            ),
            // Some keep copies of what compilers bring along.
            ("shop/google/protobuf/cpp_features.proto", "no protobuf".to_owned()),
        ]
        .map(|it| (it.0.to_owned(), it.1))
        .into()
    };
    let (old, new) = (files("edition = \"2023\""), files("syntax = \"proto3\""));
    assert_eq!(compare(&old, &new).unwrap(), []);
    // Options come from files as well.
    let mut files: Files = one(
        "edition = \"2024\";\nimport option \"hints.proto\";\nmessage M { int32 a = 1 [(hint) = 3]; }",
    );
    assert_eq!(
        compare(&files, &files).unwrap_err(),
        Unreadable::MissingImport {
            file: "shop/api.proto".to_owned(),
            line: 2,
            import: "hints.proto".to_owned()
        }
    );
    files.insert(
        "shop/hints.proto".to_owned(),
        "edition = \"2023\"; import \"google/protobuf/descriptor.proto\"; extend google.protobuf.FieldOptions { int32 hint = 50000; }".to_owned(),
    );
    assert_eq!(compare(&files, &files).unwrap(), []);
}

#[test]
fn what_is_none_of_an_edition_is_refused_on_its_line() {
    let head = "edition = \"2023\";\n";
    let later = "edition = \"2024\";\n";
    let cases = [
        ("", "edition = \"2022\";", 1, "`2022`"),
        ("", "\n\nedition = \"proto3\";", 3, "2023, 2024"),
        ("", "edition = 2023;", 1, "\"2023\""),
        ("", "edition =", 1, "\"2023\""),
        ("", "edition = \"2023\"", 1, "';'"),
        ("", "edition = \"2023\n\";", 1, "edition"),
        ("", "syntax = \"proto3\";\nedition = \"2023\";", 2, "first"),
        ("", "message A {}\n\n\n  edition = \"2023\";", 4, "first"),
        (head, "syntax = \"proto3\";", 2, "one edition"),
        (head, "\nedition = \"2023\";", 3, "one edition"),
        // Features.
        (
            head,
            "option features.field_presenc = IMPLICIT;",
            2,
            "field_presenc",
        ),
        (
            head,
            "\noption features.enum_type = AJAR;",
            3,
            "OPEN, CLOSED",
        ),
        (head, "option features.enum_type = 1;", 2, "enum_type"),
        (
            head,
            "option features.enum_type = \"OPEN\";",
            2,
            "enum_type",
        ),
        (
            head,
            "option features = { enum_type OPEN };",
            2,
            "enum_type",
        ),
        (head, "option features = { enum_type: };", 2, "no value"),
        (head, "option features = { 3: OPEN };", 2, "no name"),
        (head, "option features = IMPLICIT;", 2, "feature"),
        (
            head,
            "option features.(pb.cpp).string_type = ROPE;",
            2,
            "VIEW, CORD",
        ),
        (
            head,
            "option features.field_presence = LEGACY_REQUIRED;",
            2,
            "required",
        ),
        (
            head,
            "message A {\noption features.field_presence = IMPLICIT; }",
            3,
            "a message",
        ),
        (
            head,
            "message A {\nint32 b = 1 [\nfeatures.enum_type = OPEN]; }",
            4,
            "a field",
        ),
        (
            head,
            "message A { oneof o {\noption features.utf8_validation = NONE; int32 a = 1; } }",
            3,
            "a oneof",
        ),
        (
            head,
            "message A { extensions 5 to 9\n[features.utf8_validation = NONE]; }",
            3,
            "extensions",
        ),
        (
            head,
            "enum A { B = 0\n[features.enum_type = OPEN]; }",
            3,
            "a value",
        ),
        (
            head,
            "service A {\noption features.json_format = ALLOW; }",
            3,
            "a service",
        ),
        (
            head,
            "message E {} service A { rpc B(E) returns (E) {\noption features.json_format = ALLOW; } }",
            3,
            "a method",
        ),
        (
            head,
            "option features.default_symbol_visibility = STRICT;",
            2,
            "edition 2024",
        ),
        (
            head,
            "option features.enum_type = OPEN;\noption features.enum_type = CLOSED;",
            3,
            "twice",
        ),
        (
            "syntax = \"proto3\";\n",
            "option features.enum_type = OPEN;",
            2,
            "editions",
        ),
        (
            "",
            "\nmessage A { optional int32 b = 1 [features.(pb.cpp).string_type = VIEW]; }",
            2,
            "editions",
        ),
        // What features took the place of.
        (
            head,
            "message A {\noptional int32 b = 1; }",
            3,
            "`optional`",
        ),
        (
            head,
            "message A {\nrequired int32 b = 1; }",
            3,
            "LEGACY_REQUIRED",
        ),
        (head, "message A {\ngroup B = 1 {} }", 3, "DELIMITED"),
        (
            head,
            "message A {\nrepeated group B = 1 {} }",
            3,
            "DELIMITED",
        ),
        (
            head,
            "message A { oneof b {\ngroup C = 1 {} } }",
            3,
            "DELIMITED",
        ),
        (
            head,
            "message A { repeated int32 b = 1\n[packed = true]; }",
            3,
            "repeated_field_encoding",
        ),
        (
            later,
            "message A { string b = 1 [\nctype = CORD]; }",
            3,
            "string_type",
        ),
        (head, "message A { reserved\n\"b\"; }", 3, "without quotes"),
        (
            head,
            "enum A { B = 0; reserved\n\"C\"; }",
            3,
            "without quotes",
        ),
        (head, "\nexport message A {}", 3, "export"),
        (later, "\nexport service A {}", 3, "`export`"),
        (later, "message A {\nlocal int32 b = 1; }", 3, "`local`"),
        (head, "import option \"a.proto\";", 2, "edition 2024"),
        // What the parser refuses stands where it stood.
        (
            head,
            "message A { reserved b, c;\n reserved d e; }",
            3,
            "','",
        ),
        (later, "local message A {\n\n B b = 1; }", 4, "B"),
        (head, "message A {\n int32 b = 1;\n int32 c = 1; }", 4, "1"),
        (head, "message A {\n int32 b = ; }", 3, "integer"),
        (head, "message A {\n", 2, "}"),
        (head, "message A {\n int32 b = 1 [(hint) = 3]; }", 3, "hint"),
    ];
    let mut wrong = Vec::new();
    for (head, rest, line, words) in cases {
        let text = format!("{head}{rest}");
        let files = one(&text);
        let found = compare(&files, &files);
        let right = matches!(
            &found,
            Err(Unreadable::Syntax { file, line: at, reason })
                if file == "shop/api.proto" && *at == line && reason.contains(words)
        );
        if !right {
            wrong.push(format!("{text}\n  {line}, {words}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn large_and_hostile_files_are_read_in_a_time_that_grows_with_them() {
    let read = |text: &str| {
        let files = one(text);
        compare(&files, &files)
    };
    let head = "edition = \"2024\";\n";
    let many = |part: &str| part.repeat(20_000);
    let mut fields = String::new();
    for at in 20_000..30_000 {
        writeln!(
            fields,
            "int32 f{at} = {at} [features.field_presence = IMPLICIT, deprecated = true];"
        )
        .unwrap();
    }
    assert_eq!(
        read(&format!("{head}message M {{ {fields} }}")).unwrap(),
        []
    );
    let types: String = (0..10_000)
        .map(|at| format!("export message M{at} {{ reserved a{at}; }} "))
        .collect();
    assert_eq!(read(&format!("{head}{types}")).unwrap(), []);
    let names = many("a, ");
    for text in [
        format!("message M {{ reserved {names}"),
        format!("message M {{ reserved {names}b; "),
        format!("option features = {{ {} }};", many("a: b ")),
        format!("option features = {{ {}", many("[a")),
        format!("option features.{}b = c;", many("a.")),
        format!("option features = {{ (pb.cpp): {} }};", "<".repeat(50_000)),
        many("export "),
        many("export message "),
        many("option features.(a) = B; "),
        format!(
            "message M {{ int32 a = 1 [{}features.(a) = B]; }}",
            many("features.(a) = B, ")
        ),
        many("\"'"),
        many("/*"),
        "é".repeat(20_000),
        format!("\"{}", "\\é".repeat(20_000)),
        "}".repeat(20_000),
    ] {
        drop(read(&format!("{head}{text}")));
    }
    assert!(matches!(
        read(&format!("{head}{}", "message M { ".repeat(90_000))),
        Err(Unreadable::TooDeep { line: 2, .. })
    ));
    assert!(matches!(
        read(&format!("{head}{}", "message M { ".repeat(60))),
        Err(Unreadable::Syntax { line: 2, .. })
    ));
}

/// A feature, and values that a file may say as well.
type Feature = (&'static str, [&'static str; 2]);

/// Which kinds of fields there are, and the features that count for them.
const KINDS: [(&str, &[Feature]); 4] = [
    ("int32", &[("field_presence", ["EXPLICIT", "IMPLICIT"])]),
    (
        "string",
        &[
            ("field_presence", ["EXPLICIT", "IMPLICIT"]),
            ("utf8_validation", ["VERIFY", "NONE"]),
        ],
    ),
    (
        "repeated int32",
        &[("repeated_field_encoding", ["PACKED", "EXPANDED"])],
    ),
    (
        "M",
        &[("message_encoding", ["LENGTH_PREFIXED", "DELIMITED"])],
    ),
];

const OF_FILES: [Feature; 4] = [
    ("field_presence", ["EXPLICIT", "IMPLICIT"]),
    ("utf8_validation", ["VERIFY", "NONE"]),
    ("repeated_field_encoding", ["PACKED", "EXPANDED"]),
    ("message_encoding", ["LENGTH_PREFIXED", "DELIMITED"]),
];

/// A file in which each field has the values that are drawn for it; what the file says of all of them
/// is said of a field only if it is another value, or all is said if `file` says nothing.
fn written(file: Option<[bool; 4]>, fields: &[(usize, [bool; 2])], together: bool) -> String {
    let mut text = "edition = \"2023\";\n".to_owned();
    let defaults = file.unwrap_or_default();
    if let Some(values) = file {
        for ((name, words), value) in OF_FILES.iter().zip(values) {
            writeln!(
                text,
                "option features.{name} = {};",
                words[usize::from(value)]
            )
            .unwrap();
        }
    }
    text.push_str("message M {\n");
    for (number, (kind, values)) in (1..).zip(fields) {
        let (kind, features) = KINDS[*kind];
        let mut said = Vec::new();
        for ((name, words), value) in features.iter().zip(values) {
            let at = OF_FILES.iter().position(|it| it.0 == *name).unwrap();
            if file.is_none() || defaults[at] != *value {
                said.push((*name, words[usize::from(*value)]));
            }
        }
        let separate = said
            .iter()
            .map(|it| format!("features.{} = {}", it.0, it.1));
        let options = if together {
            let inner = said.iter().map(|it| format!("{}: {}", it.0, it.1));
            format!("features = {{ {} }}", inner.collect::<Vec<_>>().join(" "))
        } else {
            separate.collect::<Vec<_>>().join(", ")
        };
        if said.is_empty() {
            writeln!(text, "  {kind} f{number} = {number};").unwrap();
        } else {
            writeln!(text, "  {kind} f{number} = {number} [{options}];").unwrap();
        }
    }
    text.push_str("}\n");
    text
}

fn fields() -> impl Strategy<Value = Vec<(usize, [bool; 2])>> {
    prop::collection::vec((0..KINDS.len(), any::<[bool; 2]>()), 1..8)
}

proptest! {
    #[test]
    fn where_a_feature_is_said_makes_no_difference(
        one in any::<[bool; 4]>(),
        two in prop::option::of(any::<[bool; 4]>()),
        fields in fields(),
        together in any::<[bool; 2]>(),
    ) {
        let old = written(Some(one), &fields, together[0]);
        let new = written(two, &fields, together[1]);
        prop_assert_eq!(findings(&old, &new), [], "{}\n{}", old, new);
    }

    #[test]
    fn another_value_is_found_wherever_it_is_said(
        one in any::<[bool; 4]>(),
        two in prop::option::of(any::<[bool; 4]>()),
        fields in fields(),
        which in any::<prop::sample::Index>(),
    ) {
        let mut changed = fields.clone();
        let at = which.index(fields.len());
        changed[at].1[0] ^= true;
        let old = written(Some(one), &fields, false);
        let new = written(two, &changed, true);
        let pointer = format!("/messages/M/fields/{}", at + 1);
        let found = findings(&old, &new);
        prop_assert!(!found.is_empty());
        prop_assert!(found.iter().all(|it| it.new.pointer == pointer), "{:?}", found);
    }

    #[test]
    fn no_text_makes_it_panic(
        edition in "2023|2024|2026",
        text in "(message |enum |oneof |export |local |repeated |reserved |extend |option |import |features|(pb.cpp)|\\.field_presence|IMPLICIT|map|M|[{}<>\\[\\]();:=,.\"'/*#é0-9a-z \n-]){0,60}",
    ) {
        let text = format!("edition = \"{edition}\"; {text}");
        let _ = compare(&one(&text), &one(&text));
    }
}
