//! How things are started, as Dockerfiles, Compose files, manifests, Procfiles and scripts say.

use std::ops::Range;

use super::shell::{self, Command};
use super::yaml::{self, Leaf};
use super::{commands, paths};

/// Something that is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    /// What it is.
    pub(super) kind: StartKind,
    /// Where it is said, in bytes of the file.
    pub(super) span: Range<usize>,
    /// What runs, in order.
    pub(super) commands: Vec<Command>,
}

/// What is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StartKind {
    /// A container of an image: `ENTRYPOINT` and `CMD`.
    Image,
    /// A service of a Compose file.
    Service(String),
    /// A container of a pod that goes on.
    Container(String),
    /// What runs before the containers of a pod.
    InitContainer(String),
    /// A job that a deployment starts; what ties it to the deployment.
    Hook(String),
    /// A process of a Procfile.
    Process(String),
    /// A script of a package.
    Package(String),
    /// A script that is named like an entry point.
    Script,
}

/// Whether a path is that of a file that says how something is started.
pub(super) fn reads(path: &str) -> bool {
    let name = paths::name(path);
    is_dockerfile(name)
        || is_yaml(path)
        || is_procfile(name)
        || name == "package.json"
        || is_script(path)
}

/// Whether a path may be that of a shell script.
pub(super) fn is_script(path: &str) -> bool {
    let ending = paths::ending(path);
    if matches!(ending.as_str(), "sh" | "bash") {
        return true;
    }
    const FOLDERS: [&str; 9] = [
        "bin",
        "docker",
        ".docker",
        "deploy",
        "deployment",
        "scripts",
        "script",
        "container",
        "build",
    ];
    const NAMES: [&str; 8] = [
        "entrypoint",
        "start",
        "run",
        "boot",
        "serve",
        "launch",
        "docker-entrypoint",
        "startup",
    ];
    let name = paths::name(path);
    let last = paths::name(paths::folder(path));
    ending.is_empty() && (FOLDERS.contains(&last) || NAMES.contains(&name))
}

fn is_dockerfile(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["dockerfile", "containerfile"].iter().any(|it| {
        lower == *it
            || lower.starts_with(&format!("{it}."))
            || lower.ends_with(&format!(".{it}"))
            || lower.starts_with(&format!("{it}-"))
    }) && !lower.ends_with(".dockerignore")
}

fn is_procfile(name: &str) -> bool {
    name == "Procfile"
}

fn is_yaml(path: &str) -> bool {
    matches!(paths::ending(path).as_str(), "yaml" | "yml")
}

/// What a file says is started.
pub(super) fn starts(path: &str, text: &str) -> Vec<Start> {
    let name = paths::name(path);
    if is_dockerfile(name) {
        dockerfile(text)
    } else if is_procfile(name) {
        procfile(text)
    } else if name == "package.json" {
        package(text)
    } else if is_yaml(path) {
        let leaves = yaml::leaves(text);
        let mut found = compose(&leaves);
        found.extend(manifests(&leaves));
        if matches!(name, "render.yaml" | "render.yml") {
            found.extend(blueprint(&leaves));
        }
        found
    } else if name.to_ascii_lowercase().contains("entrypoint") && is_script(path) {
        vec![Start {
            kind: StartKind::Script,
            span: 0..text.find('\n').unwrap_or(text.len()),
            commands: shell::commands(text),
        }]
    } else {
        Vec::new()
    }
}

/// One command from words that are given one by one. A shell among them is looked into.
fn command_of(words: Vec<String>, span: Range<usize>) -> Vec<Command> {
    // `sh -c "…"`, also behind `tini --` and the like.
    let shell = words.iter().position(|word| {
        matches!(
            commands::program(word).as_str(),
            "sh" | "bash" | "ash" | "dash" | "zsh"
        )
    });
    if let Some(at) = shell {
        let flag = words[at + 1..].iter().position(|word| {
            word.starts_with('-') && word.ends_with('c') && !word.starts_with("--")
        });
        if let Some(script) = flag.and_then(|flag| words.get(at + flag + 2)) {
            return text_of(script, &span);
        }
    }
    if words.is_empty() {
        return Vec::new();
    }
    vec![Command {
        words,
        span,
        guards: Vec::new(),
        function: None,
    }]
}

/// The commands of a text that stands at `span`, with shells inside it looked into.
fn text_of(text: &str, span: &Range<usize>) -> Vec<Command> {
    nested(shell::commands(text), Some(span), 0)
}

/// Commands with those in `sh -c "…"` in their place.
fn nested(found: Vec<Command>, place: Option<&Range<usize>>, depth: u32) -> Vec<Command> {
    let mut all = Vec::new();
    for mut command in found {
        if let Some(place) = place {
            command.span = place.clone();
        }
        let first = command.words.iter().position(|word| {
            matches!(
                commands::program(word).as_str(),
                "sh" | "bash" | "ash" | "dash" | "zsh"
            )
        });
        let script = first
            .filter(|at| *at <= 3)
            .and_then(|at| {
                let flag = command.words[at + 1..].iter().position(|word| {
                    word.starts_with('-') && word.ends_with('c') && !word.starts_with("--")
                })?;
                command.words.get(at + flag + 2)
            })
            .cloned();
        match script {
            Some(script) if depth < 4 => {
                let inner = nested(shell::commands(&script), Some(&command.span), depth + 1);
                all.extend(inner.into_iter().map(|mut inner| {
                    let mut guards = command.guards.clone();
                    guards.append(&mut inner.guards);
                    inner.guards = guards;
                    inner
                }));
            }
            _ => all.push(command),
        }
    }
    all
}

/// The commands of a script, with shells inside it looked into.
pub(super) fn script(text: &str) -> Vec<Command> {
    nested(shell::commands(text), None, 0)
}

fn dockerfile(text: &str) -> Vec<Start> {
    let mut found = Vec::new();
    let mut entrypoint: Option<(Vec<Command>, Range<usize>)> = None;
    let mut command: Option<(Vec<Command>, Range<usize>)> = None;
    for (word, rest, span) in instructions(text) {
        match word.as_str() {
            "FROM" => {
                found.extend(image(entrypoint.take(), command.take()));
            }
            "ENTRYPOINT" => {
                // A new entry point sets the command of the base image aside.
                entrypoint = Some((exec_or_shell(&rest, &span), span));
            }
            "CMD" => command = Some((exec_or_shell(&rest, &span), span)),
            _ => {}
        }
    }
    found.extend(image(entrypoint, command));
    found
}

/// What a container of an image runs: the entry point with the command as its arguments.
fn image(
    entrypoint: Option<(Vec<Command>, Range<usize>)>,
    command: Option<(Vec<Command>, Range<usize>)>,
) -> Option<Start> {
    let (commands, span) = match (entrypoint, command) {
        (None, None) => return None,
        (Some(only), None) | (None, Some(only)) => only,
        (Some((mut first, span)), Some((second, _))) => {
            // `ENTRYPOINT ["tini", "--"]` with `CMD ["sh", "-c", "…"]`.
            let starter = first.len() == 1
                && first[0].words.first().is_some_and(|word| {
                    matches!(
                        commands::program(word).as_str(),
                        "tini" | "dumb-init" | "catatonit"
                    )
                });
            match (starter, first.len(), second.len()) {
                (true, ..) => first.extend(second),
                (false, 1, 1) => first[0].words.extend(second[0].words.clone()),
                _ => {}
            }
            (first, span)
        }
    };
    Some(Start {
        kind: StartKind::Image,
        span,
        commands,
    })
}

fn exec_or_shell(rest: &str, span: &Range<usize>) -> Vec<Command> {
    if rest.trim_start().starts_with('[') {
        let words = yaml::leaves(&format!("x: {}", rest.replace('\n', " ")));
        let words: Vec<String> = words.into_iter().map(|leaf| leaf.value).collect();
        return command_of(words, span.clone());
    }
    text_of(rest, span)
}

/// The instructions of a Dockerfile: the word in capitals, the rest with lines joined, the place.
fn instructions(text: &str) -> Vec<(String, String, Range<usize>)> {
    let mut found: Vec<(String, String, Range<usize>)> = Vec::new();
    let mut goes_on = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && goes_on) {
            continue;
        }
        let (body, more) = match trimmed.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (trimmed, false),
        };
        let start = begin + (line.len() - line.trim_start().len());
        let end = begin + line.trim_end().len();
        if goes_on {
            if let Some((_, rest, span)) = found.last_mut() {
                rest.push('\n');
                rest.push_str(body);
                span.end = end.max(span.start);
            }
        } else if let Some((word, rest)) = body.split_once(char::is_whitespace) {
            found.push((word.to_ascii_uppercase(), rest.to_owned(), start..end));
        } else {
            goes_on = false;
            continue;
        }
        goes_on = more;
    }
    // Lines were joined with a backslash, so a line break ends nothing.
    for (_, rest, _) in &mut found {
        *rest = rest.replace('\n', " ");
    }
    found
}

fn procfile(text: &str) -> Vec<Start> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let Some((name, rest)) = line.split_once(':') else {
            continue;
        };
        let name = name.trim();
        if name.starts_with('#') || name.is_empty() {
            continue;
        }
        let span = begin..begin + line.trim_end().len();
        let kind = match name {
            "release" => StartKind::Hook("the release phase of the platform".to_owned()),
            name => StartKind::Process(name.to_owned()),
        };
        found.push(Start {
            kind,
            commands: text_of(rest, &span),
            span,
        });
    }
    found
}

/// The scripts of a `package.json` that start a service where it is deployed.
fn package(text: &str) -> Vec<Start> {
    let mut found = Vec::new();
    let Some(scripts) = text.find("\"scripts\"") else {
        return found;
    };
    let Some(open) = text[scripts..].find('{').map(|at| scripts + at) else {
        return found;
    };
    let close = text[open..].find('}').map_or(text.len(), |at| open + at);
    let mut at = open + 1;
    for line in text[open + 1..close].split_inclusive(['\n', ',']) {
        let begin = at;
        at += line.len();
        let trimmed = line.trim().trim_end_matches(',');
        let leaves = yaml::leaves(trimmed);
        let Some(leaf) = leaves.first() else { continue };
        let name = leaf.path.first().map_or("", String::as_str);
        let starts = matches!(
            name,
            "start" | "prestart" | "start:prod" | "start:production" | "serve:prod"
        ) || (name.starts_with("start:") && paths::speaks_of_migration(name));
        if !starts {
            continue;
        }
        let start = begin + (line.len() - line.trim_start().len());
        let span = start..start + trimmed.len();
        found.push(Start {
            kind: StartKind::Package(name.to_owned()),
            commands: text_of(&leaf.value, &span),
            span,
        });
    }
    found
}

/// The scalars under a path: one text, or the words of a list.
fn command_under(leaves: &[&Leaf], path: &[&str]) -> Option<(Vec<Command>, Range<usize>)> {
    if let Some(leaf) = leaves.iter().find(|leaf| leaf.is(path)) {
        return Some((text_of(&leaf.value, &leaf.span), leaf.span.clone()));
    }
    let mut item = path.to_vec();
    item.push("*");
    let words: Vec<&&Leaf> = leaves.iter().filter(|leaf| leaf.is(&item)).collect();
    let (first, last) = (words.first()?, words.last()?);
    let span = first.span.start..last.span.end;
    let words = words.iter().map(|leaf| leaf.value.clone()).collect();
    Some((command_of(words, span.clone()), span))
}

/// `command` of a pod's container is a list, with `args` behind it.
fn words_under(leaves: &[&Leaf], path: &[&str], key: &str) -> (Vec<String>, Option<Range<usize>>) {
    let mut item = path.to_vec();
    item.extend([key, "*"]);
    let found: Vec<&&Leaf> = leaves.iter().filter(|leaf| leaf.is(&item)).collect();
    let span = match (found.first(), found.last()) {
        (Some(first), Some(last)) => Some(first.span.start..last.span.end),
        _ => None,
    };
    (found.iter().map(|leaf| leaf.value.clone()).collect(), span)
}

fn compose(leaves: &[Leaf]) -> Vec<Start> {
    let all: Vec<&Leaf> = leaves
        .iter()
        .filter(|leaf| leaf.path.first().is_some_and(|key| key == "services"))
        .collect();
    let mut names: Vec<&str> = all
        .iter()
        .filter_map(|leaf| leaf.path.get(1).map(String::as_str))
        .collect();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        let own: Vec<&Leaf> = all
            .iter()
            .copied()
            .filter(|leaf| leaf.path.get(1).is_some_and(|it| it == name))
            .collect();
        let is_service = own.iter().any(|leaf| {
            leaf.path.get(2).is_some_and(|key| {
                matches!(
                    key.as_str(),
                    "image" | "build" | "command" | "entrypoint" | "extends"
                )
            })
        });
        if !is_service {
            continue;
        }
        let entrypoint = command_under(&own, &["services", name, "entrypoint"]);
        let command = command_under(&own, &["services", name, "command"]);
        if let Some(start) = image(entrypoint, command) {
            found.push(Start {
                kind: StartKind::Service(name.to_owned()),
                ..start
            });
        }
    }
    found
}

/// The services of a blueprint of Render: <https://render.com/docs/blueprint-spec>.
fn blueprint(leaves: &[Leaf]) -> Vec<Start> {
    let start = |leaf: &Leaf| {
        let key = leaf.path.last().map(String::as_str);
        let kind = match key {
            Some("startCommand") => StartKind::Process("startCommand".to_owned()),
            Some("preDeployCommand") => StartKind::Hook("preDeployCommand".to_owned()),
            _ => return None,
        };
        Some(Start {
            kind,
            span: leaf.span.clone(),
            commands: text_of(&leaf.value, &leaf.span),
        })
    };
    leaves.iter().filter_map(start).collect()
}

/// What starts pods that go on.
const WORKLOADS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Pod",
    "ReplicationController",
    "Rollout",
    "Service",
    "DeploymentConfig",
];

fn manifests(leaves: &[Leaf]) -> Vec<Start> {
    let mut found = Vec::new();
    for document in leaves.chunk_by(|a, b| a.document == b.document) {
        let all: Vec<&Leaf> = document.iter().collect();
        let Some(kind) = all
            .iter()
            .find(|leaf| leaf.is(&["kind"]))
            .map(|leaf| leaf.value.as_str())
        else {
            continue;
        };
        let job = matches!(kind, "Job" | "CronJob");
        if !job && !WORKLOADS.contains(&kind) {
            continue;
        }
        let hook = all.iter().find_map(|leaf| hook(leaf));
        let mut seen: Vec<Vec<&str>> = Vec::new();
        for leaf in &all {
            // `…/containers/0` and what is in it.
            let Some(at) = leaf
                .path
                .iter()
                .position(|key| key == "containers" || key == "initContainers")
            else {
                continue;
            };
            if leaf.path.len() < at + 3 {
                continue;
            }
            let path: Vec<&str> = leaf.path[..at + 2].iter().map(String::as_str).collect();
            if seen.contains(&path) {
                continue;
            }
            let mut named = path.clone();
            named.push("name");
            let name = all
                .iter()
                .find(|leaf| leaf.is(&named))
                .map_or("", |leaf| leaf.value.as_str());
            let start = match (job, leaf.path[at] == "initContainers") {
                (true, true) => None,
                (true, false) => hook.clone().map(StartKind::Hook),
                (false, true) => Some(StartKind::InitContainer(name.to_owned())),
                (false, false) => Some(StartKind::Container(name.to_owned())),
            };
            if let Some(kind) = start {
                let (mut words, span) = words_under(&all, &path, "command");
                let (more, also) = words_under(&all, &path, "args");
                words.extend(more);
                if let Some(span) = span.or(also) {
                    let commands = command_of(words, span.clone());
                    found.push(Start {
                        kind,
                        span,
                        commands,
                    });
                }
                let mut post = path.clone();
                post.extend(["lifecycle", "postStart", "exec"]);
                let (words, span) = words_under(&all, &post, "command");
                if let (Some(span), false) = (span, job) {
                    let mut commands = command_of(words, span.clone());
                    // The container itself goes on beside it.
                    commands.push(Command {
                        words: vec!["exec".to_owned(), "$@".to_owned()],
                        span: span.clone(),
                        guards: Vec::new(),
                        function: None,
                    });
                    let kind = StartKind::Container(name.to_owned());
                    found.push(Start {
                        kind,
                        span,
                        commands,
                    });
                }
            }
            seen.push(path);
        }
    }
    found
}

/// What ties a job to a deployment, if anything does.
fn hook(leaf: &Leaf) -> Option<String> {
    let key = leaf.path.last()?;
    if leaf.path.get(leaf.path.len().checked_sub(2)?)? != "annotations" {
        return None;
    }
    let tied = match key.as_str() {
        "helm.sh/hook" => ["pre-upgrade", "pre-install", "post-upgrade", "post-install"]
            .iter()
            .any(|it| leaf.value.contains(it)),
        "argocd.argoproj.io/hook" => ["PreSync", "Sync", "PostSync"]
            .iter()
            .any(|it| leaf.value.contains(it)),
        _ => false,
    };
    tied.then(|| format!("{key}: {}", leaf.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str) -> Vec<String> {
        starts(path, text)
            .into_iter()
            .map(|start| {
                assert!(text.get(start.span.clone()).is_some());
                let commands: Vec<String> =
                    start.commands.iter().map(|it| it.words.join(" ")).collect();
                format!("{:?}: {}", start.kind, commands.join("; "))
            })
            .collect()
    }

    #[test]
    fn dockerfiles() {
        let text = "FROM a AS b\nRUN alembic upgrade head\nCMD [\"x\"]\nFROM c\n# no\nENTRYPOINT [\"/entry.sh\"]\nCMD [\"serve\", \"-p\"]\n";
        assert_eq!(
            shown("Dockerfile", text),
            ["Image: x", "Image: /entry.sh serve -p"]
        );
        assert_eq!(
            shown(
                "web.Dockerfile",
                "FROM c\nCMD alembic upgrade head && \\\n  # why\n  uvicorn app:app\n"
            ),
            ["Image: alembic upgrade head; uvicorn app:app"]
        );
        assert_eq!(
            shown(
                "Dockerfile.prod",
                "FROM c\nENTRYPOINT [\"tini\", \"--\"]\nCMD [\"sh\", \"-c\", \"a up && b\"]\n"
            ),
            ["Image: tini --; a up; b"]
        );
    }

    #[test]
    fn compose_files() {
        let text = "services:\n  web:\n    build: .\n    command: sh -c \"alembic upgrade head && uvicorn a\"\n  migrate:\n    image: x\n    command: [\"alembic\", \"upgrade\", \"head\"]\n  db:\n    image: postgres\n";
        assert_eq!(
            shown("compose.yaml", text),
            [
                "Service(\"web\"): alembic upgrade head; uvicorn a",
                "Service(\"migrate\"): alembic upgrade head"
            ]
        );
    }

    #[test]
    fn manifests_of_kubernetes() {
        let text = "kind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n        - name: m\n          command: [\"./app\", \"migrate\"]\n      containers:\n        - name: web\n          image: i\n          command: [\"sh\", \"-c\"]\n          args:\n            - |\n              ./app migrate\n              exec ./app serve\n---\nkind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: pre-upgrade,pre-install\nspec:\n  template:\n    spec:\n      containers:\n      - name: j\n        args: [migrate]\n---\nkind: Job\nspec:\n  template:\n    spec:\n      containers:\n      - name: j\n        args: [migrate]\n";
        assert_eq!(
            shown("k8s.yml", text),
            [
                "InitContainer(\"m\"): ./app migrate",
                "Container(\"web\"): ./app migrate; exec ./app serve",
                "Hook(\"helm.sh/hook: pre-upgrade,pre-install\"): migrate"
            ]
        );
    }

    #[test]
    fn blueprints() {
        assert_eq!(
            shown(
                "render.yaml",
                "services:\n  - type: web\n    startCommand: npx prisma migrate deploy && npm start\n"
            ),
            ["Process(\"startCommand\"): npx prisma migrate deploy; npm start"]
        );
    }

    #[test]
    fn procfiles_and_packages() {
        assert_eq!(
            shown(
                "Procfile",
                "web: rails db:migrate && puma\nrelease: rails db:migrate\n"
            ),
            [
                "Process(\"web\"): rails db:migrate; puma",
                "Hook(\"the release phase of the platform\"): rails db:migrate"
            ]
        );
        assert_eq!(
            shown(
                "package.json",
                "{\n \"scripts\": {\n  \"build\": \"tsc\",\n  \"start\": \"prisma migrate deploy && node a.js\",\n  \"migrate\": \"x\"\n }\n}\n"
            ),
            ["Package(\"start\"): prisma migrate deploy; node a.js"]
        );
    }
}
