//! The tests of oasdiff's checker: which files each compares, and how serious the changes are that it
//! expects. Tests that change what they read before they compare it are left out.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use switchback_version::contract::{Certainty, Direction, Surface};

use super::{About, Case, Known, Otherwise, Side};

/// Labels that a specification contradicts, with what it says.
pub(crate) const OTHERWISE: &[Otherwise] = &[
    (
        "APISecurityAdded",
        "OpenAPI, Operation Object `security`: without it anybody may call, with it one of the listed \
         ways is demanded",
    ),
    (
        "APIGlobalSecurityyAdded",
        "OpenAPI, OpenAPI Object `security`: without it anybody may call, with it one of the listed \
         ways is demanded",
    ),
    (
        "APISecurityScopeAdded",
        "OpenAPI, Security Requirement Object: all scopes that are listed are required, so a token with \
         the former one is refused",
    ),
    (
        "TestBreaking_DeprecationNoSunset",
        "Semantic Versioning 2.0.0, item 8 and the question about deprecation: what is deprecated goes in \
         a major version; no date was promised",
    ),
    (
        "TestBreaking_PathDeprecationNoSunset",
        "Semantic Versioning 2.0.0, item 8 and the question about deprecation: what is deprecated goes in \
         a major version; no date was promised",
    ),
    (
        "TestBreaking_Servers",
        "OpenAPI, Server Object: the only address goes; the checker compares no servers at all and \
         leaves them to deployment",
    ),
    (
        "ReqBodyNewRequiredPropertyNew",
        "JSON Schema, `required`: an object has to have each name on the list, whether `properties` \
         describes it or not",
    ),
    (
        "RequiredPropertyWriteOnlyEnabled",
        "OpenAPI 3.0, Schema Object `writeOnly`: it should not be sent in a response, where it was \
         required before",
    ),
    (
        "RequiredPropertyWriteOnlyDisabled",
        "a required property is added to the response, which the checker itself takes for compatible \
         where no `writeOnly` stood before; it warns of servers that do otherwise than they say",
    ),
    (
        "TestBreaking_ModifyPattern",
        "OpenAPI 3.0, Schema Object `readOnly`: the property should not be sent in a request, so no \
         request has to match its pattern",
    ),
    (
        "TestBreaking_AnyOf ",
        "JSON Schema, `required`: it says nothing about values that are no objects, and these are arrays",
    ),
    (
        "TestRequestParameterMaxItemsDecreased",
        "JSON Schema, `maxItems`: it says nothing about values that are no arrays, and these are texts",
    ),
    (
        "TestRequestParameterMaxDecreased",
        "JSON Schema, `maximum`: it says nothing about values that are no numbers, and these are arrays",
    ),
    (
        "TestRequestPropertyAllOfAdded_WithSources_Inline",
        "JSON Schema, `allOf`: the schema is the one with an optional property more, which the checker \
         takes for compatible, and so it does here with `--flatten-allof`",
    ),
    (
        "TestBreaking_RequestPropertyAllOfAdded",
        "JSON Schema, `allOf`: what is added demands what is demanded beside it; the checker finds \
         nothing with `--flatten-allof`",
    ),
    (
        "TestBreaking_RequestPropertyAllOfRemoved",
        "JSON Schema, `allOf`: what is gone is still demanded beside it; the checker finds nothing with \
         `--flatten-allof`",
    ),
    (
        "TestBreaking_RequestPropertyAnyOfRemoved",
        "JSON Schema, `anyOf`: the same values are valid, because another alternative is the same \
         schema; no `discriminator` sends its name",
    ),
    (
        "TestBreaking_RequestPropertyOneOfRemoved",
        "JSON Schema, `oneOf`: `Cat` and `Rabbit` are the same schema, so nothing that fits one of them \
         was valid before and nothing is lost; no `discriminator` sends a name",
    ),
    (
        "TestRequestBodyAnyOfMultiMediaTypeDetails",
        "JSON Schema, `anyOf`: the same values are valid, because the alternative only has another name; \
         no `discriminator` sends it",
    ),
    (
        "ReqQueryParamTypeNumberToString",
        "OpenAPI, Parameter Object `style: deepObject`: the value is written as a text, and every \
         number so written is one; the checker warns because it does not look at the style",
    ),
    (
        "TestRequestBodyPrefixItemsAdded",
        "JSON Schema 2020-12, `prefixItems`: `items` was about the first item before, which becomes an \
         integer where it was a string",
    ),
    (
        "TestRequestPropertyPrefixItemsAdded",
        "JSON Schema 2020-12, `prefixItems`: `items` was about the first item before, which becomes an \
         integer where it was a string",
    ),
    (
        "TestResponseBodyPrefixItemsRemoved",
        "JSON Schema 2020-12, `prefixItems`: `items` is about the first item now, which becomes a \
         string where it was an integer",
    ),
    (
        "TestResponsePropertyPrefixItemsRemoved",
        "JSON Schema 2020-12, `prefixItems`: `items` is about the first item now, which becomes a \
         string where it was an integer",
    ),
    (
        "TestResponsePropertyDependentRequiredChanged",
        "JSON Schema, `dependentRequired`: the list only grows, so every response is valid by the old \
         one too",
    ),
    (
        "TestResponseBodyDependentRequiredChanged",
        "JSON Schema, `dependentRequired`: the list only grows, so every response is valid by the old \
         one too",
    ),
    (
        "RequestDiscriminatorUpdatedCheckMappingChanging",
        "OpenAPI 3.0, Discriminator Object: validation should fail for a value that leads to no schema, \
         and `cat` leads to none after",
    ),
    (
        "ResponseDiscriminatorUpdatedCheckMappingChanging",
        "OpenAPI 3.0, Discriminator Object: validation should fail for a value that leads to no schema, \
         and for clients of the former description `cats` leads to none",
    ),
    (
        "TestWebhookOperationChangesDetected",
        "OpenAPI 3.1, `webhooks`: the provider sends the request, so that it always has a body now \
         hurts nobody who receives it; the test is content with the property that was added",
    ),
];

/// Tests of one check in files that hold other changes too, which other checks find to break something:
/// what the label is about, by the words of our rules.
const ABOUT: &[(&str, &str)] = &[
    (
        "TestResponseBodyContentSchemaAdded",
        "response-content-tightened",
    ),
    (
        "TestRequestBodyContentSchemaRemoved",
        "request-content-loosened",
    ),
    (
        "TestRequestBodyDefaultValueChanged",
        "request-default-changed",
    ),
    (
        "TestRequestDiscriminatorUpdatedCheckPropertyNameChanging",
        "request-discriminator-changed",
    ),
    (
        "TestResponseDiscriminatorUpdatedCheckPropertyNameChanging",
        "response-discriminator-changed",
    ),
    (
        "TestApiDeprecated_MessageIncludesSunsetAndStability",
        "operation-deprecated",
    ),
    (
        "TestNewRequestNonPathParameter_DetectsNewPathsAndNewOperations",
        "parameter-added",
    ),
];

/// What the checker says where it cannot read a date or a level, which is that it cannot judge.
const UNREADABLE: &[&str] = &[
    "APIInvalidStabilityLevelId",
    "APIDeprecatedSunsetParseId",
    "APIPathSunsetParseId",
    "RequestParameterSunsetParseId",
    "RequestPropertyDeprecatedInvalidId",
    "ResponsePropertyDeprecatedInvalidId",
];

pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let checker = folder.join("checker");
    let levels = levels(&std::fs::read_to_string(checker.join("rules.go")).unwrap());
    let mut files: Vec<_> = std::fs::read_dir(&checker)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.to_string_lossy().ends_with("_test.go"))
        .collect();
    files.sort();
    let mut data = Data {
        folder: folder.join("data"),
        known: BTreeMap::new(),
    };
    // One test looks at one kind of change: files that any test holds to break something do.
    let mut cases: BTreeMap<(String, String, Direction), Case> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for part in text.split("\nfunc Test").skip(1) {
            let body = part.split("\n}\n").next().unwrap();
            let name = body.split('(').next().unwrap();
            let Some(breaks) = label(body, &levels) else {
                continue;
            };
            let Some(paths) = compared(body) else {
                continue;
            };
            let (Some(old), Some(new)) = (data.side(&paths.0), data.side(&paths.1)) else {
                continue;
            };
            let all = ids(body).join(" ");
            if breaks && paths.0 == paths.1 {
                continue;
            }
            let direction = direction(body);
            let name = format!("Test{name} [{all}]");
            let case = cases
                .entry((paths.0, paths.1, direction))
                .or_insert_with(|| Case {
                    name: String::new(),
                    surface: Surface::OpenApi,
                    direction,
                    old,
                    new,
                    about: None,
                    known: Known::default(),
                    unstable: Vec::new(),
                    least: Certainty::MayBreak,
                    breaks: false,
                });
            if breaks {
                let mut serious = ids(body);
                serious.retain(|it| levels.get(*it).is_some_and(|it| it != "INFO"));
                let unread = serious.iter().all(|it| UNREADABLE.contains(it));
                let least = if unread {
                    Certainty::CannotTell
                } else {
                    Certainty::MayBreak
                };
                case.least = if case.breaks {
                    case.least.max(least)
                } else {
                    least
                };
                case.breaks = true;
            }
            case.name = format!("{} {name}", case.name).trim().to_owned();
        }
    }
    let mut cases: Vec<Case> = cases.into_values().collect();
    for case in &mut cases {
        case.about = about(case);
    }
    cases
}

/// What the label of a case is about, where that is not whatever the files hold.
fn about(case: &Case) -> Option<About> {
    // A label of another test that they break something is about all of it.
    let mut narrow = ABOUT.iter().filter(|_| !case.breaks);
    let (_, rule) = narrow.find(|it| case.name.contains(it.0))?;
    Some(About {
        file: case.old.root.clone(),
        lines: None,
        rules: vec![rule],
    })
}

struct Data {
    folder: std::path::PathBuf,
    known: BTreeMap<String, Rc<BTreeMap<String, String>>>,
}

impl Data {
    /// A file with all that lie beside it.
    fn side(&mut self, path: &str) -> Option<Side> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = self.folder.join(folder);
        let files = self.known.entry(folder.to_owned()).or_insert_with(|| {
            let mut files = BTreeMap::new();
            for entry in std::fs::read_dir(&place).into_iter().flatten().flatten() {
                if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    files.insert(entry.file_name().to_string_lossy().into_owned(), text);
                }
            }
            Rc::new(files)
        });
        files.contains_key(name).then(|| Side {
            root: name.to_owned(),
            files: Rc::clone(files),
        })
    }
}

/// How serious each kind of change is.
fn levels(text: &str) -> BTreeMap<String, String> {
    let rules = text.split("newBackwardCompatibilityRule(").skip(1);
    rules
        .filter_map(|it| {
            let mut words = it.split(',').map(str::trim);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect()
}

fn ids(body: &str) -> Vec<&str> {
    let parts = body.split("checker.").skip(1);
    let names = parts.map(|it| it.split(|it: char| !it.is_alphanumeric()).next().unwrap());
    names.filter(|it| it.ends_with("Id")).collect()
}

/// Which of requests and responses the expected changes are about.
fn direction(body: &str) -> Direction {
    let all = ids(body);
    // How long something stays is said beside requests and responses.
    let life = all
        .iter()
        .any(|it| it.contains("Sunset") || it.contains("Deprecat"));
    let about = |word: &str, other: &str| {
        !life
            && !all.is_empty()
            && all
                .iter()
                .all(|it| it.contains(word) && !it.contains(other))
    };
    if about("Request", "Response") {
        Direction::WeRead
    } else if about("Response", "Request") {
        Direction::OthersRead
    } else {
        Direction::Both
    }
}

/// Whether the test expects a change that is an error or a warning. `None` where it cannot be told.
fn label(body: &str, levels: &BTreeMap<String, String>) -> Option<bool> {
    let expected: Vec<&str> = ids(body)
        .iter()
        .filter_map(|it| levels.get(*it))
        .map(String::as_str)
        .collect();
    // What the test says of a change that must not be there, or judges in its own way.
    if [
        "NotContains",
        "NotEqual",
        "require.False",
        "WithSeverityLevels",
        "ZeroLevel",
    ]
    .iter()
    .any(|it| body.contains(it))
    {
        return None;
    }
    // A date is demanded of what is deprecated only if somebody says how long it has to stay, and by
    // default nobody does.
    if ids(body).iter().any(|it| it.ends_with("SunsetMissingId")) {
        return None;
    }
    if expected.iter().any(|it| *it != "INFO") {
        return Some(true);
    }
    let nothing = expected.is_empty()
        && body.contains("allChecksConfig")
        && body.contains("require.Empty(t, errs)");
    (nothing || !expected.is_empty()).then_some(false)
}

/// The files that a test compares, below `data`.
fn compared(body: &str) -> Option<(String, String)> {
    // What is changed before it is compared lies in no file.
    if body.contains(".Spec.") || body.contains("(t, s1") || body.contains("(t, s2") {
        return None;
    }
    let opened: Vec<String> = body.split("open(").skip(1).filter_map(path).collect();
    match &opened[..] {
        [old, new] => return Some((old.clone(), new.clone())),
        [] => {}
        _ => return None,
    }
    // `d(t, config, 1, 3)` compares two that are numbered.
    let rest = body.split(" d(t, ").nth(1)?;
    let mut numbers = rest.split(',').skip(1).map(|it| {
        let digits: String = it.trim().chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| format!("openapi-test{digits}.yaml"))
    });
    Some((numbers.next()??, numbers.next()??))
}

fn path(argument: &str) -> Option<String> {
    let end = argument.find('\n')?;
    let argument = &argument[..end];
    let text = argument.split('"').nth(1)?;
    if let Some(path) = text.strip_prefix("../data/") {
        return Some(path.to_owned());
    }
    let folder = match argument.split('(').next()? {
        "deprecationFile" => "deprecation",
        "paramDeprecationFile" => "param-deprecation",
        "requiredPropertyFile" => "required-properties",
        "stabilityFile" => "stability",
        _ => return None,
    };
    Some(format!("{folder}/{text}"))
}
