//! The tests of oasdiff's checker: which files each compares, and how serious the changes are that it
//! expects. Tests that change what they read before they compare it are left out.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use switchback_version::contract::{Direction, Surface};

use super::{Case, Known, Otherwise, Side};

/// Labels that are no matter of whether a client notices, or that clients would see otherwise.
pub(crate) const OTHERWISE: &[Otherwise] = &[
    (
        "SunsetParseId",
        "a date that cannot be read is a mistake in one state, no change between two",
    ),
    (
        "SunsetMissingId",
        "that a date is missing is a matter of a policy, no change that a client sees",
    ),
    (
        "InvalidStabilityLevelId",
        "a level that is not known is a mistake in one state, no change between two",
    ),
    (
        "DeprecatedInvalidId",
        "a date that cannot be read is a mistake in one state, no change between two",
    ),
    (
        "APIStabilityDecreasedId",
        "it was beta, and nothing in beta makes a major version",
    ),
    (
        "APISecurityAdded",
        "who called without credentials is refused",
    ),
    (
        "APIGlobalSecurityyAdded",
        "who called without credentials is refused",
    ),
    (
        "APISecurityScopeAdded",
        "who has the former scopes is refused",
    ),
    (
        "TestBreaking_DeprecationNoSunset",
        "clients were never told when the operation would go",
    ),
    (
        "TestBreaking_PathDeprecationNoSunset",
        "clients were never told when the operation would go",
    ),
    (
        "TestBreaking_Servers",
        "who calls the address that is gone fails",
    ),
    (
        "ReqBodyNewRequiredPropertyNew",
        "a property that nobody had to send is required",
    ),
    (
        "RequiredPropertyWriteOnlyEnabled",
        "the response loses a property that was always in it",
    ),
    (
        "RequiredPropertyWriteOnlyDisabled",
        "the response only gains a property",
    ),
    (
        "TestBreaking_ModifyPattern",
        "the property is in no request, because it is only for reading",
    ),
    (
        "TestBreaking_AnyOf ",
        "`required` says nothing about arrays",
    ),
    (
        "TestRequestParameterMaxItemsDecreased",
        "`maxItems` says nothing about texts",
    ),
    (
        "TestRequestParameterMaxDecreased",
        "`maximum` says nothing about texts",
    ),
    (
        "AllOfAdded",
        "what is added demands nothing that was not demanded beside it",
    ),
    (
        "AllOfRemoved",
        "what is gone demanded nothing that is not demanded beside it",
    ),
    (
        "RequestPropertyAnyOfRemoved",
        "the alternative that is gone allows the same as another one",
    ),
    (
        "RequestPropertyOneOfRemoved",
        "the alternative that is gone allows the same as another one",
    ),
    (
        "ReqQueryParamTypeNumberToString",
        "in a query every number is a text",
    ),
    (
        "TypeLooselyTypedCompatible",
        "an element that holds others is no text",
    ),
    ("PrefixItems", "the first item is of another type"),
    (
        "DependentRequiredChanged",
        "a response that keeps more dependencies",
    ),
    (
        "TestWebhookOperationChangesDetected",
        "a webhook is what we send: with a body every time, nobody misses one",
    ),
    (
        "DiscriminatorUpdatedCheckPropertyNameChanging",
        "the same files take a property away",
    ),
    (
        "DetectsNewPathsAndNewOperations",
        "the same files take parameters away",
    ),
    (
        "TestRequestBodyDefaultValueChanged",
        "the same files take a media type away",
    ),
    (
        "AnyOfMultiMediaType",
        "the alternative that is gone allows the same as another one",
    ),
    ("ContentSchema", "the same files change what the text holds"),
    (
        "TestApiDeprecated_MessageIncludes",
        "the same files lower the stability",
    ),
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
            let ids = ids(body).join(" ");
            if breaks && paths.0 == paths.1 {
                continue;
            }
            let direction = direction(body);
            let name = format!("Test{name} [{ids}]");
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
                    breaks: false,
                });
            case.breaks |= breaks;
            case.name = format!("{} {name}", case.name).trim().to_owned();
        }
    }
    cases.into_values().collect()
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
