//! What can change in an API beside its schemas: one line each.

use crate::Level;
use crate::contract::rule::{Certainty, Direction, Rule, Surface, named};

named! {
    /// Every rule about APIs, those about schemas apart.
    RULES "openapi-" OpenApi

    OPERATION_REMOVED "operation-removed", Both Major Proved, "an operation is gone";
    OPERATION_REMOVED_EARLY "operation-removed-before-sunset", Both Major Proved, "an operation is gone before the date that was promised";
    OPERATION_REMOVED_DEPRECATED "deprecated-operation-removed", Both Major MayBreak, "an operation is gone that was deprecated without a date";
    OPERATION_REMOVED_SUNSET "operation-removed-after-sunset", Both Minor Proved, "an operation is gone after the date that was promised";
    OPERATION_ADDED "operation-added", Both Minor Proved, "an operation was added";
    OPERATION_DEPRECATED "operation-deprecated", Both Minor Proved, "an operation is deprecated";
    OPERATION_REVIVED "operation-not-deprecated", Both Minor Proved, "an operation is not deprecated any more";
    OPERATION_RENAMED "operation-id-changed", Both Minor MayBreak, "the name of an operation in generated code is another one";
    SUNSET_SOONER "sunset-sooner", Both Major MayBreak, "what is deprecated may go sooner than was promised";
    SUNSET_REMOVED "sunset-removed", Both Major MayBreak, "the date until which something deprecated stays is gone";
    SUNSET_UNREADABLE "sunset-not-a-date", Both Major CannotTell, "the date until which something deprecated stays is no date";
    STABILITY_LOWERED "stability-lowered", Both Major MayBreak, "less is promised about an operation than before";
    STABILITY_UNKNOWN "stability-not-known", Both Major CannotTell, "how stable an operation is, is said by a word that is not known";
    STABILITY_RAISED "stability-raised", Both Minor Proved, "more is promised about an operation than before";
    PARAMETER_REMOVED "parameter-removed", WeRead Major MayBreak, "a parameter is gone";
    PARAMETER_REMOVED_SUNSET "parameter-removed-after-sunset", WeRead Minor Proved, "a parameter is gone after the date that was promised";
    PARAMETER_REQUIRED_ADDED "required-parameter-added", WeRead Major Proved, "a required parameter was added";
    PARAMETER_ADDED "parameter-added", WeRead Minor Proved, "an optional parameter was added";
    PARAMETER_BECAME_REQUIRED "parameter-became-required", WeRead Major Proved, "a parameter became required";
    PARAMETER_BECAME_OPTIONAL "parameter-became-optional", WeRead Minor Proved, "a parameter became optional";
    PARAMETER_DEFAULT "parameter-default-changed", WeRead Major MayBreak, "a request without the parameter means something else";
    PARAMETER_ENCODING "parameter-encoding-changed", WeRead Major Proved, "the values of a parameter are written in another way";
    PARAMETER_DEPRECATED "parameter-deprecated", WeRead Minor Proved, "a parameter is deprecated";
    BODY_REQUIRED_ADDED "required-request-body-added", WeRead Major Proved, "a required request body was added";
    BODY_ADDED "request-body-added", WeRead Minor Proved, "an optional request body was added";
    BODY_REMOVED "request-body-removed", WeRead Major MayBreak, "a request body is gone";
    BODY_BECAME_REQUIRED "request-body-became-required", WeRead Major Proved, "the request body became required";
    BODY_BECAME_OPTIONAL "request-body-became-optional", WeRead Minor Proved, "the request body became optional";
    REQUEST_MEDIA_REMOVED "request-media-type-removed", WeRead Major Proved, "a media type of the request is gone";
    REQUEST_MEDIA_ADDED "request-media-type-added", WeRead Minor Proved, "a media type of the request was added";
    REQUEST_XML_BARE "request-xml-undescribed", WeRead Major CannotTell, "an XML document of which nothing is described is a text after an element, or an element after a text";
    RESPONSE_XML_BARE "response-xml-undescribed", OthersRead Major CannotTell, "an XML document of which nothing is described is a text after an element, or an element after a text";
    RESPONSE_REMOVED "success-response-removed", OthersRead Major Proved, "a successful response is gone";
    RESPONSE_FAILURE_REMOVED "failure-response-removed", OthersRead Minor MayBreak, "a response about a failure is gone";
    RESPONSE_ADDED "response-added", OthersRead Minor MayBreak, "a response was added";
    RESPONSE_MEDIA_REMOVED "response-media-type-removed", OthersRead Major Proved, "a media type of the response is gone";
    RESPONSE_MEDIA_ADDED "response-media-type-added", OthersRead Minor Proved, "a media type of the response was added";
    HEADER_REMOVED "response-header-removed", OthersRead Major MayBreak, "an optional header of the response is gone";
    HEADER_REQUIRED_REMOVED "required-response-header-removed", OthersRead Major Proved, "a header that was always in the response is gone";
    HEADER_ADDED "response-header-added", OthersRead Minor Proved, "a header of the response was added";
    HEADER_BECAME_OPTIONAL "response-header-became-optional", OthersRead Major Proved, "a header is not always in the response any more";
    HEADER_BECAME_REQUIRED "response-header-became-required", OthersRead Minor Proved, "a header is always in the response now";
    SECURITY_TIGHTENED "security-tightened", WeRead Major Proved, "a way to authenticate does not suffice any more";
    SECURITY_LOOSENED "security-loosened", WeRead Minor Proved, "less suffices to authenticate";
    SCHEME_CHANGED "security-scheme-changed", WeRead Major MayBreak, "a way to authenticate works in another way";
    SERVER_REMOVED "server-removed", Both Major MayBreak, "an address of the API is gone";
    SERVER_ADDED "server-added", Both Minor Proved, "an address of the API was added";
    CALLBACK_REMOVED "callback-removed", OthersRead Major MayBreak, "a request that was sent to clients is gone";
    CALLBACK_ADDED "callback-added", OthersRead Minor MayBreak, "a request that is sent to clients was added";
    UNRESOLVED "reference-not-resolved", Both Major CannotTell, "a reference leads to a place that is not among the files";
}
