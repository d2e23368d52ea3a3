//! Reading a definition. Unknown keys, missing and unused files, and steps that contradict
//! themselves are refused with the line where that helps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use switchback_model::plan::Run;
use switchback_model::{
    ChangeId, FlagName, Kind, Reads, Selectable, Shape, Shapes, Stance, StepName, SurfaceOperation,
    Sync,
};

use crate::engine::Engine;

use super::{
    CHANGE_SCHEMA, CODE_BEFORE, Columns, Definition, Operation, SqlFile, Step, StepFill,
    StepScript, Surface, Work,
};

/// Why files are not a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// The text is not TOML, or not of this form.
    #[error("change.toml, line {line}, column {column}: {message}")]
    Form {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// It says that it is of another version.
    #[error("change.toml is of the form `{found}`, and this version reads `{CHANGE_SCHEMA}`")]
    Schema {
        /// What it says.
        found: String,
    },
    /// `code` names no code step.
    #[error(
        "change.toml says `code = \"{found}\"`, and the change has no such code step; it has {}",
        candidates.join(", ")
    )]
    UnknownCode {
        /// What it says.
        found: StepName,
        /// The code steps that there are.
        candidates: Vec<String>,
    },
    /// Two steps have the same name, or one is called like the code from before the change or like a
    /// purge.
    #[error("change.toml has more than one step `{name}`, or the name is one of ours")]
    SameName {
        /// The name.
        name: StepName,
    },
    /// A step does not fit its kind.
    #[error("change.toml, step `{step}`: {message}")]
    Step {
        /// The step.
        step: StepName,
        /// What does not fit.
        message: String,
    },
    /// The surface does not fit its kind.
    #[error("change.toml, [surface]: {message}")]
    Surface {
        /// What does not fit.
        message: String,
    },
    /// A step names a file that is not there.
    #[error("step `{step}` names the file `{file}`, which is not in the folder of the change")]
    MissingFile {
        /// The step.
        step: StepName,
        /// The file.
        file: String,
    },
    /// There is SQL that no step names: it would never run.
    #[error("no step names the file `{file}`")]
    UnusedFile {
        /// The file.
        file: String,
    },
    /// SQL is not UTF-8.
    #[error("the file `{file}` is not UTF-8 text")]
    NotText {
        /// The file.
        file: String,
    },
}

/// First of all only the version is read, so that a newer form is called that and no typing error.
#[derive(Deserialize)]
struct Versioned {
    schema: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: String,
    id: ChangeId,
    title: String,
    operation: Operation,
    engine: Engine,
    code: StepName,
    surface: FileSurface,
    #[serde(rename = "step", default)]
    steps: Vec<FileStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSurface {
    kind: Kind,
    table: String,
    #[serde(default)]
    also: Vec<String>,
    old: Columns,
    new: Columns,
    before: Option<FileStance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StepKind {
    Code,
    Database,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileStep {
    name: StepName,
    kind: StepKind,
    title: String,
    stance: Option<FileStance>,
    action: Option<FileOperation>,
    undo: Option<FileOperation>,
    up: Option<String>,
    down: Option<String>,
    run: Option<Run>,
    fill: Option<StepFill>,
    prevents: String,
    way_back: String,
    protects: String,
    #[serde(default)]
    needs: String,
}

/// The model's stances are untagged and so cannot refuse unknown keys; this one does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileStance {
    reads: Option<Reads>,
    writes: Option<Vec<Shape>>,
    accepts: Option<Vec<Shape>>,
    emits: Option<Vec<Shape>>,
    flag: Option<FlagName>,
    cases: Option<BTreeMap<String, FileStance>>,
    otherwise: Option<Box<FileStance>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOperation {
    operation: String,
    sync: Option<Sync>,
    shape: Option<Shape>,
    #[serde(default)]
    filled: bool,
    #[serde(default)]
    partial: bool,
}

pub(super) fn parse(
    text: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Definition, DefinitionError> {
    let versioned: Versioned = toml::from_str(text).map_err(|error| form(text, &error))?;
    if let Some(found) = versioned.schema.filter(|schema| schema != CHANGE_SCHEMA) {
        return Err(DefinitionError::Schema {
            found: found.chars().take(80).collect(),
        });
    }
    let file: File = toml::from_str(text).map_err(|error| form(text, &error))?;

    let surface = surface(file.surface)?;
    let mut names = BTreeSet::from([CODE_BEFORE.to_owned(), StepName::purge().to_string()]);
    let mut used = BTreeSet::new();
    let mut steps = Vec::new();
    for raw in file.steps {
        if !names.insert(raw.name.to_string()) {
            return Err(DefinitionError::SameName { name: raw.name });
        }
        steps.push(step(raw, surface.kind, files, &mut used)?);
    }
    let unused = files
        .keys()
        .find(|name| name.ends_with(".sql") && !used.contains(*name));
    if let Some(file) = unused {
        return Err(DefinitionError::UnusedFile { file: file.clone() });
    }

    let definition = Definition {
        id: file.id,
        title: file.title,
        operation: file.operation,
        engine: file.engine,
        code: file.code,
        surface,
        steps,
    };
    if definition.code_step().is_none() {
        let candidates = definition
            .code_steps()
            .iter()
            .map(|step| step.name.to_string())
            .collect();
        return Err(DefinitionError::UnknownCode {
            found: definition.code,
            candidates,
        });
    }
    Ok(definition)
}

fn surface(raw: FileSurface) -> Result<Surface, DefinitionError> {
    let wrong = |message: &str| DefinitionError::Surface {
        message: message.to_owned(),
    };
    let before = raw
        .before
        .map(fixed)
        .transpose()
        .map_err(|message| wrong(&message))?;
    if before.is_some_and(|stance| !stance.fits(raw.kind)) {
        return Err(wrong("the stance is towards another kind of surface"));
    }
    Ok(Surface {
        kind: raw.kind,
        table: raw.table,
        also: raw.also,
        old: raw.old,
        new: raw.new,
        before,
    })
}

fn form(text: &str, error: &toml::de::Error) -> DefinitionError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    DefinitionError::Form {
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        message: error.message().to_owned(),
    }
}

fn step(
    raw: FileStep,
    kind: Kind,
    files: &BTreeMap<String, Vec<u8>>,
    used: &mut BTreeSet<String>,
) -> Result<Step, DefinitionError> {
    let name = raw.name;
    let wrong = |message: &str| DefinitionError::Step {
        step: name.clone(),
        message: message.to_owned(),
    };
    let mut read = |file: String| -> Result<SqlFile, DefinitionError> {
        let bytes = files
            .get(&file)
            .ok_or_else(|| DefinitionError::MissingFile {
                step: name.clone(),
                file: file.clone(),
            })?;
        let sql = String::from_utf8(bytes.clone())
            .map_err(|_| DefinitionError::NotText { file: file.clone() })?;
        used.insert(file.clone());
        Ok(SqlFile { name: file, sql })
    };

    let work = match (raw.kind, raw.stance) {
        (StepKind::Code, Some(stance)) => {
            let sql = [
                raw.up.is_some(),
                raw.down.is_some(),
                raw.run.is_some(),
                raw.fill.is_some(),
            ];
            let means = [raw.action.is_some(), raw.undo.is_some()];
            if sql.contains(&true) || means.contains(&true) {
                return Err(wrong(
                    "a code step has a stance and nothing for the database",
                ));
            }
            let stance = selectable(stance).map_err(|message| wrong(&message))?;
            if !stances(&stance).iter().all(|mine| mine.fits(kind)) {
                return Err(wrong("the stance is towards another kind of surface"));
            }
            Work::Code { stance }
        }
        (StepKind::Code, None) => return Err(wrong("a code step needs a `stance`")),
        (StepKind::Database, Some(_)) => {
            return Err(wrong(
                "a `stance` belongs to a code step, and this one is for the database",
            ));
        }
        (StepKind::Database, None) => {
            let script = match (raw.action, raw.undo, raw.up, raw.down) {
                (Some(action), Some(undo), Some(up), Some(down)) => Some(StepScript {
                    action: operation(&action).map_err(|message| wrong(&message))?,
                    undo: operation(&undo).map_err(|message| wrong(&message))?,
                    up: read(up)?,
                    down: read(down)?,
                    run: raw.run.unwrap_or_default(),
                }),
                (None, None, None, None) if raw.run.is_none() => None,
                _ => {
                    return Err(wrong(
                        "SQL needs all four of `action`, `undo`, `up` and `down`",
                    ));
                }
            };
            if raw.fill.as_ref().is_some_and(|fill| fill.batch_rows == 0) {
                return Err(wrong("`batch-rows` must be 1 or more"));
            }
            if raw.fill.as_ref().is_some_and(|fill| fill.set.is_empty()) {
                return Err(wrong("a fill sets at least one column"));
            }
            match (&script, &raw.fill) {
                (None, None) => return Err(wrong("a database step needs SQL or a `fill`")),
                // Nothing else would take the fill back.
                (None, Some(fill)) if !fill.keep_undo => {
                    return Err(wrong("a fill without SQL needs `keep-undo = true`"));
                }
                _ => {}
            }
            Work::Database {
                script,
                fill: raw.fill,
            }
        }
    };
    let (title, prevents, way_back) = (raw.title, raw.prevents, raw.way_back);
    Ok(Step {
        name,
        title,
        work,
        prevents,
        way_back,
        protects: raw.protects,
        needs: raw.needs,
    })
}

fn stances(selectable: &Selectable) -> Vec<&Stance> {
    match selectable {
        Selectable::Fixed(stance) => vec![stance],
        Selectable::ByFlag {
            cases, otherwise, ..
        } => cases.values().chain([otherwise]).collect(),
    }
}

fn selectable(raw: FileStance) -> Result<Selectable, String> {
    match raw {
        FileStance {
            flag: Some(flag),
            cases: Some(cases),
            otherwise: Some(otherwise),
            reads: None,
            writes: None,
            accepts: None,
            emits: None,
        } => {
            let cases = cases
                .into_iter()
                .map(|(value, raw)| fixed(raw).map(|stance| (value, stance)))
                .collect::<Result<_, String>>()?;
            Ok(Selectable::ByFlag {
                flag,
                cases,
                otherwise: fixed(*otherwise)?,
            })
        }
        raw => fixed(raw).map(Selectable::Fixed),
    }
}

fn fixed(raw: FileStance) -> Result<Stance, String> {
    let set = |list: Vec<Shape>| Shapes::from(list);
    match raw {
        FileStance {
            reads: Some(reads),
            writes: Some(writes),
            accepts: None,
            emits: None,
            flag: None,
            cases: None,
            otherwise: None,
        } => Ok(Stance::Replicated {
            reads,
            writes: set(writes),
        }),
        FileStance {
            accepts: Some(accepts),
            emits: Some(emits),
            reads: None,
            writes: None,
            flag: None,
            cases: None,
            otherwise: None,
        } => Ok(Stance::Tagged {
            accepts: set(accepts),
            emits: set(emits),
        }),
        _ => Err(
            "a stance has either `reads` and `writes`, or `accepts` and `emits`, or `flag`, \
                  `cases` and `otherwise`"
                .to_owned(),
        ),
    }
}

fn operation(raw: &FileOperation) -> Result<SurfaceOperation, String> {
    if raw.filled && raw.operation != "expand" {
        return Err("`filled` belongs to expand".to_owned());
    }
    if raw.partial && raw.operation != "uncontract" {
        return Err("`partial` belongs to uncontract".to_owned());
    }
    let (filled, partial) = (raw.filled, raw.partial);
    Ok(match (raw.operation.as_str(), raw.sync, raw.shape) {
        ("expand", Some(sync), None) => SurfaceOperation::Expand { sync, filled },
        ("prepare", None, None) => SurfaceOperation::Prepare,
        ("unprepare", None, None) => SurfaceOperation::Unprepare,
        ("unexpand", None, None) => SurfaceOperation::Unexpand,
        ("fill", None, None) => SurfaceOperation::Fill,
        ("unfill", None, None) => SurfaceOperation::Unfill,
        ("set-sync", Some(sync), None) => SurfaceOperation::SetSync { sync },
        ("contract", None, None) => SurfaceOperation::Contract,
        ("uncontract", Some(sync), None) => SurfaceOperation::Uncontract { sync, partial },
        ("drain", None, Some(shape)) => SurfaceOperation::Drain { shape },
        (name, ..) => {
            return Err(format!(
                "`{}` with these keys is no operation: use expand, set-sync or uncontract with \
                 `sync`, drain with `shape`, or one of unexpand, fill, unfill, contract, prepare \
                 and unprepare",
                name.escape_debug()
            ));
        }
    })
}
