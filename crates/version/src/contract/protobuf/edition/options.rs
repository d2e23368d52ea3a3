//! Features as options of a file and of what it declares: taken out of the descriptor, where nobody
//! else knows them, and read.

use std::collections::{BTreeMap, HashMap};

use prost_types::source_code_info::Location;
use prost_types::uninterpreted_option::NamePart;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    ServiceDescriptorProto, UninterpretedOption,
};

use super::tokens::{Kind, Tokens};
use super::{Refused, Settings};
use crate::contract::document::shortened;
use crate::contract::protobuf::features::{Edition, Setting, Target};
use crate::contract::protobuf::lines::Lines;

/// Where options stand that are still as they were written, in any kind of options.
const UNINTERPRETED: i32 = 999;

/// Takes the features of a file out of its descriptor. What they are about is named by its path of
/// field numbers and indices.
pub(super) fn take(
    file: &mut FileDescriptorProto,
    edition: Edition,
) -> Result<BTreeMap<Vec<i32>, Settings>, Refused> {
    let mut taker = Taker {
        edition,
        path: Vec::new(),
        found: Vec::new(),
        taken: HashMap::new(),
    };
    taker.file(file);
    let Taker { found, taken, .. } = taker;
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    let lines = Lines::of(file);
    let mut settings: BTreeMap<Vec<i32>, Settings> = BTreeMap::new();
    for option in found {
        let line = lines.line(&option.place);
        let refused = |reason: String| Refused { line, reason };
        let read = option.read(edition).map_err(refused)?;
        let known = settings.entry(option.about).or_default();
        for setting in read {
            if known.iter().any(|it| it.0.feature == setting.feature) {
                let name = setting.feature.name();
                return Err(refused(format!("the feature `{name}` is said twice")));
            }
            known.push((setting, line));
        }
    }
    if let Some(info) = &mut file.source_code_info {
        info.location.retain_mut(|it| moved(it, &taken));
    }
    Ok(settings)
}

/// Moves the place of an option to where it is without those that were taken; false for one of them.
fn moved(place: &mut Location, taken: &HashMap<Vec<i32>, Vec<usize>>) -> bool {
    let path = &mut place.path;
    let mut ends = (0..path.len()).filter(|at| path[*at] == UNINTERPRETED);
    let Some((at, gone)) = ends.find_map(|at| Some((at, taken.get(&path[..at])?))) else {
        return true;
    };
    let Some(index) = path.get_mut(at + 1) else {
        return true;
    };
    let was = usize::try_from(*index).unwrap_or_default();
    let before = gone.partition_point(|it| *it < was);
    *index -= i32::try_from(before).unwrap_or_default();
    gone.get(before) != Some(&was)
}

/// An option that was taken.
struct Taken {
    about: Vec<i32>,
    target: Target,
    /// The path of the option itself.
    place: Vec<i32>,
    option: UninterpretedOption,
}

impl Taken {
    fn read(&self, edition: Edition) -> Result<Vec<Setting>, String> {
        if edition.is_syntax() {
            return Err("only files of editions have features".to_owned());
        }
        let name: Vec<String> = self.option.name.iter().map(part).collect();
        match name.first().map_or("", String::as_str) {
            "packed" => {
                return Err("`packed` is `features.repeated_field_encoding` in editions".to_owned());
            }
            "ctype" => {
                return Err(
                    "`ctype` is `features.(pb.cpp).string_type` from edition 2024 on".to_owned(),
                );
            }
            _ => {}
        }
        let name = name[1..].join(".");
        let mut values = Vec::new();
        if let Some(aggregate) = &self.option.aggregate_value {
            members(aggregate, &name, &mut values)?;
        } else {
            let value = self.option.identifier_value.clone();
            let number = || self.option.positive_int_value.map(|it| it.to_string());
            let value = value.or_else(number);
            values.push((name, value.unwrap_or_else(|| "\"…\"".to_owned())));
        }
        let read = values
            .iter()
            .map(|(name, value)| Setting::read(name, value, self.target, edition));
        read.filter_map(Result::transpose).collect()
    }
}

/// A part of an option's name. Names of extensions are full ones, with a dot before them or without.
fn part(it: &NamePart) -> String {
    if it.is_extension {
        format!("({})", it.name_part.trim_start_matches('.'))
    } else {
        it.name_part.clone()
    }
}

/// The members of a value in the text format: `field_presence: IMPLICIT [pb.cpp] { string_type: VIEW }`.
/// `within` is the name of what they are members of. Nothing that is known lies deeper.
fn members(text: &str, within: &str, out: &mut Vec<(String, String)>) -> Result<(), String> {
    let mut tokens = Tokens::of(text).peekable();
    let mut inside = within.to_owned();
    while let Some(token) = tokens.next() {
        let mut name = match (token.kind, &text[token.range]) {
            (Kind::Word, name) => name.to_owned(),
            (_, "[") => {
                let name = tokens
                    .by_ref()
                    .take_while(|it| &text[it.range.clone()] != "]");
                format!("({})", name.map(|it| &text[it.range]).collect::<String>())
            }
            // The end of the one level that is gone down to.
            (_, "}" | ">") if inside != within => {
                within.clone_into(&mut inside);
                continue;
            }
            (_, "," | ";") => continue,
            (_, other) => {
                let other = shortened(other, 60);
                return Err(format!("`{other}` is no name of a feature"));
            }
        };
        if !inside.is_empty() {
            name = format!("{inside}.{name}");
        }
        let colon = tokens.next_if(|it| &text[it.range.clone()] == ":");
        tokens.next_if(|it| &text[it.range.clone()] == "-");
        let Some(value) = tokens.next() else {
            return Err(format!(
                "the feature `{}` has no value",
                shortened(&name, 60)
            ));
        };
        match &text[value.range.clone()] {
            "{" | "<" if inside == within && within.is_empty() => inside = name,
            "{" | "<" | "[" => {
                let mut depth = 1_usize;
                while let Some(token) = tokens.next_if(|_| depth > 0) {
                    match &text[token.range] {
                        "{" | "<" | "[" => depth += 1,
                        "}" | ">" | "]" => depth -= 1,
                        _ => {}
                    }
                }
            }
            text if colon.is_some() => out.push((name, text.to_owned())),
            _ => {
                let name = shortened(&name, 60);
                return Err(format!("the feature `{name}` has no value"));
            }
        }
    }
    Ok(())
}

/// Walks through a descriptor and takes options out of it.
struct Taker {
    edition: Edition,
    path: Vec<i32>,
    found: Vec<Taken>,
    /// By the path of the options, which of them were taken.
    taken: HashMap<Vec<i32>, Vec<usize>>,
}

/// Calls something for each part of a declaration, with the path of the part.
macro_rules! each {
    ($taker:ident, $parts:expr, $number:literal, $method:ident) => {
        for (at, part) in (0..).zip(&mut $parts) {
            $taker.path.extend([$number, at]);
            $taker.$method(part);
            $taker.path.truncate($taker.path.len() - 2);
        }
    };
}

/// Takes what is to be taken from the options of a declaration, if it has some.
macro_rules! options {
    ($taker:ident, $declared:expr, $number:literal, $target:ident) => {
        if let Some(options) = &mut $declared.options {
            $taker.options(&mut options.uninterpreted_option, $number, Target::$target);
        }
    };
}

// The numbers are those of fields in `descriptor.proto`.
impl Taker {
    fn file(&mut self, it: &mut FileDescriptorProto) {
        options!(self, it, 8, File);
        each!(self, it.message_type, 4, message);
        each!(self, it.enum_type, 5, enumeration);
        each!(self, it.service, 6, service);
        each!(self, it.extension, 7, field);
    }

    /// The parser allows some thirty messages in each other.
    fn message(&mut self, it: &mut DescriptorProto) {
        options!(self, it, 7, Message);
        each!(self, it.field, 2, field);
        each!(self, it.nested_type, 3, message);
        each!(self, it.enum_type, 4, enumeration);
        each!(self, it.extension_range, 5, range);
        each!(self, it.extension, 6, field);
        each!(self, it.oneof_decl, 8, oneof);
    }

    fn field(&mut self, it: &mut FieldDescriptorProto) {
        options!(self, it, 8, Field);
    }

    fn oneof(&mut self, it: &mut prost_types::OneofDescriptorProto) {
        options!(self, it, 2, Oneof);
    }

    fn range(&mut self, it: &mut prost_types::descriptor_proto::ExtensionRange) {
        options!(self, it, 3, Range);
    }

    fn enumeration(&mut self, it: &mut EnumDescriptorProto) {
        options!(self, it, 3, Enum);
        each!(self, it.value, 2, value);
    }

    fn value(&mut self, it: &mut prost_types::EnumValueDescriptorProto) {
        options!(self, it, 3, Value);
    }

    fn service(&mut self, it: &mut ServiceDescriptorProto) {
        options!(self, it, 3, Service);
        each!(self, it.method, 2, method);
    }

    fn method(&mut self, it: &mut prost_types::MethodDescriptorProto) {
        options!(self, it, 4, Method);
    }

    fn options(&mut self, all: &mut Vec<UninterpretedOption>, number: i32, target: Target) {
        let field = target == Target::Field;
        let (edition, later) = (!self.edition.is_syntax(), self.edition >= Edition::E2024);
        let wanted = |it: &UninterpretedOption| {
            let first = it.name.first().filter(|it| !it.is_extension);
            first.is_some_and(|it| match it.name_part.as_str() {
                "features" => true,
                // What features took the place of, and the compiler refuses.
                "packed" => field && edition,
                "ctype" => field && later,
                _ => false,
            })
        };
        if !all.iter().any(wanted) {
            return;
        }
        let mut options = self.path.clone();
        options.push(number);
        let mut rest = Vec::new();
        for (at, option) in std::mem::take(all).into_iter().enumerate() {
            if !wanted(&option) {
                rest.push(option);
                continue;
            }
            self.taken.entry(options.clone()).or_default().push(at);
            let mut place = options.clone();
            place.extend([UNINTERPRETED, i32::try_from(at).unwrap_or_default()]);
            self.found.push(Taken {
                about: self.path.clone(),
                target,
                place,
                option,
            });
        }
        *all = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let mut out = Vec::new();
        members(text, "", &mut out).map(|()| out)
    }

    #[test]
    fn values_are_read_whatever_separates_them() {
        let wanted = [
            ("field_presence", "IMPLICIT"),
            ("(pb.cpp).string_type", "VIEW"),
            ("(made.up)", "3"),
            ("enum_type", "CLOSED"),
        ]
        .map(|it| (it.0.to_owned(), it.1.to_owned()));
        for text in [
            "field_presence : IMPLICIT [ pb . cpp ] { string_type : VIEW } [made.up]: 3 enum_type: CLOSED",
            "field_presence: IMPLICIT, [pb.cpp]: <string_type: VIEW,>; [made.up]: 3; enum_type: CLOSED;",
            "field_presence:IMPLICIT [pb.cpp]{string_type:VIEW other{deep{a:1}b:[{c:2}]}}[made.up]:3 enum_type:CLOSED # }",
        ] {
            assert_eq!(read(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "field_presence",
            "field_presence:",
            ": IMPLICIT",
            "}",
            "a: b }",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["", "[", "[pb.cpp] {", "a: {{{{", "a: [[", "é: ü"] {
            drop(read(text));
        }
    }
}
