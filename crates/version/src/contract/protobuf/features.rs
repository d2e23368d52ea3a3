//! Features: how fields are written, read and generated. An edition is a set of defaults for them,
//! and so are proto2 and proto3, so that everything after this knows no syntax.
//!
//! Names, values, defaults and what a feature may be said of are those of `descriptor.proto`,
//! `cpp_features.proto`, `java_features.proto` and `go_features.proto` of Protobuf 36. Of the features
//! of single languages those are here that others notice in code that is generated.

use crate::contract::document::shortened;

/// What a file begins with, from old to new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edition {
    /// Also what a file is that begins with neither a syntax nor an edition.
    Proto2,
    Proto3,
    E2023,
    E2024,
    E2026,
}

impl Edition {
    /// The editions that a file may name.
    const NAMED: [(&'static str, Self); 3] = [
        ("2023", Self::E2023),
        ("2024", Self::E2024),
        ("2026", Self::E2026),
    ];

    /// By what is written between the quotes.
    pub(super) fn named(text: &str) -> Option<Self> {
        let found = Self::NAMED.iter().find(|it| it.0 == text);
        found.map(|it| it.1)
    }

    /// The names of all editions, as people read them.
    pub(super) fn known() -> String {
        Self::NAMED.map(|it| it.0).join(", ")
    }

    /// Proto2 or proto3, where features are not said but follow from older words.
    pub(super) fn is_syntax(self) -> bool {
        self < Self::E2023
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Proto2 => "proto2",
            Self::Proto3 => "proto3",
            Self::E2023 => "edition 2023",
            Self::E2024 => "edition 2024",
            Self::E2026 => "edition 2026",
        }
    }
}

/// What a feature may be said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    File,
    Message,
    Field,
    Oneof,
    Range,
    Enum,
    Value,
    Service,
    Method,
}

impl Target {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Message => "a message",
            Self::Field => "a field",
            Self::Oneof => "a oneof",
            Self::Range => "a range of extensions",
            Self::Enum => "an enum",
            Self::Value => "a value of an enum",
            Self::Service => "a service",
            Self::Method => "a method",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    FieldPresence,
    EnumType,
    RepeatedFieldEncoding,
    Utf8Validation,
    MessageEncoding,
    JsonFormat,
    EnforceNamingStyle,
    DefaultSymbolVisibility,
    EnforceProtoLimits,
    CppStringType,
    CppLegacyClosedEnum,
    CppEnumNameView,
    JavaUtf8Validation,
    JavaLegacyClosedEnum,
    JavaLargeEnum,
    JavaNesting,
    GoApiLevel,
    GoStripEnumPrefix,
}

/// What is known of a feature.
struct About {
    /// As it is written after `features.`.
    name: &'static str,
    /// The first edition that has it.
    since: Edition,
    targets: &'static [Target],
    values: &'static [&'static str],
    /// From which edition on it is what where nobody says anything, in ascending order, the first from
    /// the beginning.
    defaults: &'static [(Edition, &'static str)],
}

const FLAG: &[&str] = &["true", "false"];

impl Feature {
    const ALL: [Self; 18] = [
        Self::FieldPresence,
        Self::EnumType,
        Self::RepeatedFieldEncoding,
        Self::Utf8Validation,
        Self::MessageEncoding,
        Self::JsonFormat,
        Self::EnforceNamingStyle,
        Self::DefaultSymbolVisibility,
        Self::EnforceProtoLimits,
        Self::CppStringType,
        Self::CppLegacyClosedEnum,
        Self::CppEnumNameView,
        Self::JavaUtf8Validation,
        Self::JavaLegacyClosedEnum,
        Self::JavaLargeEnum,
        Self::JavaNesting,
        Self::GoApiLevel,
        Self::GoStripEnumPrefix,
    ];

    pub(super) fn name(self) -> &'static str {
        self.about().name
    }

    fn about(self) -> About {
        use Edition::{E2023, E2024, E2026, Proto2, Proto3};
        use Target::{Enum, Field, File, Message, Method, Oneof, Range, Service, Value};
        let (name, since, targets, values, defaults): (
            _,
            _,
            &[Target],
            &[&str],
            &[(Edition, &str)],
        ) = match self {
            Self::FieldPresence => (
                "field_presence",
                E2023,
                &[File, Field],
                &["EXPLICIT", "IMPLICIT", "LEGACY_REQUIRED"],
                &[
                    (Proto2, "EXPLICIT"),
                    (Proto3, "IMPLICIT"),
                    (E2023, "EXPLICIT"),
                ],
            ),
            Self::EnumType => (
                "enum_type",
                E2023,
                &[File, Enum],
                &["OPEN", "CLOSED"],
                &[(Proto2, "CLOSED"), (Proto3, "OPEN")],
            ),
            Self::RepeatedFieldEncoding => (
                "repeated_field_encoding",
                E2023,
                &[File, Field],
                &["PACKED", "EXPANDED"],
                &[(Proto2, "EXPANDED"), (Proto3, "PACKED")],
            ),
            Self::Utf8Validation => (
                "utf8_validation",
                E2023,
                &[File, Field],
                &["VERIFY", "NONE"],
                &[(Proto2, "NONE"), (Proto3, "VERIFY")],
            ),
            Self::MessageEncoding => (
                "message_encoding",
                E2023,
                &[File, Field],
                &["LENGTH_PREFIXED", "DELIMITED"],
                &[(Proto2, "LENGTH_PREFIXED")],
            ),
            Self::JsonFormat => (
                "json_format",
                E2023,
                &[File, Message, Enum],
                &["ALLOW", "LEGACY_BEST_EFFORT"],
                &[(Proto2, "LEGACY_BEST_EFFORT"), (Proto3, "ALLOW")],
            ),
            Self::EnforceNamingStyle => (
                "enforce_naming_style",
                E2024,
                &[
                    File, Message, Field, Oneof, Range, Enum, Value, Service, Method,
                ],
                &["STYLE2024", "STYLE2026", "STYLE_LEGACY"],
                &[
                    (Proto2, "STYLE_LEGACY"),
                    (E2024, "STYLE2024"),
                    (E2026, "STYLE2026"),
                ],
            ),
            Self::DefaultSymbolVisibility => (
                "default_symbol_visibility",
                E2024,
                &[File],
                &["EXPORT_ALL", "EXPORT_TOP_LEVEL", "LOCAL_ALL", "STRICT"],
                &[
                    (Proto2, "EXPORT_ALL"),
                    (E2024, "EXPORT_TOP_LEVEL"),
                    (E2026, "STRICT"),
                ],
            ),
            Self::EnforceProtoLimits => (
                "enforce_proto_limits",
                E2026,
                &[Message, Field, Oneof, Enum],
                &["LEGACY_NO_EXPLICIT_LIMITS", "PROTO_LIMITS2026"],
                &[
                    (Proto2, "LEGACY_NO_EXPLICIT_LIMITS"),
                    (E2026, "PROTO_LIMITS2026"),
                ],
            ),
            Self::CppStringType => (
                "(pb.cpp).string_type",
                E2023,
                &[File, Field],
                &["VIEW", "CORD", "STRING"],
                &[(Proto2, "STRING"), (E2024, "VIEW")],
            ),
            Self::CppLegacyClosedEnum => (
                "(pb.cpp).legacy_closed_enum",
                E2023,
                &[File, Field],
                FLAG,
                &[(Proto2, "true"), (Proto3, "false")],
            ),
            Self::CppEnumNameView => (
                "(pb.cpp).enum_name_uses_string_view",
                E2024,
                &[File, Enum],
                FLAG,
                &[(Proto2, "false"), (E2024, "true")],
            ),
            Self::JavaUtf8Validation => (
                "(pb.java).utf8_validation",
                E2023,
                &[File, Field],
                &["DEFAULT", "VERIFY"],
                &[(Proto2, "DEFAULT")],
            ),
            Self::JavaLegacyClosedEnum => (
                "(pb.java).legacy_closed_enum",
                E2023,
                &[File, Field],
                FLAG,
                &[(Proto2, "true"), (Proto3, "false")],
            ),
            Self::JavaLargeEnum => (
                "(pb.java).large_enum",
                E2024,
                &[File, Enum],
                FLAG,
                &[(Proto2, "false")],
            ),
            // Before, what counts is the option `java_multiple_files`.
            Self::JavaNesting => (
                "(pb.java).nest_in_file_class",
                E2024,
                &[Message, Enum, Service],
                &["NO", "YES"],
                &[(Proto2, "NO")],
            ),
            Self::GoApiLevel => (
                "(pb.go).api_level",
                E2023,
                &[File, Message],
                &["API_OPEN", "API_HYBRID", "API_OPAQUE"],
                &[(Proto2, "API_OPEN"), (E2024, "API_OPAQUE")],
            ),
            Self::GoStripEnumPrefix => (
                "(pb.go).strip_enum_prefix",
                E2024,
                &[File, Enum, Value],
                &[
                    "STRIP_ENUM_PREFIX_KEEP",
                    "STRIP_ENUM_PREFIX_GENERATE_BOTH",
                    "STRIP_ENUM_PREFIX_STRIP",
                ],
                &[(Proto2, "STRIP_ENUM_PREFIX_KEEP")],
            ),
        };
        About {
            name,
            since,
            targets,
            values,
            defaults,
        }
    }
}

/// The value of each feature, for one declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features([&'static str; Feature::ALL.len()]);

impl Features {
    /// Where nobody says anything.
    pub(super) fn of(edition: Edition) -> Self {
        Self(Feature::ALL.map(|it| {
            let defaults = it.about().defaults.iter();
            let mut reached = defaults.rev().filter(|it| it.0 <= edition);
            reached.next().map_or("", |it| it.1)
        }))
    }

    pub(super) fn value(&self, feature: Feature) -> &'static str {
        self.0[feature as usize]
    }

    pub(super) fn is(&self, feature: Feature, value: &str) -> bool {
        self.value(feature) == value
    }

    /// The same where something else is said of a few.
    pub(super) fn with(mut self, settings: impl IntoIterator<Item = Setting>) -> Self {
        for setting in settings {
            self.0[setting.feature as usize] = setting.value;
        }
        self
    }

    /// The same where something else is said of one, which has that value.
    pub(super) fn set(&mut self, feature: Feature, value: &'static str) {
        self.0[feature as usize] = value;
    }
}

/// A feature as a file says it of one declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) feature: Feature,
    pub(super) value: &'static str,
}

impl Setting {
    /// What `features.name = value` says. None for features of languages that are not here, and for
    /// those that somebody made up; an error says in words what is wrong.
    pub(super) fn read(
        name: &str,
        value: &str,
        target: Target,
        edition: Edition,
    ) -> Result<Option<Self>, String> {
        let found = Feature::ALL.into_iter().find(|it| it.name() == name);
        let Some(feature) = found else {
            return if name.starts_with('(') {
                Ok(None)
            } else {
                Err(format!("no feature is called `{}`", shortened(name, 60)))
            };
        };
        let about = feature.about();
        if edition < about.since {
            return Err(format!(
                "the feature `{name}` came with {}, and the file is one of {}",
                about.since.word(),
                edition.word()
            ));
        }
        if !about.targets.contains(&target) {
            let target = target.word();
            return Err(format!("the feature `{name}` cannot be said of {target}"));
        }
        let known = about.values.iter().find(|it| **it == value);
        let Some(value) = known.copied() else {
            let (value, values) = (shortened(value, 60), about.values.join(", "));
            return Err(format!(
                "the feature `{name}` has no value `{value}`, only {values}"
            ));
        };
        if target == Target::File && value == "LEGACY_REQUIRED" {
            return Err("a file cannot say of all its fields that they are required".to_owned());
        }
        Ok(Some(Self { feature, value }))
    }
}
