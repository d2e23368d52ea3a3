//! Protobuf: one edit each and which rules find it, both ways; what makes no difference; and files
//! that mean harm.
#![cfg(feature = "protobuf")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions that are tests for tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use switchback_version::Level;
use switchback_version::contract::{
    Certainty, Contract, Direction, Finding, MOST_NODES, Options, Stability, Surface, Unreadable,
    diff, diff_if_there, floor, rules,
};

type Files = BTreeMap<String, String>;

fn compare(
    old: &Files,
    new: &Files,
    root: &str,
    options: &Options<'_>,
) -> Result<Vec<Finding>, Unreadable> {
    let side = |files| Contract { root, files };
    diff(Surface::Protobuf, side(old), side(new), options)
}

fn one(text: &str) -> Files {
    BTreeMap::from([("api.proto".to_owned(), text.to_owned())])
}

fn findings(old: &str, new: &str) -> Vec<Finding> {
    compare(&one(old), &one(new), "api.proto", &Options::default()).unwrap()
}

/// The rules without what they all begin with.
fn ids(found: &[Finding]) -> Vec<&'static str> {
    let ids = found
        .iter()
        .map(|it| it.rule.id.strip_prefix("protobuf-").unwrap());
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

type Edit<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

fn judge(base: &str, edits: &[Edit<'_>]) -> BTreeSet<&'static str> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for (from, to, forth, back) in edits {
        assert_eq!(
            base.matches(from).count(),
            1,
            "`{from}` does not stand there once"
        );
        let new = base.replace(from, to);
        let both = (ids(&findings(base, &new)), ids(&findings(&new, base)));
        if both.0 != *forth || both.1 != *back {
            wrong.push(format!("`{from}` became `{to}`: {both:?}"));
        }
        seen.extend(both.0);
        seen.extend(both.1);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    seen
}

const THREE: &str = r#"syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
option java_package = "example.shop";
message Order {
  reserved 20 to 29;
  reserved "old";
  int32 count = 1;
  string note = 2;
  Kind kind = 3;
  Item item = 4;
  repeated int32 scores = 5;
  repeated string tags = 6;
  optional int64 total = 7;
  oneof way { string mail = 8; string phone = 9; }
  oneof extra { string word = 10; }
  map<string, int32> stock = 11;
  bytes raw = 12;
  google.protobuf.Timestamp made = 13;
  bool paid = 14;
  string street = 15;
  message Inner { int32 x = 1; }
}
message Item { string name = 1; Item part = 2; }
message Twin { string name = 1; Twin part = 2; }
message Other { int32 name = 1; }
message Entry { string key = 1; int32 value = 2; }
enum Kind {
  option allow_alias = true;
  KIND_NONE = 0;
  KIND_BIG = 1;
  KIND_LARGE = 1;
  KIND_SMALL = 2;
  reserved 10 to 12;
  reserved "KIND_OLD";
}
enum Sort { SORT_NONE = 0; SORT_BIG = 1; }
service Orders {
  rpc Make(Order) returns (Item);
  rpc Watch(Item) returns (stream Order);
  rpc Look(Item) returns (Item) { option idempotency_level = NO_SIDE_EFFECTS; }
}
"#;

const TWO: &str = r#"syntax = "proto2";
package shop.v1;
message Order {
  required int32 count = 1;
  optional string note = 2 [default = "none"];
  optional Kind kind = 3;
  repeated int32 scores = 4;
  optional string text = 5;
  optional int64 size = 6;
  extensions 100 to 199;
}
message Plain {}
enum Kind { KIND_ONE = 1; KIND_TWO = 2; }
extend Order { optional string hint = 100; optional int32 rank = 101; }
"#;

fn three() -> Vec<Edit<'static>> {
    vec![
        // Packages, files and their options.
        (
            "package shop.v1;",
            "package shop.v2;",
            &["source-package-changed", "wire-package-changed"],
            &["source-package-changed", "wire-package-changed"],
        ),
        (
            "option java_package = \"example.shop\";",
            "",
            &["source-file-option-changed"],
            &["source-file-option-changed"],
        ),
        // Messages.
        (
            "message Other { int32 name = 1; }",
            "",
            &["source-message-removed"],
            &["message-added"],
        ),
        (
            "message Inner { int32 x = 1; }",
            "",
            &["source-message-removed"],
            &["message-added"],
        ),
        (
            "message Other { int32",
            "message Other { option no_standard_descriptor_accessor = true; int32",
            &["source-descriptor-accessor-changed"],
            &["source-descriptor-accessor-changed"],
        ),
        (
            "message Other { int32",
            "message Other { option deprecated = true; int32",
            &["deprecated"],
            &[],
        ),
        // Fields that come and go.
        (
            "  bool paid = 14;\n",
            "",
            &[
                "json-field-name-unreserved",
                "json-field-removed",
                "source-field-removed",
                "wire-field-removed-unreserved",
            ],
            &["field-added"],
        ),
        (
            "  bool paid = 14;",
            "  reserved 14; reserved \"paid\";",
            &[
                "json-field-removed",
                "source-field-removed",
                "wire-field-removed",
            ],
            &[
                "field-added",
                "json-reserved-name-removed",
                "wire-reserved-number-removed",
            ],
        ),
        (
            "bool paid = 14",
            "bool paid = 30",
            &["wire-field-renumbered"],
            &["wire-field-renumbered"],
        ),
        (
            "string street = 15",
            "int32 house = 15",
            &[
                "json-field-name-changed",
                "json-field-type-changed",
                "source-field-renamed",
                "source-field-type-changed",
                "wire-field-number-reused",
            ],
            &[
                "json-field-name-changed",
                "json-field-type-changed",
                "source-field-renamed",
                "source-field-type-changed",
                "wire-field-number-reused",
            ],
        ),
        (
            "string street = 15",
            "string way_name = 15",
            &["json-field-name-changed", "source-field-renamed"],
            &["json-field-name-changed", "source-field-renamed"],
        ),
        (
            "string street = 15",
            "string way_name = 15 [json_name = \"street\"]",
            &["source-field-renamed"],
            &["source-field-renamed"],
        ),
        (
            "string street = 15",
            "string street = 15 [json_name = \"road\"]",
            &["json-field-name-changed"],
            &["json-field-name-changed"],
        ),
        (
            "bool paid = 14;\n  string street = 15;",
            "string street = 14;\n  bool paid = 15;",
            &["wire-field-number-reused", "wire-field-renumbered"],
            &["wire-field-number-reused", "wire-field-renumbered"],
        ),
        (
            "string street = 15",
            "string street = 15 [deprecated = true]",
            &["deprecated"],
            &[],
        ),
        // Types.
        (
            "int32 count = 1;\n  string note",
            "int64 count = 1;\n  string note",
            &[
                "json-field-integer-size-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
            &[
                "json-field-integer-size-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
        ),
        (
            "int32 count = 1;\n  string note",
            "uint32 count = 1;\n  string note",
            &[
                "source-field-type-changed",
                "wire-field-holds-less",
                "wire-field-holds-more",
            ],
            &[
                "source-field-type-changed",
                "wire-field-holds-less",
                "wire-field-holds-more",
            ],
        ),
        (
            "int32 count = 1;\n  string note",
            "sint32 count = 1;\n  string note",
            &["source-field-type-changed", "wire-field-type-changed"],
            &["source-field-type-changed", "wire-field-type-changed"],
        ),
        (
            "int32 count = 1;\n  string note",
            "fixed32 count = 1;\n  string note",
            &["source-field-type-changed", "wire-field-type-changed"],
            &["source-field-type-changed", "wire-field-type-changed"],
        ),
        (
            "bool paid = 14",
            "int32 paid = 14",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
        ),
        (
            "string note = 2",
            "bytes note = 2",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
        ),
        (
            "bytes raw = 12",
            "Item raw = 12",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
        ),
        (
            "Kind kind = 3",
            "int32 kind = 3",
            &["json-field-type-changed", "source-field-type-changed"],
            &["json-field-type-changed", "source-field-type-changed"],
        ),
        (
            "Kind kind = 3",
            "Sort kind = 3",
            &[
                "json-field-message-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
                "wire-field-holds-more",
            ],
            &[
                "json-field-message-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
                "wire-field-holds-more",
            ],
        ),
        (
            "Item item = 4",
            "Twin item = 4",
            &["source-field-type-changed"],
            &["source-field-type-changed"],
        ),
        (
            "Item item = 4",
            "Other item = 4",
            &[
                "json-field-message-changed",
                "source-field-type-changed",
                "wire-field-message-changed",
            ],
            &[
                "json-field-message-changed",
                "source-field-type-changed",
                "wire-field-message-changed",
            ],
        ),
        (
            "map<string, int32> stock",
            "map<string, int64> stock",
            &[
                "json-field-integer-size-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
            &[
                "json-field-integer-size-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
        ),
        (
            "map<string, int32> stock",
            "map<int32, int32> stock",
            &[
                "json-field-message-changed",
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-type-changed",
            ],
            &[
                "json-field-message-changed",
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-type-changed",
            ],
        ),
        (
            "map<string, int32> stock",
            "repeated Entry stock",
            &["json-field-type-changed", "source-field-type-changed"],
            &["json-field-type-changed", "source-field-type-changed"],
        ),
        (
            "map<string, int32> stock",
            "repeated Item stock",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-message-changed",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-message-changed",
            ],
        ),
        (
            "string street = 15",
            "string street = 15 [ctype = STRING_PIECE]",
            &["source-field-ctype-changed"],
            &[],
        ),
        (
            "string street = 15",
            "string street = 15 [ctype = CORD]",
            &["source-field-ctype-changed"],
            &["source-field-ctype-changed"],
        ),
        (
            "optional int64 total = 7",
            "optional int64 total = 7 [jstype = JS_STRING]",
            &["source-field-jstype-changed"],
            &["source-field-jstype-changed"],
        ),
        // How often, and whether it is set.
        (
            "string street = 15",
            "repeated string street = 15",
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-repeated",
            ],
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-singular",
            ],
        ),
        (
            "bool paid = 14",
            "repeated bool paid = 14",
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-packed",
            ],
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-unpacked",
            ],
        ),
        (
            "repeated int32 scores = 5",
            "repeated int32 scores = 5 [packed = false]",
            &["wire-field-packing-changed"],
            &["wire-field-packing-changed"],
        ),
        (
            "bool paid = 14",
            "optional bool paid = 14",
            &[
                "source-field-presence-changed",
                "wire-field-presence-gained",
            ],
            &["source-field-presence-changed", "wire-field-presence-lost"],
        ),
        ("Item item = 4", "optional Item item = 4", &[], &[]),
        // Fields that clear each other.
        (
            "string phone = 9; }\n  oneof extra { string word = 10; }",
            "string phone = 9; string word = 10; }",
            &[
                "source-field-oneof-changed",
                "source-oneof-removed",
                "wire-field-oneof-joined",
            ],
            &["source-field-oneof-changed", "wire-field-oneof-left"],
        ),
        (
            "oneof extra { string word = 10; }",
            "string word = 10;",
            &["source-field-oneof-changed", "source-oneof-removed"],
            &["source-field-oneof-changed"],
        ),
        (
            "oneof way {",
            "oneof road {",
            &["source-field-oneof-changed", "source-oneof-removed"],
            &["source-field-oneof-changed", "source-oneof-removed"],
        ),
        (
            "string phone = 9; }",
            "string phone = 9; string fax = 31; }",
            &["field-added"],
            &[
                "json-field-name-unreserved",
                "json-field-removed",
                "source-field-removed",
                "wire-field-removed-unreserved",
            ],
        ),
        // What is reserved.
        (
            "reserved 20 to 29;",
            "reserved 20 to 24, 26 to 40;",
            &["wire-reserved-number-removed"],
            &["wire-reserved-number-removed"],
        ),
        (
            "reserved 20 to 29;",
            "reserved 20 to 24, 25 to 29;",
            &[],
            &[],
        ),
        (
            "reserved \"old\";",
            "",
            &["json-reserved-name-removed"],
            &[],
        ),
        // Enums.
        (
            "enum Sort { SORT_NONE = 0; SORT_BIG = 1; }",
            "",
            &["source-enum-removed"],
            &["enum-added"],
        ),
        (
            "SORT_BIG = 1;",
            "",
            &[
                "json-enum-value-name-unreserved",
                "json-enum-value-removed",
                "source-enum-value-removed",
                "wire-enum-value-removed-unreserved",
            ],
            &["enum-value-added"],
        ),
        (
            "SORT_BIG = 1;",
            "reserved 1; reserved \"SORT_BIG\";",
            &[
                "json-enum-value-removed",
                "source-enum-value-removed",
                "wire-enum-value-removed",
            ],
            &[
                "enum-value-added",
                "json-reserved-name-removed",
                "wire-reserved-number-removed",
            ],
        ),
        (
            "SORT_BIG = 1;",
            "SORT_BIG = 2;",
            &["wire-enum-value-renumbered"],
            &["wire-enum-value-renumbered"],
        ),
        (
            "SORT_BIG = 1;",
            "SORT_LARGE = 1;",
            &["json-enum-value-renamed", "source-enum-value-renamed"],
            &["json-enum-value-renamed", "source-enum-value-renamed"],
        ),
        (
            "SORT_NONE = 0;",
            "SORT_ZERO = 0;",
            &["json-enum-value-renamed", "source-enum-value-renamed"],
            &["json-enum-value-renamed", "source-enum-value-renamed"],
        ),
        (
            "SORT_BIG = 1;",
            "SORT_BIG = 1 [deprecated = true];",
            &["deprecated"],
            &[],
        ),
        (
            "enum Sort {",
            "enum Sort { option deprecated = true;",
            &["deprecated"],
            &[],
        ),
        (
            "KIND_BIG = 1;\n  KIND_LARGE = 1;",
            "KIND_LARGE = 1;\n  KIND_BIG = 1;",
            &["json-enum-value-written-differently"],
            &["json-enum-value-written-differently"],
        ),
        (
            "KIND_LARGE = 1;",
            "",
            &["json-enum-value-renamed", "source-enum-value-renamed"],
            &[],
        ),
        (
            "reserved 10 to 12;",
            "reserved 10, 12;",
            &["wire-reserved-number-removed"],
            &[],
        ),
        (
            "reserved \"KIND_OLD\";",
            "",
            &["json-reserved-name-removed"],
            &[],
        ),
        // Services.
        (
            "service Orders",
            "service Purchases",
            &["service-added", "wire-service-removed"],
            &["service-added", "wire-service-removed"],
        ),
        (
            "service Orders {",
            "service Orders { option deprecated = true;",
            &["deprecated"],
            &[],
        ),
        (
            "  rpc Make(Order) returns (Item);\n",
            "",
            &["wire-method-removed"],
            &["method-added"],
        ),
        (
            "rpc Make(Order) returns (Item);",
            "rpc Make(Order) returns (Item) { option deprecated = true; }",
            &["deprecated"],
            &[],
        ),
        (
            "rpc Make(Order)",
            "rpc Make(Other)",
            &[
                "source-method-request-changed",
                "wire-method-request-changed",
            ],
            &[
                "source-method-request-changed",
                "wire-method-request-changed",
            ],
        ),
        (
            "rpc Watch(Item)",
            "rpc Watch(Twin)",
            &["source-method-request-changed"],
            &["source-method-request-changed"],
        ),
        (
            "rpc Make(Order) returns (Item)",
            "rpc Make(Order) returns (Other)",
            &[
                "source-method-response-changed",
                "wire-method-response-changed",
            ],
            &[
                "source-method-response-changed",
                "wire-method-response-changed",
            ],
        ),
        (
            "rpc Make(Order)",
            "rpc Make(stream Order)",
            &["wire-method-client-streaming-changed"],
            &["wire-method-client-streaming-changed"],
        ),
        (
            "returns (stream Order)",
            "returns (Order)",
            &["wire-method-server-streaming-changed"],
            &["wire-method-server-streaming-changed"],
        ),
        (
            "idempotency_level = NO_SIDE_EFFECTS",
            "idempotency_level = IDEMPOTENT",
            &["wire-method-idempotency-lowered"],
            &["method-idempotency-raised"],
        ),
        // What says nothing.
        ("package shop.v1;", "package shop.v1; // A word.", &[], &[]),
        (
            "option java_package = \"example.shop\";",
            "option java_package = \"example.shop\"; option java_multiple_files = false;",
            &[],
            &[],
        ),
    ]
}

fn two() -> Vec<Edit<'static>> {
    vec![
        // Of another type, a default is another one, unless it says the same.
        (
            "optional string note = 2 [default = \"none\"];",
            "optional int32 note = 2 [default = 3];",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-default-changed",
                "wire-field-type-changed",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-default-changed",
                "wire-field-type-changed",
            ],
        ),
        (
            "optional int64 size = 6;",
            "optional bool size = 6 [default = false];",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-less",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-holds-more",
            ],
        ),
        (
            "required int32 count = 1;",
            "optional int32 count = 1;",
            &[
                "source-field-requirement-changed",
                "wire-field-became-optional",
            ],
            &[
                "source-field-requirement-changed",
                "wire-field-became-required",
            ],
        ),
        (
            "  required int32 count = 1;\n",
            "",
            &[
                "json-field-name-unreserved",
                "json-field-removed",
                "source-field-removed",
                "wire-field-removed-unreserved",
                "wire-required-field-removed",
            ],
            &["field-added", "wire-required-field-added"],
        ),
        (
            "[default = \"none\"]",
            "[default = \"some\"]",
            &["wire-field-default-changed"],
            &["wire-field-default-changed"],
        ),
        (
            "[default = \"none\"]",
            "",
            &["wire-field-default-changed"],
            &["wire-field-default-changed"],
        ),
        (
            "optional int64 size = 6;",
            "optional int64 size = 6 [default = 0];",
            &[],
            &[],
        ),
        (
            "optional Kind kind = 3;",
            "optional Kind kind = 3 [default = KIND_TWO];",
            &["wire-field-default-changed"],
            &["wire-field-default-changed"],
        ),
        (
            "optional Kind kind = 3;",
            "optional Kind kind = 3 [default = KIND_ONE];",
            &[],
            &[],
        ),
        (
            "repeated int32 scores = 4;",
            "repeated int32 scores = 4 [packed = true];",
            &["wire-field-packing-changed"],
            &["wire-field-packing-changed"],
        ),
        (
            "repeated int32 scores = 4;",
            "optional int32 scores = 4;",
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-singular",
            ],
            &[
                "json-field-repetition-changed",
                "source-field-repetition-changed",
                "wire-field-became-repeated",
            ],
        ),
        (
            "optional string text = 5;",
            "optional group Text = 5 {}",
            &[
                "json-field-type-changed",
                "message-added",
                "source-field-type-changed",
                "wire-field-type-changed",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "source-message-removed",
                "wire-field-type-changed",
            ],
        ),
        (
            "message Plain {}",
            "message Plain { option message_set_wire_format = true; extensions 4 to max; }",
            &["extension-range-added", "wire-message-set-changed"],
            &["wire-extension-range-removed", "wire-message-set-changed"],
        ),
        (
            "extensions 100 to 199;",
            "extensions 100 to 149, 160 to 199;",
            &["wire-extension-range-removed"],
            &["extension-range-added"],
        ),
        (
            "optional int32 rank = 101; ",
            "",
            &["source-extension-removed", "wire-extension-removed"],
            &["extension-added"],
        ),
        (
            "optional int32 rank = 101;",
            "optional int32 place = 101;",
            &["json-field-name-changed", "source-field-renamed"],
            &["json-field-name-changed", "source-field-renamed"],
        ),
        (
            "optional int32 rank = 101;",
            "optional string rank = 101;",
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-type-changed",
            ],
            &[
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-type-changed",
            ],
        ),
        (
            "KIND_TWO = 2;",
            "KIND_TWO = 2; KIND_THREE = 3;",
            &["closed-enum-value-added"],
            &[
                "json-enum-value-name-unreserved",
                "json-enum-value-removed",
                "source-enum-value-removed",
                "wire-enum-value-removed-unreserved",
            ],
        ),
        (
            "KIND_ONE = 1; KIND_TWO = 2;",
            "KIND_TWO = 2; KIND_ONE = 1;",
            &["wire-enum-default-changed"],
            &["wire-enum-default-changed"],
        ),
    ]
}

const EDITION: &str = r#"edition = "2024";
package shop.v1;
import option "google/protobuf/cpp_features.proto";
option java_package = "example.shop";
option go_package = "example/shop";
message Order {
  int32 count = 1;
  string note = 2;
  Kind kind = 3 [default = KIND_BIG];
  Item item = 4;
  repeated int32 scores = 5;
  bytes raw = 6;
  reserved old, older;
  message Inner { Order order = 1; }
}
message Item { string name = 1; }
local message Own {}
enum Kind { KIND_NONE = 0; KIND_BIG = 1; reserved KIND_OLD; }
"#;

/// Features, each said of what it may be said of.
fn edition() -> Vec<Edit<'static>> {
    vec![
        (
            "int32 count = 1;",
            "int32 count = 1 [features.field_presence = IMPLICIT];",
            &["source-field-presence-changed", "wire-field-presence-lost"],
            &[
                "source-field-presence-changed",
                "wire-field-presence-gained",
            ],
        ),
        (
            "int32 count = 1;",
            "int32 count = 1 [features.field_presence = LEGACY_REQUIRED];",
            &[
                "source-field-requirement-changed",
                "wire-field-became-required",
            ],
            &[
                "source-field-requirement-changed",
                "wire-field-became-optional",
            ],
        ),
        (
            "string note = 2;",
            "string note = 2 [features.utf8_validation = NONE];",
            &["wire-field-text-not-checked"],
            &["wire-field-text-checked"],
        ),
        (
            "option go_package = \"example/shop\";",
            "option go_package = \"example/shop\"; option features.utf8_validation = NONE;",
            &["wire-field-text-not-checked"],
            &["wire-field-text-checked"],
        ),
        (
            "Item item = 4;",
            "Item item = 4 [features.message_encoding = DELIMITED];",
            &["wire-field-type-changed"],
            &["wire-field-type-changed"],
        ),
        (
            "repeated int32 scores = 5;",
            "repeated int32 scores = 5 [features.repeated_field_encoding = EXPANDED];",
            &["wire-field-packing-changed"],
            &["wire-field-packing-changed"],
        ),
        (
            "enum Kind {",
            "enum Kind { option features.enum_type = CLOSED;",
            &["source-enum-openness-changed", "wire-enum-closed"],
            &["source-enum-openness-changed", "wire-enum-opened"],
        ),
        (
            "enum Kind {",
            "enum Kind { option features.json_format = LEGACY_BEST_EFFORT;",
            &["json-form-not-promised"],
            &[],
        ),
        (
            "message Item {",
            "message Item { option features.json_format = LEGACY_BEST_EFFORT;",
            &["json-form-not-promised"],
            &[],
        ),
        // Who may name a type.
        (
            "local message Own",
            "message Own",
            &["type-exported"],
            &["source-type-hidden"],
        ),
        (
            "message Inner",
            "export message Inner",
            &["type-exported"],
            &["source-type-hidden"],
        ),
        (
            "option go_package = \"example/shop\";",
            "option go_package = \"example/shop\"; option features.default_symbol_visibility = STRICT;",
            &["source-type-hidden"],
            &["type-exported"],
        ),
        // Features of languages.
        (
            "string note = 2;",
            "string note = 2 [features.(pb.cpp).string_type = CORD];",
            &["source-field-ctype-changed"],
            &["source-field-ctype-changed"],
        ),
        (
            "option go_package = \"example/shop\";",
            "option go_package = \"example/shop\"; option features = { [pb.cpp] { string_type: STRING } };",
            &["source-field-ctype-changed"],
            &["source-field-ctype-changed"],
        ),
        (
            "Kind kind = 3 [default = KIND_BIG];",
            "Kind kind = 3 [default = KIND_BIG, features.(pb.java).legacy_closed_enum = true];",
            &["source-feature-changed"],
            &["source-feature-changed"],
        ),
        (
            "enum Kind {",
            "enum Kind { option features.(pb.cpp).enum_name_uses_string_view = false;",
            &["source-feature-changed"],
            &["source-feature-changed"],
        ),
        (
            "message Item {",
            "message Item { option features.(pb.go).api_level = API_OPEN;",
            &["source-feature-changed"],
            &["source-feature-changed"],
        ),
        (
            "message Item {",
            "message Item { option features.(pb.java).nest_in_file_class = YES;",
            &["source-file-option-changed"],
            &["source-file-option-changed"],
        ),
        // What stands in an edition as elsewhere.
        (
            "[default = KIND_BIG]",
            "",
            &["wire-field-default-changed"],
            &["wire-field-default-changed"],
        ),
        (
            "reserved old, older;",
            "reserved old;",
            &["json-reserved-name-removed"],
            &[],
        ),
        (
            "reserved KIND_OLD;",
            "",
            &["json-reserved-name-removed"],
            &[],
        ),
        // What makes no difference to anybody.
        (
            "message Item {",
            "export message Item { option features.enforce_naming_style = STYLE_LEGACY;",
            &[],
            &[],
        ),
        (
            "import option \"google/protobuf/cpp_features.proto\";",
            "import \"google/protobuf/java_features.proto\";",
            &[],
            &[],
        ),
        (
            "int32 count = 1;",
            "int32 count = 1 [features.utf8_validation = NONE, features.(made.up).thing = 3];",
            &[],
            &[],
        ),
        (
            "bytes raw = 6;",
            "bytes raw = 6 [features = { utf8_validation: NONE, field_presence: EXPLICIT }];",
            &[],
            &[],
        ),
    ]
}

/// Texts that are checked in Java alone.
fn java() -> Vec<Edit<'static>> {
    vec![(
        "message Order",
        "option java_string_check_utf8 = true; message Order",
        &["wire-field-text-checked-in-java"],
        &["wire-field-text-not-checked-in-java"],
    )]
}

#[test]
fn each_edit_is_found_by_its_rules_and_no_others() {
    let mut seen = judge(THREE, &three());
    seen.extend(judge(TWO, &two()));
    seen.extend(judge(TWO, &java()));
    seen.extend(judge(EDITION, &edition()));
    // What needs two syntaxes.
    let (old, new) = (
        "syntax = \"proto2\";\nmessage M { optional int32 a = 1; optional K k = 2; repeated string t = 3; }\nenum K { Z = 0; }",
        "syntax = \"proto3\";\nmessage M { int32 a = 1; K k = 2; repeated string t = 3; }\nenum K { Z = 0; }",
    );
    let (forth, back) = (ids(&findings(old, new)), ids(&findings(new, old)));
    assert_eq!(
        forth,
        [
            "source-enum-openness-changed",
            "source-field-presence-changed",
            "source-syntax-changed",
            "wire-enum-opened",
            "wire-field-presence-lost",
            "wire-field-text-checked"
        ]
    );
    assert_eq!(
        back,
        [
            "json-form-not-promised",
            "source-enum-openness-changed",
            "source-field-presence-changed",
            "source-syntax-changed",
            "wire-enum-closed",
            "wire-field-presence-gained",
            "wire-field-text-not-checked"
        ]
    );
    seen.extend(forth.into_iter().chain(back));
    // The files as a whole.
    let files = one(THREE);
    let there = Some(Contract {
        root: "api.proto",
        files: &files,
    });
    for (old, new, rule) in [
        (there, None, "contract-removed"),
        (None, there, "contract-added"),
    ] {
        let found = diff_if_there(Surface::Protobuf, old, new, &Options::default());
        assert_eq!(ids(&found.unwrap()), [rule]);
        seen.insert(rule);
    }
    let all = rules().filter_map(|it| it.id.strip_prefix("protobuf-"));
    let untried: Vec<&str> = all.filter(|it| !seen.contains(it)).collect();
    assert_eq!(untried, [""; 0]);
}

#[test]
fn findings_say_where_and_what() {
    let new = THREE.replace("bool paid = 14", "string paid = 14");
    let found = findings(THREE, &new);
    let wire = found
        .iter()
        .find(|it| it.rule.id == "protobuf-wire-field-type-changed")
        .unwrap();
    assert_eq!((wire.old.file.as_str(), wire.old.line), ("api.proto", 20));
    assert_eq!(wire.new.pointer, "/messages/shop.v1.Order/fields/14");
    assert_eq!(wire.old_value.as_deref(), Some("bool"));
    assert_eq!(
        wire.sentence,
        "`shop.v1.Order.paid`: a field is written in another way: bool before, string after; \
         a client that uses it fails."
    );
    assert_eq!(
        (wire.level, wire.rule.certainty),
        (Level::Major, Certainty::Proved)
    );
}

#[test]
fn who_reads_decides_what_a_wider_type_means() {
    let new = THREE.replace(
        "int32 count = 1;\n  string note",
        "int64 count = 1;\n  string note",
    );
    let wire = |direction| {
        let options = Options {
            direction,
            ..Options::default()
        };
        let found = compare(&one(THREE), &one(&new), "api.proto", &options).unwrap();
        let found = found
            .into_iter()
            .filter(|it| it.rule.id.starts_with("protobuf-wire-"));
        floor(&found.collect::<Vec<_>>(), Certainty::MayBreak)
    };
    assert_eq!(wire(Some(Direction::WeRead)), Level::None);
    assert_eq!(wire(Some(Direction::OthersRead)), Level::Major);
    assert_eq!(wire(None), Level::Major);
}

#[test]
fn packages_that_are_not_stable_promise_less() {
    let new = THREE.replace("  bool paid = 14;\n", "");
    for (start, level) in [("shop.v1", Level::None), ("shop.v2", Level::Major)] {
        let stability = [(start.to_owned(), Stability::Alpha)];
        let options = Options {
            stability: &stability,
            ..Options::default()
        };
        let found = compare(&one(THREE), &one(&new), "api.proto", &options).unwrap();
        assert_eq!(floor(&found, Certainty::MayBreak), level);
    }
}

#[test]
fn imports_are_found_below_the_contract_and_around_the_file() {
    let files = |kind: &str| {
        let importing = "syntax = \"proto3\"; import \"shop/v1/item.proto\"; message Order { shop.v1.Item item = 1; }";
        let item =
            format!("syntax = \"proto3\"; package shop.v1; message Item {{ {kind} size = 1; }}");
        let broken = "this is no contract of ours".to_owned();
        BTreeMap::from([
            ("proto/shop/v1/order.proto".to_owned(), importing.to_owned()),
            ("proto/shop/v1/item.proto".to_owned(), item),
            ("elsewhere/broken.proto".to_owned(), broken),
        ])
    };
    let (old, new) = (files("int32"), files("string"));
    for root in [
        "proto/shop/v1/order.proto",
        "proto",
        "./proto/",
        "proto/shop/v1",
    ] {
        let found = compare(&old, &new, root, &Options::default()).unwrap();
        let ids = ids(&found);
        assert_eq!(
            ids,
            [
                "json-field-type-changed",
                "source-field-type-changed",
                "wire-field-type-changed"
            ],
            "{root}"
        );
        assert_eq!(found[0].new.file, "proto/shop/v1/item.proto");
    }
    assert!(matches!(
        compare(&old, &new, "", &Options::default()),
        Err(Unreadable::Syntax { file, line: 1, .. }) if file == "elsewhere/broken.proto"
    ));
    let nothing = compare(&old, &new, "nowhere", &Options::default());
    assert!(matches!(nothing, Err(Unreadable::Missing { file }) if file == "nowhere"));
}

#[test]
fn what_is_missing_or_leads_back_is_said() {
    let read = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let files: Files = files.collect();
        compare(&files, &files, "a.proto", &Options::default())
    };
    let missing = read(&[("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n")]);
    assert_eq!(
        missing.unwrap_err(),
        Unreadable::MissingImport {
            file: "a.proto".to_owned(),
            line: 2,
            import: "b.proto".to_owned(),
        }
    );
    let round = [
        ("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n"),
        ("b.proto", "syntax = \"proto3\";\n\nimport \"a.proto\";\n"),
    ];
    for files in [&round[..], &[("a.proto", "import \"a.proto\";")]] {
        let found = read(files);
        assert!(
            matches!(&found, Err(Unreadable::Syntax { reason, .. }) if reason.contains("leads back")),
            "{found:?}"
        );
    }
    for (text, line, words) in [
        ("syntax = \"proto3\";\nmessage A {}\nmessage A {}", 3, "A"),
        (
            "syntax = \"proto3\";\nmessage A { int32 a = 1;\n int32 b = 1; }",
            3,
            "1",
        ),
        ("syntax = \"proto3\";\nmessage A {\n B b = 1; }", 3, "B"),
        (
            "syntax = \"proto3\";\nmessage A {\n int32 b = ; }",
            3,
            "integer",
        ),
        ("syntax = \"proto4\";", 1, "proto4"),
    ] {
        let found = read(&[("a.proto", text)]);
        let Err(Unreadable::Syntax {
            file,
            line: at,
            reason,
        }) = &found
        else {
            panic!("{text}: {found:?}");
        };
        assert_eq!((file.as_str(), *at), ("a.proto", line), "{text}: {reason}");
        assert!(reason.contains(words), "{text}: {reason}");
    }
}

#[test]
fn depths_and_sizes_are_refused() {
    let read = |text: String| {
        let files = one(&text);
        compare(&files, &files, "api.proto", &Options::default())
    };
    let head = "syntax = \"proto3\";\n";
    let messages = "message M { ".repeat(90_000);
    assert!(matches!(
        read(format!("{head}{messages}")),
        Err(Unreadable::TooDeep { line: 2, .. })
    ));
    let some = format!("{head}{}{}", "message M { ".repeat(60), "}".repeat(60));
    assert!(matches!(
        read(some),
        Err(Unreadable::Syntax { line: 2, .. })
    ));
    let option = format!("{head}option (x) = {};", "{ a: ".repeat(300_000));
    assert!(matches!(read(option), Err(Unreadable::TooDeep { .. })));
    let brackets = format!("{head}option (x) = {{ a: {} }};", "[".repeat(300_000));
    assert!(matches!(read(brackets), Err(Unreadable::TooDeep { .. })));
    // What only looks deep.
    let quoted = format!(
        "{head}// {0}\n/* {0} */ option java_package = \"{0}\\\"{0}\"; message M {{}}",
        "{".repeat(500)
    );
    assert_eq!(read(quoted).unwrap(), []);
    assert!(matches!(
        read(format!("{head}{}", ";".repeat(MOST_NODES + 1))),
        Err(Unreadable::TooMany { .. })
    ));
    assert!(matches!(
        read(format!("{head}{}", " ".repeat(33 << 20))),
        Err(Unreadable::TooLarge { .. })
    ));
    // Chains of imports are no recursion.
    let chain = (0..20_000).map(|at| {
        let import = if at == 0 {
            String::new()
        } else {
            format!("import \"f{}.proto\";", at - 1)
        };
        (format!("f{at}.proto"), format!("{head}{import}"))
    });
    let files: Files = chain.collect();
    assert_eq!(
        compare(&files, &files, "f19999.proto", &Options::default()).unwrap(),
        []
    );
}

#[test]
fn large_files_are_compared_in_a_time_that_grows_with_them() {
    type Part<'a> = &'a dyn Fn(usize) -> String;
    const MANY: usize = 10_000;
    // Below lie numbers that no field may have.
    const FIRST: usize = 20_000;
    let all = |part: Part<'_>| (FIRST..FIRST + MANY).map(part).collect::<String>();
    // A hundred million looks each, if each thing were looked for among all the others.
    let shapes: [(Part<'_>, Part<'_>); 4] = [
        (&|at| format!("int32 f{at} = {at}; "), &|at| {
            format!("string g{at} = {at}; ")
        }),
        (&|at| format!("reserved {}; ", 2 * at), &|at| {
            format!("reserved {}; ", 2 * at + 1)
        }),
        (
            &|at| format!("oneof o{at} {{ int32 f{at} = {at}; }} "),
            &|at| format!("int32 f{at} = {at}; "),
        ),
        (&|at| format!("E f{at} = {at}; "), &|at| {
            format!("F f{at} = {at}; ")
        }),
    ];
    let enums = format!(
        "enum E {{ E_0 = 0; {} }} enum F {{ F_0 = 0; {} }}",
        all(&|at| format!("E_{at} = {at}; ")),
        all(&|at| format!("F_{at} = {}; ", at + 7)),
    );
    let text = |body: String| format!("syntax = \"proto3\"; message M {{ {body} }} {enums}");
    for (old, new) in shapes {
        assert!(!findings(&text(all(old)), &text(all(new))).is_empty());
    }
    let renamed = enums.replace("E_", "G_");
    let head = "syntax = \"proto3\"; ";
    let found = findings(&format!("{head}{enums}"), &format!("{head}{renamed}"));
    assert_eq!(found.len(), 2 * (MANY + 1));
}

/// Declarations whose order means nothing, each with how it stands in a file of its own.
const PIECES: [&str; 6] = [
    "message Order { int32 count = 1; Item item = 2; Kind kind = 3; oneof way { string mail = 4; string phone = 5; } map<string, Item> parts = 6; }",
    "message Item { string name = 1; Order order = 2; message Inner { Kind kind = 1; } repeated Inner inner = 3; reserved 9; }",
    "enum Kind { KIND_NONE = 0; KIND_BIG = 1; KIND_SMALL = 2; }",
    "message Reply { bool done = 1; google.protobuf.Any rest = 2; }",
    "service Orders { rpc Make(Order) returns (Reply); rpc Drop(Item) returns (stream Reply); }",
    "extend google.protobuf.FieldOptions { string hint = 50000; }",
];

/// The pieces in some order, with comments, after each other or all around one of them.
fn arranged(order: &[usize], comments: &[bool], cut: usize) -> Files {
    let head = "syntax = \"proto3\";\npackage shop.v1;\nimport \"google/protobuf/any.proto\";\nimport \"google/protobuf/descriptor.proto\";\n";
    let write = |part: &[usize]| {
        let mut text = head.to_owned();
        for at in part {
            if comments[*at] {
                text.push_str("\n// Words about it.\n/* and\nmore */\n");
            }
            let piece = PIECES[*at];
            text.push_str(&if comments[*at] {
                piece.replace("; ", "; // Why.\n  ")
            } else {
                piece.to_owned()
            });
            text.push('\n');
        }
        text
    };
    // Types that hold each other stay together; what nobody else uses may go to another file.
    let (alone, together): (Vec<usize>, Vec<usize>) = order
        .iter()
        .partition(|it| **it == 5 || (**it == 3 && cut > 1));
    let mut files = BTreeMap::from([("shop/main.proto".to_owned(), write(&together))]);
    if cut > 0 {
        files.insert("shop/rest.proto".to_owned(), write(&alone));
        let main =
            files["shop/main.proto"].replacen("import", "import \"shop/rest.proto\";\nimport", 1);
        files.insert("shop/main.proto".to_owned(), main);
    } else {
        let all: Vec<usize> = order.to_vec();
        files.insert("shop/main.proto".to_owned(), write(&all));
    }
    files
}

fn arrangement() -> impl Strategy<Value = Files> {
    let order = Just((0..PIECES.len()).collect::<Vec<_>>()).prop_shuffle();
    let comments = proptest::collection::vec(any::<bool>(), PIECES.len());
    (order, comments, 0..3_usize)
        .prop_map(|(order, comments, cut)| arranged(&order, &comments, cut))
}

proptest! {
    #[test]
    fn order_comments_and_files_make_no_difference(old in arrangement(), new in arrangement()) {
        let found = compare(&old, &new, "shop", &Options::default()).unwrap();
        prop_assert_eq!(found, []);
    }

    #[test]
    fn a_change_is_found_however_it_is_arranged(old in arrangement(), new in arrangement()) {
        let changed = new.into_iter().map(|(path, text)| (path, text.replace("string name = 1", "bool name = 1")));
        let found = compare(&old, &changed.collect(), "shop", &Options::default()).unwrap();
        prop_assert_eq!(ids(&found), ["json-field-type-changed", "source-field-type-changed", "wire-field-type-changed"]);
    }

    #[test]
    fn no_text_makes_it_panic(text in "(message|enum|oneof|optional|repeated|reserved|extend|option|map|M|[{}<>\\[\\]();=,.\"'/*0-9a-z \n-]){0,60}") {
        let text = format!("syntax = \"proto3\"; {text}");
        let _ = compare(&one(&text), &one(&text), "api.proto", &Options::default());
    }
}
