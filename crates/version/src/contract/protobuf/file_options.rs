//! Options of files that generated code follows.

use std::collections::BTreeMap;

use prost_types::{DescriptorProto, FileDescriptorProto};

use super::edition::Said;
use super::features::{Edition, Feature, Features};
use super::model::FileOption;
use super::read::FILE_OPTIONS;
use crate::contract::finding::Place;

/// The options of a file, written or not. `place` says where a part of it stands, by its path, and
/// gives it a pointer.
pub(super) fn of(
    file: &FileDescriptorProto,
    said: &Said,
    place: impl Fn(&[i32], String) -> Place,
) -> BTreeMap<&'static str, FileOption> {
    let it = file.options.clone().unwrap_or_default();
    let text = |it: Option<String>| (it.is_some(), it.unwrap_or_default());
    let flag = |it: Option<bool>, usual: bool| (it.is_some(), it.unwrap_or(usual).to_string());
    let speed = it.optimize_for().as_str_name().to_owned();
    let files = match it.java_multiple_files {
        None if uses_java(file) && said.edition >= Edition::E2024 => (false, own_files(file, said)),
        written => flag(written, false),
    };
    let known: [(&'static str, i32, (bool, String)); 16] = [
        ("java_package", 1, text(it.java_package)),
        ("java_outer_classname", 8, text(it.java_outer_classname)),
        ("optimize_for", 9, (it.optimize_for.is_some(), speed)),
        ("java_multiple_files", 10, files),
        ("go_package", 11, text(it.go_package)),
        (
            "cc_generic_services",
            16,
            flag(it.cc_generic_services, false),
        ),
        (
            "java_generic_services",
            17,
            flag(it.java_generic_services, false),
        ),
        (
            "py_generic_services",
            18,
            flag(it.py_generic_services, false),
        ),
        ("cc_enable_arenas", 31, flag(it.cc_enable_arenas, true)),
        ("objc_class_prefix", 36, text(it.objc_class_prefix)),
        ("csharp_namespace", 37, text(it.csharp_namespace)),
        ("swift_prefix", 39, text(it.swift_prefix)),
        ("php_class_prefix", 40, text(it.php_class_prefix)),
        ("php_namespace", 41, text(it.php_namespace)),
        (
            "php_metadata_namespace",
            44,
            text(it.php_metadata_namespace),
        ),
        ("ruby_package", 45, text(it.ruby_package)),
    ];
    let options = known.into_iter().map(|(name, number, (written, value))| {
        let (path, pointer) = if written {
            (&[FILE_OPTIONS, number][..], format!("/options/{name}"))
        } else {
            (&[][..], String::new())
        };
        let place = place(path, pointer);
        (
            name,
            FileOption {
                value,
                written,
                place,
            },
        )
    });
    options.collect()
}

/// Nobody generates code for Java that has no package.
fn uses_java(file: &FileDescriptorProto) -> bool {
    let options = file.options.as_ref();
    options.is_some_and(|it| it.java_package.is_some())
}

/// Whether types have Java files of their own, as `java_multiple_files` said it: from edition 2024 on
/// they do, unless they say otherwise one by one.
fn own_files(file: &FileDescriptorProto, said: &Said) -> String {
    let features = Features::of(said.edition);
    let types = [
        (4, file.message_type.len()),
        (5, file.enum_type.len()),
        (6, file.service.len()),
    ];
    let nested: Vec<bool> = types
        .into_iter()
        .flat_map(|(number, many)| (0..).take(many).map(move |at| [number, at]))
        .map(|path| {
            said.features(&path, features)
                .is(Feature::JavaNesting, "YES")
        })
        .collect();
    match (nested.contains(&true), nested.contains(&false)) {
        (true, false) => "false",
        (true, true) => "partly",
        _ => "true",
    }
    .to_owned()
}

/// What the Java class of a file is called. Who says nothing gets a name that editions since 2024 make
/// in another way than those before.
pub(super) fn outer_class(file: &FileDescriptorProto, edition: Edition) -> String {
    let options = file.options.as_ref();
    if let Some(name) = options.and_then(|it| it.java_outer_classname.as_ref()) {
        return name.clone();
    }
    let path = file.name();
    let base = path.rsplit_once('/').map_or(path, |it| it.1);
    let mut name = String::new();
    let mut capital = true;
    for letter in base.trim_end_matches(".proto").chars() {
        if letter.is_ascii_alphabetic() {
            name.push(if capital {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
        } else if letter.is_ascii_digit() {
            name.push(letter);
        }
        capital = !letter.is_ascii_alphabetic();
    }
    if edition >= Edition::E2024 {
        name.push_str("Proto");
    } else if file.enum_type.iter().any(|it| it.name() == name)
        || file.service.iter().any(|it| it.name() == name)
        || file.message_type.iter().any(|it| has_type(it, &name))
    {
        name.push_str("OuterClass");
    }
    name
}

/// Whether a message, or a type in it, has a name. The parser allows some thirty in each other.
fn has_type(message: &DescriptorProto, name: &str) -> bool {
    message.name() == name
        || message.enum_type.iter().any(|it| it.name() == name)
        || message.nested_type.iter().any(|it| has_type(it, name))
}
