//! Descriptors to what they declare.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::field_options::CType;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
    ServiceDescriptorProto,
};

use super::edition::Said;
use super::features::{Feature, Features};
use super::file_options;
use super::lines::Lines;
use super::model::{
    Common, Enum, Field, File, Generated, Kind, Message, Method, Model, Often, Ranges, Reserved,
    Service, Simple, Value, ranged,
};
use super::sources::Source;
use crate::contract::finding::Place;

// Numbers of fields in `descriptor.proto`, of which paths consist.
const FILE_PACKAGE: i32 = 2;
const FILE_MESSAGE: i32 = 4;
const FILE_ENUM: i32 = 5;
const FILE_SERVICE: i32 = 6;
const FILE_EXTENSION: i32 = 7;
pub(super) const FILE_OPTIONS: i32 = 8;
const FILE_SYNTAX: i32 = 12;
const MESSAGE_FIELD: i32 = 2;
const MESSAGE_MESSAGE: i32 = 3;
const MESSAGE_ENUM: i32 = 4;
const MESSAGE_RANGE: i32 = 5;
const MESSAGE_EXTENSION: i32 = 6;
const MESSAGE_OPTIONS: i32 = 7;
const MESSAGE_ONEOF: i32 = 8;
const MESSAGE_RESERVED: i32 = 9;
const MESSAGE_RESERVED_NAME: i32 = 10;
const ENUM_VALUE: i32 = 2;
const ENUM_RESERVED: i32 = 4;
const ENUM_RESERVED_NAME: i32 = 5;
const SERVICE_METHOD: i32 = 2;
const METHOD_OPTIONS: i32 = 4;

impl Model {
    /// What some files declare. Names in them have to be resolved.
    pub(super) fn of(sources: &[Source]) -> Self {
        let mut model = Self::default();
        for Source { file, said } in sources {
            let mut reader = Reader {
                model: &mut model,
                file,
                said,
                lines: Lines::of(file),
            };
            reader.read();
        }
        model
    }
}

struct Reader<'a> {
    model: &'a mut Model,
    file: &'a FileDescriptorProto,
    said: &'a Said,
    lines: Lines<'a>,
}

impl Reader<'_> {
    fn place(&self, path: &[i32], pointer: String) -> Place {
        Place {
            file: self.file.name().to_owned(),
            line: self.lines.line(path),
            pointer,
        }
    }

    fn declare(&mut self, name: &str) {
        let package = self.file.package().to_owned();
        self.model.packages.insert(name.to_owned(), package);
    }

    fn read(&mut self) {
        let file = self.file;
        let package = file.package().to_owned();
        let entry = File {
            package: package.clone(),
            package_place: self.place(&[FILE_PACKAGE], "/package".to_owned()),
            edition: self.said.edition,
            outer_class: file_options::outer_class(file, self.said.edition),
            syntax_place: self.place(&[FILE_SYNTAX], "/syntax".to_owned()),
            options: file_options::of(self.file, self.said, |path, pointer| {
                self.place(path, pointer)
            }),
            place: self.place(&[], String::new()),
        };
        self.model.files.insert(file.name().to_owned(), entry);
        let features = Features::of(self.said.edition);
        let features = self.said.features(&[], features);
        for (at, message) in numbered(&file.message_type) {
            self.message(message, &package, features, &[FILE_MESSAGE, at]);
        }
        for (at, it) in numbered(&file.enum_type) {
            self.enumeration(it, &package, features, &[FILE_ENUM, at]);
        }
        for (at, field) in numbered(&file.extension) {
            self.extension(field, &package, features, &[FILE_EXTENSION, at]);
        }
        for (at, service) in numbered(&file.service) {
            self.service(service, &package, &[FILE_SERVICE, at]);
        }
    }

    fn message(&mut self, message: &DescriptorProto, scope: &str, around: Features, path: &[i32]) {
        let features = self.said.features(path, around);
        let name = joined(scope, message.name());
        let pointer = format!("/messages/{name}");
        let maps = message.nested_type.iter().filter(|it| is_map(it));
        let maps: BTreeMap<String, &DescriptorProto> =
            maps.map(|it| (joined(&name, it.name()), it)).collect();
        let synthetic: BTreeSet<i32> = message
            .field
            .iter()
            .filter(|it| it.proto3_optional())
            .filter_map(|it| it.oneof_index)
            .collect();
        let oneof = |index: i32| {
            let index = usize::try_from(index).ok()?;
            Some(message.oneof_decl.get(index)?.name().to_owned())
        };
        let fields = numbered(&message.field).map(|(at, field)| {
            let place = format!("{pointer}/fields/{}", field.number());
            let path = with(path, &[MESSAGE_FIELD, at]);
            let index = field.oneof_index.filter(|it| !synthetic.contains(it));
            let features = self.said.features(&path, features);
            let place = self.place(&path, place);
            let field_of = self.field(field, &maps, index.and_then(oneof), features, place);
            (i64::from(field.number()), field_of)
        });
        let fields = fields.collect();
        let oneofs = numbered(&message.oneof_decl).filter(|it| !synthetic.contains(&it.0));
        let oneofs = oneofs.map(|(at, it)| {
            let place = format!("{pointer}/oneofs/{}", it.name());
            let place = self.place(&with(path, &[MESSAGE_ONEOF, at]), place);
            (it.name().to_owned(), place)
        });
        let oneofs = oneofs.collect();
        let ranges = message.reserved_range.iter();
        let ranges = ranges.map(|it| i64::from(it.start())..i64::from(it.end()));
        let parts = (MESSAGE_RESERVED, MESSAGE_RESERVED_NAME);
        let reserved = self.reserved(ranges, &message.reserved_name, &pointer, path, parts);
        let extensions = numbered(&message.extension_range).map(|(at, it)| {
            let range = i64::from(it.start())..i64::from(it.end());
            let place = format!("{pointer}/extensions/{}", ranged(&range));
            (range, self.place(&with(path, &[MESSAGE_RANGE, at]), place))
        });
        let extensions = Ranges::new(extensions.collect());
        let options = message.options.as_ref();
        let made = Message {
            accessor: (
                !options.is_some_and(|it| it.no_standard_descriptor_accessor()),
                self.place(&with(path, &[MESSAGE_OPTIONS, 2]), pointer.clone()),
            ),
            common: Common {
                json: self.json(features, path, &pointer),
                exported: self.exported(features, path),
                generated: self.generated(features, &[], &[Feature::GoApiLevel]),
            },
            place: self.place(path, pointer),
            fields,
            oneofs,
            reserved,
            extensions,
            set: options.is_some_and(|it| it.message_set_wire_format()),
            deprecated: options.is_some_and(|it| it.deprecated()),
        };
        self.declare(&name);
        self.model.messages.insert(name.clone(), made);
        // The parser allows some thirty messages in each other.
        for (at, inner) in numbered(&message.nested_type).filter(|it| !is_map(it.1)) {
            self.message(inner, &name, features, &with(path, &[MESSAGE_MESSAGE, at]));
        }
        for (at, inner) in numbered(&message.enum_type) {
            self.enumeration(inner, &name, features, &with(path, &[MESSAGE_ENUM, at]));
        }
        for (at, field) in numbered(&message.extension) {
            self.extension(
                field,
                &name,
                features,
                &with(path, &[MESSAGE_EXTENSION, at]),
            );
        }
    }

    /// Whether a message or an enum has a form in JSON that can be relied on, and where that is said.
    fn json(&self, features: Features, path: &[i32], pointer: &str) -> (bool, Place) {
        let feature = Feature::JsonFormat;
        (
            features.is(feature, "ALLOW"),
            self.said_of(feature, path, pointer),
        )
    }

    /// Where a feature is said of a declaration; the declaration, if it is not said of it alone.
    fn said_of(&self, feature: Feature, path: &[i32], pointer: &str) -> Place {
        let place = self.place(path, pointer.to_owned());
        match self.said.line(path, feature) {
            Some(line) => Place { line, ..place },
            None => place,
        }
    }

    /// Whether other files may name a type.
    fn exported(&self, features: Features, path: &[i32]) -> bool {
        let top = matches!(path, [FILE_MESSAGE | FILE_ENUM, _]);
        let usual = match features.value(Feature::DefaultSymbolVisibility) {
            "EXPORT_ALL" => true,
            "EXPORT_TOP_LEVEL" => top,
            _ => false,
        };
        self.said.exported(path).unwrap_or(usual)
    }

    /// Features that code is generated by; those of Go only where the file says that there is Go.
    fn generated(&self, features: Features, any: &[Feature], go: &[Feature]) -> Generated {
        let options = self.file.options.as_ref();
        let go = if options.is_some_and(|it| it.go_package.is_some()) {
            go
        } else {
            &[]
        };
        let all = any.iter().chain(go);
        all.map(|it| (*it, features.value(*it))).collect()
    }

    fn extension(
        &mut self,
        field: &FieldDescriptorProto,
        scope: &str,
        around: Features,
        path: &[i32],
    ) {
        let extendee = bare(field.extendee());
        let number = field.number();
        let place = self.place(path, format!("/extensions/{extendee}/{number}"));
        let features = self.said.features(path, around);
        let mut made = self.field(field, &BTreeMap::new(), None, features, place);
        // Extensions have names of their own, and are called by them in JSON.
        made.name = joined(scope, field.name());
        made.json = format!("[{}]", made.name);
        let all = self.model.extensions.entry(extendee).or_default();
        all.insert(i64::from(number), made);
    }

    /// Whether a text has to be UTF-8 to be read in Java, and where that is said.
    fn checked_in_java(&self, text: bool, features: Features, field: &Place) -> (bool, Place) {
        let options = self.file.options.as_ref();
        let option = options.and_then(|it| it.java_string_check_utf8);
        let said = option.unwrap_or(features.is(Feature::JavaUtf8Validation, "VERIFY"));
        let mut place = field.clone();
        if option.is_some() {
            place.line = self.lines.line(&[FILE_OPTIONS, 27]);
        }
        let checked = said || features.is(Feature::Utf8Validation, "VERIFY");
        (text && checked, place)
    }

    /// `features` are those that are said of it; what older words say is added here.
    fn field(
        &self,
        field: &FieldDescriptorProto,
        maps: &BTreeMap<String, &DescriptorProto>,
        oneof: Option<String>,
        mut features: Features,
        place: Place,
    ) -> Field {
        let options = field.options.clone().unwrap_or_default();
        if self.said.edition.is_syntax() {
            older(&mut features, field, &options);
        }
        let delimited = features.is(Feature::MessageEncoding, "DELIMITED");
        let kind = match maps.get(&bare(field.type_name())) {
            None => match kind(field) {
                Kind::Message(name) if delimited => Kind::Group(name),
                kind => kind,
            },
            Some(map) => match (map.field.first().map(kind), map.field.get(1).map(kind)) {
                (Some(Kind::Simple(key)), Some(value)) => Kind::Map(key, Box::new(value)),
                _ => kind(field),
            },
        };
        let extension = field.extendee.is_some();
        let required = features.is(Feature::FieldPresence, "LEGACY_REQUIRED");
        let often = match field.label() {
            Label::Repeated => Often::Many,
            _ if required && oneof.is_none() && !extension => Often::Required,
            _ => Often::Once,
        };
        let held = matches!(kind, Kind::Message(_) | Kind::Group(_));
        let packable = match &kind {
            Kind::Simple(it) => !matches!(it, Simple::String | Simple::Bytes),
            Kind::Enum(_) => true,
            _ => false,
        };
        let asked = !features.is(Feature::FieldPresence, "IMPLICIT");
        let packed = features.is(Feature::RepeatedFieldEncoding, "PACKED");
        let text = holds_text(&kind);
        let checked = text && features.is(Feature::Utf8Validation, "VERIFY");
        let closed = match kind {
            Kind::Enum(_) => &[Feature::CppLegacyClosedEnum, Feature::JavaLegacyClosedEnum][..],
            _ => &[],
        };
        Field {
            name: field.name().to_owned(),
            json: field.json_name().to_owned(),
            presence: often != Often::Many && (held || extension || oneof.is_some() || asked),
            packed: often == Often::Many && packable && packed,
            checked,
            checked_in_java: self.checked_in_java(text, features, &place),
            ctype: string_type(&kind, &options, features),
            generated: self.generated(features, closed, &[]),
            kind,
            often,
            oneof,
            default: field.default_value.clone(),
            jstype: options.jstype().as_str_name().to_owned(),
            deprecated: options.deprecated(),
            place,
        }
    }

    fn reserved(
        &self,
        ranges: impl Iterator<Item = Range<i64>>,
        names: &[String],
        pointer: &str,
        path: &[i32],
        (range, name): (i32, i32),
    ) -> Reserved {
        let numbers = (0..).zip(ranges).map(|(at, it)| {
            let place = format!("{pointer}/reserved/{}", ranged(&it));
            (it, self.place(&with(path, &[range, at]), place))
        });
        let names = (0..).zip(names).map(|(at, it)| {
            let place = format!("{pointer}/reserved/{it}");
            (it.clone(), self.place(&with(path, &[name, at]), place))
        });
        Reserved {
            numbers: Ranges::new(numbers.collect()),
            names: names.collect(),
        }
    }

    fn enumeration(
        &mut self,
        it: &EnumDescriptorProto,
        scope: &str,
        around: Features,
        path: &[i32],
    ) {
        let features = self.said.features(path, around);
        let name = joined(scope, it.name());
        let pointer = format!("/enums/{name}");
        let values = numbered(&it.value).map(|(at, value)| Value {
            name: value.name().to_owned(),
            number: i64::from(value.number()),
            deprecated: value.options.as_ref().is_some_and(|it| it.deprecated()),
            place: self.place(
                &with(path, &[ENUM_VALUE, at]),
                format!("{pointer}/values/{}", value.name()),
            ),
        });
        let values: Vec<Value> = values.collect();
        let names = (0..).zip(&values).map(|(at, it)| (it.name.clone(), at));
        let ranges = it.reserved_range.iter();
        let ranges = ranges.map(|it| i64::from(it.start())..i64::from(it.end()) + 1);
        let parts = (ENUM_RESERVED, ENUM_RESERVED_NAME);
        let made = Enum {
            reserved: self.reserved(ranges, &it.reserved_name, &pointer, path, parts),
            closed: (
                features.is(Feature::EnumType, "CLOSED"),
                self.said_of(Feature::EnumType, path, &pointer),
            ),
            common: Common {
                json: self.json(features, path, &pointer),
                exported: self.exported(features, path),
                generated: self.generated(
                    features,
                    &[Feature::CppEnumNameView, Feature::JavaLargeEnum],
                    &[Feature::GoStripEnumPrefix],
                ),
            },
            place: self.place(path, pointer),
            names: names.collect(),
            values,
            deprecated: it.options.as_ref().is_some_and(|it| it.deprecated()),
        };
        self.declare(&name);
        self.model.enums.insert(name, made);
    }

    fn service(&mut self, service: &ServiceDescriptorProto, scope: &str, path: &[i32]) {
        let name = joined(scope, service.name());
        let pointer = format!("/services/{name}");
        let methods = numbered(&service.method).map(|(at, method)| {
            let options = method.options.clone().unwrap_or_default();
            let made = Method {
                request: bare(method.input_type()),
                response: bare(method.output_type()),
                client_streaming: method.client_streaming(),
                server_streaming: method.server_streaming(),
                idempotency: (
                    match options.idempotency_level().as_str_name() {
                        "NO_SIDE_EFFECTS" => 2,
                        "IDEMPOTENT" => 1,
                        _ => 0,
                    },
                    self.place(
                        &with(path, &[SERVICE_METHOD, at, METHOD_OPTIONS, 34]),
                        format!("{pointer}/methods/{}", method.name()),
                    ),
                ),
                deprecated: options.deprecated(),
                place: self.place(
                    &with(path, &[SERVICE_METHOD, at]),
                    format!("{pointer}/methods/{}", method.name()),
                ),
            };
            (method.name().to_owned(), made)
        });
        let made = Service {
            methods: methods.collect(),
            place: self.place(path, pointer),
            deprecated: service.options.as_ref().is_some_and(|it| it.deprecated()),
        };
        self.declare(&name);
        self.model.services.insert(name, made);
    }
}

fn kind(field: &FieldDescriptorProto) -> Kind {
    let simple = match field.r#type() {
        Type::Enum => return Kind::Enum(bare(field.type_name())),
        Type::Message => return Kind::Message(bare(field.type_name())),
        Type::Group => return Kind::Group(bare(field.type_name())),
        Type::Double => Simple::Double,
        Type::Float => Simple::Float,
        Type::Int64 => Simple::Int64,
        Type::Uint64 => Simple::Uint64,
        Type::Int32 => Simple::Int32,
        Type::Fixed64 => Simple::Fixed64,
        Type::Fixed32 => Simple::Fixed32,
        Type::Bool => Simple::Bool,
        Type::String => Simple::String,
        Type::Bytes => Simple::Bytes,
        Type::Uint32 => Simple::Uint32,
        Type::Sfixed32 => Simple::Sfixed32,
        Type::Sfixed64 => Simple::Sfixed64,
        Type::Sint32 => Simple::Sint32,
        Type::Sint64 => Simple::Sint64,
    };
    Kind::Simple(simple)
}

/// The features that follow from what proto2 and proto3 say of a field in other words.
fn older(features: &mut Features, field: &FieldDescriptorProto, options: &FieldOptions) {
    if field.label() == Label::Required {
        features.set(Feature::FieldPresence, "LEGACY_REQUIRED");
    }
    if field.proto3_optional() {
        features.set(Feature::FieldPresence, "EXPLICIT");
    }
    if field.r#type() == Type::Group {
        features.set(Feature::MessageEncoding, "DELIMITED");
    }
    if let Some(packed) = options.packed {
        let encoding = if packed { "PACKED" } else { "EXPANDED" };
        features.set(Feature::RepeatedFieldEncoding, encoding);
    }
}

/// What holds a text in C++; empty for other types. Before there was a feature, an option said it.
fn string_type(kind: &Kind, options: &FieldOptions, features: Features) -> &'static str {
    if !matches!(kind, Kind::Simple(Simple::String | Simple::Bytes)) {
        return "";
    }
    match options.ctype.map(|_| options.ctype()) {
        Some(CType::Cord) => "CORD",
        Some(CType::StringPiece) => "STRING_PIECE",
        Some(CType::String) => "STRING",
        None => features.value(Feature::CppStringType),
    }
}

fn holds_text(kind: &Kind) -> bool {
    match kind {
        Kind::Simple(it) => *it == Simple::String,
        Kind::Map(key, value) => *key == Simple::String || holds_text(value),
        _ => false,
    }
}

fn is_map(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|it| it.map_entry())
}

/// Parts with their indices, as paths have them.
fn numbered<T>(parts: &[T]) -> impl Iterator<Item = (i32, &T)> {
    (0..).zip(parts)
}

fn with(path: &[i32], further: &[i32]) -> Vec<i32> {
    [path, further].concat()
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// A full name without the dot before it.
fn bare(name: &str) -> String {
    name.trim_start_matches('.').to_owned()
}
