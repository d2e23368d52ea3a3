//! What can change in `.proto` files: one line each.
//!
//! The words begin with who notices. `wire`: those who exchange the binary form, calls included.
//! `json`: those who exchange JSON. `source`: those whose code is generated from the files. Nothing
//! before them: additions and deprecations, which nobody has to notice.

use crate::Level;
use crate::contract::rule::{Certainty, Direction, Rule, Surface, named};

named! {
    /// Every rule about Protobuf.
    RULES "protobuf-" Protobuf

    FILE_PACKAGE_WIRE "wire-package-changed", Both Major MayBreak, "the package is another one, and with it the paths of calls and the names of packed messages";
    FILE_PACKAGE_SOURCE "source-package-changed", Both Major Proved, "the package is another one";
    FILE_SYNTAX "source-syntax-changed", Both Major MayBreak, "the syntax is another one";
    FILE_OPTION "source-file-option-changed", Both Major MayBreak, "an option that generated code follows is another one";

    MESSAGE_REMOVED "source-message-removed", Both Major Proved, "a message is gone";
    MESSAGE_ADDED "message-added", Both Minor Proved, "a message was added";
    MESSAGE_SET "wire-message-set-changed", Both Major Proved, "a message is written as a message set on one side only";
    MESSAGE_ACCESSOR "source-descriptor-accessor-changed", Both Major MayBreak, "the accessor `descriptor` of a message is generated on one side only";

    JSON_UNPROMISED "json-form-not-promised", Both Major MayBreak, "a form in JSON is not promised any more, only tried";
    TYPE_HIDDEN "source-type-hidden", Both Major MayBreak, "other files may not name a type any more";
    TYPE_EXPORTED "type-exported", Both Minor Proved, "other files may name a type";
    GENERATED "source-feature-changed", Both Major MayBreak, "a feature that generated code follows is another one";

    FIELD_REMOVED_WIRE "wire-field-removed-unreserved", Both Major MayBreak, "a field is gone and its number is free to mean something else";
    FIELD_RETIRED_WIRE "wire-field-removed", Both Minor Proved, "a field is gone and its number is reserved";
    FIELD_REMOVED_JSON "json-field-removed", WeRead Major MayBreak, "a field is gone, and readers of JSON refuse names that they do not know";
    FIELD_NAME_FREED "json-field-name-unreserved", Both Major MayBreak, "a field is gone and its name is free to mean something else";
    FIELD_REMOVED_SOURCE "source-field-removed", Both Major Proved, "a field is gone";
    FIELD_ADDED "field-added", Both Minor Proved, "a field was added";
    REQUIRED_ADDED "wire-required-field-added", WeRead Major Proved, "a required field was added";
    REQUIRED_REMOVED "wire-required-field-removed", OthersRead Major Proved, "a required field is gone";
    FIELD_BECAME_REQUIRED "wire-field-became-required", WeRead Major Proved, "a field became required";
    FIELD_BECAME_OPTIONAL "wire-field-became-optional", OthersRead Major Proved, "a required field became optional";
    FIELD_REQUIRED_SOURCE "source-field-requirement-changed", Both Minor MayBreak, "a field is required on one side only";
    FIELD_RENUMBERED "wire-field-renumbered", Both Major Proved, "a field has another number";
    FIELD_REUSED "wire-field-number-reused", Both Major Proved, "a number is that of another field";
    FIELD_RENAMED "source-field-renamed", Both Major Proved, "a field has another name";
    FIELD_JSON_NAME "json-field-name-changed", Both Major Proved, "a field has another name in JSON";

    TYPE_WIRE "wire-field-type-changed", Both Major Proved, "a field is written in another way";
    TYPE_READ_LESS "wire-field-holds-less", WeRead Major MayBreak, "values that were written before are read as others";
    TYPE_WRITTEN_MORE "wire-field-holds-more", OthersRead Major MayBreak, "values may be written that older readers take for others";
    TYPE_MESSAGE "wire-field-message-changed", Both Major MayBreak, "a field holds a message that is made differently";
    TYPE_JSON "json-field-type-changed", Both Major Proved, "a field is another kind of JSON";
    TYPE_JSON_MESSAGE "json-field-message-changed", Both Major MayBreak, "a field holds something else of the same kind of JSON";
    TYPE_JSON_INTEGER "json-field-integer-size-changed", Both Major MayBreak, "a whole number is text in JSON on one side only";
    TYPE_SOURCE "source-field-type-changed", Both Major Proved, "a field has another type";

    BECAME_REPEATED "wire-field-became-repeated", OthersRead Major MayBreak, "a field may be there several times, and older readers take the last one";
    BECAME_REPEATED_PACKED "wire-field-became-packed", OthersRead Major Proved, "a field is a packed list, which older readers do not understand";
    BECAME_SINGULAR "wire-field-became-singular", WeRead Major MayBreak, "of a field that was there several times the last one is read";
    BECAME_SINGULAR_PACKED "wire-field-became-unpacked", WeRead Major Proved, "a field that was a packed list is read as one value";
    REPETITION_JSON "json-field-repetition-changed", Both Major Proved, "a field is a list in JSON on one side only";
    REPETITION_SOURCE "source-field-repetition-changed", Both Major Proved, "a field is a list on one side only";
    PACKING "wire-field-packing-changed", Both Patch Proved, "a list is packed on one side only, and readers have to take both";
    PRESENCE_LOST "wire-field-presence-lost", OthersRead Major MayBreak, "that a field is set is not written any more where it has its default";
    PRESENCE_GAINED "wire-field-presence-gained", Both Minor Proved, "that a field is set is written where it was not";
    PRESENCE_SOURCE "source-field-presence-changed", Both Major MayBreak, "whether a field is set can be asked on one side only";
    ONEOF_JOINED "wire-field-oneof-joined", Both Major MayBreak, "fields that could be set together clear each other";
    ONEOF_LEFT "wire-field-oneof-left", Both Major MayBreak, "fields that cleared each other may be set together";
    ONEOF_SOURCE "source-field-oneof-changed", Both Major Proved, "a field belongs to another oneof";
    ONEOF_REMOVED "source-oneof-removed", Both Major Proved, "a oneof is gone";
    DEFAULT_CHANGED "wire-field-default-changed", Both Major MayBreak, "a missing value is read as another one";
    TEXT_CHECKED "wire-field-text-checked", WeRead Major MayBreak, "a text that is no UTF-8 is refused";
    TEXT_UNCHECKED "wire-field-text-not-checked", OthersRead Major MayBreak, "a text may be written that is no UTF-8";
    JAVA_TEXT_CHECKED "wire-field-text-checked-in-java", WeRead Major MayBreak, "readers in Java refuse a text that is no UTF-8";
    JAVA_TEXT_UNCHECKED "wire-field-text-not-checked-in-java", OthersRead Major MayBreak, "writers in Java may write a text that is no UTF-8";
    CTYPE_CHANGED "source-field-ctype-changed", Both Major MayBreak, "a field has another type in generated C++";
    JSTYPE_CHANGED "source-field-jstype-changed", Both Major MayBreak, "a field has another type in generated JavaScript";

    RESERVED_NUMBER_REMOVED "wire-reserved-number-removed", Both Major MayBreak, "numbers of the past are not reserved any more";
    RESERVED_NAME_REMOVED "json-reserved-name-removed", Both Major MayBreak, "a name of the past is not reserved any more";
    EXTENSION_RANGE_REMOVED "wire-extension-range-removed", Both Major Proved, "numbers are not for extensions any more";
    EXTENSION_RANGE_ADDED "extension-range-added", Both Minor Proved, "more numbers are for extensions";
    EXTENSION_REMOVED_WIRE "wire-extension-removed", Both Major MayBreak, "an extension is gone and its number is free to mean something else";
    EXTENSION_REMOVED_SOURCE "source-extension-removed", Both Major Proved, "an extension is gone";
    EXTENSION_ADDED "extension-added", Both Minor Proved, "an extension was added";

    ENUM_REMOVED "source-enum-removed", Both Major Proved, "an enum is gone";
    ENUM_ADDED "enum-added", Both Minor Proved, "an enum was added";
    ENUM_CLOSED "wire-enum-closed", WeRead Major MayBreak, "values that an enum does not know are taken for missing";
    ENUM_OPENED "wire-enum-opened", OthersRead Major MayBreak, "an enum keeps values that it does not know, and older readers take them for missing";
    ENUM_OPENNESS "source-enum-openness-changed", Both Major MayBreak, "an enum keeps values that it does not know on one side only";
    ENUM_DEFAULT "wire-enum-default-changed", Both Major MayBreak, "a missing value of an enum is read as another one";
    VALUE_REMOVED_WIRE "wire-enum-value-removed-unreserved", Both Major MayBreak, "a value of an enum is gone and its number is free to mean something else";
    VALUE_RETIRED_WIRE "wire-enum-value-removed", WeRead Minor MayBreak, "a value of an enum is gone and its number is reserved";
    VALUE_REMOVED_JSON "json-enum-value-removed", WeRead Major Proved, "readers of JSON refuse the name of a value that is gone";
    VALUE_NAME_FREED "json-enum-value-name-unreserved", Both Major MayBreak, "a value of an enum is gone and its name is free to mean something else";
    VALUE_REMOVED_SOURCE "source-enum-value-removed", Both Major Proved, "a value of an enum is gone";
    VALUE_RENUMBERED "wire-enum-value-renumbered", Both Major Proved, "a value of an enum has another number";
    VALUE_RENAMED_JSON "json-enum-value-renamed", Both Major Proved, "a value of an enum has another name in JSON";
    VALUE_RENAMED_SOURCE "source-enum-value-renamed", Both Major Proved, "a value of an enum has another name";
    VALUE_WRITTEN "json-enum-value-written-differently", OthersRead Major MayBreak, "of the names of a value another one is written in JSON";
    VALUE_ADDED "enum-value-added", Both Minor Proved, "a value was added to an enum that keeps what it does not know";
    VALUE_ADDED_CLOSED "closed-enum-value-added", OthersRead Minor MayBreak, "a value was added to an enum, and older readers take it for missing";

    SERVICE_REMOVED "wire-service-removed", Both Major Proved, "a service is gone";
    SERVICE_ADDED "service-added", Both Minor Proved, "a service was added";
    METHOD_REMOVED "wire-method-removed", Both Major Proved, "a method is gone";
    METHOD_ADDED "method-added", Both Minor Proved, "a method was added";
    REQUEST_WIRE "wire-method-request-changed", WeRead Major MayBreak, "a method takes a message that is made differently";
    RESPONSE_WIRE "wire-method-response-changed", OthersRead Major MayBreak, "a method answers with a message that is made differently";
    REQUEST_SOURCE "source-method-request-changed", Both Major Proved, "a method takes another message";
    RESPONSE_SOURCE "source-method-response-changed", Both Major Proved, "a method answers with another message";
    CLIENT_STREAMING "wire-method-client-streaming-changed", Both Major Proved, "the caller of a method sends a stream on one side only";
    SERVER_STREAMING "wire-method-server-streaming-changed", Both Major Proved, "a method answers with a stream on one side only";
    IDEMPOTENCY_LOWERED "wire-method-idempotency-lowered", Both Major MayBreak, "less is promised of a method that is called twice";
    IDEMPOTENCY_RAISED "method-idempotency-raised", Both Minor Proved, "more is promised of a method that is called twice";

    DEPRECATED "deprecated", Both Minor Proved, "it is deprecated";
}
