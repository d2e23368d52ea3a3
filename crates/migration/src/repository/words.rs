//! What is said about migrations at start-up.

use super::starts::StartKind;

/// A message with its causes and what to do instead.
pub(super) struct Said {
    pub(super) message: String,
    pub(super) causes: Vec<String>,
    pub(super) safer: Vec<String>,
}

const EVERY_INSTANCE: &str = "every instance that starts migrates, or waits for the one that does, \
                              while the old version still serves";
const NO_WAY_BACK: &str = "bringing the previous version back starts its older set of migrations, \
                           which knows no way back from this one";
const FAILS: &str = "if a migration fails or waits for a lock, no instance starts, in the middle of \
                     an incident too";
const CHECK: &str = "when the application starts, let it only check that the schema is new enough";

fn job(command: &str) -> String {
    format!("run `{command}` once, as a step of its own before the code is deployed")
}

fn usual(message: String, safer: String) -> Said {
    Said {
        message,
        causes: vec![
            EVERY_INSTANCE.to_owned(),
            FAILS.to_owned(),
            NO_WAY_BACK.to_owned(),
        ],
        safer: vec![safer, CHECK.to_owned()],
    }
}

/// What is said about a command.
pub(super) fn of_start(kind: &StartKind, command: &str) -> Said {
    let when = match kind {
        StartKind::Image => "each time a container of this image starts".to_owned(),
        StartKind::Service(name) => format!("each time the service `{name}` starts"),
        StartKind::Container(name) => format!("each time the container `{name}` starts"),
        StartKind::Process(name) => format!("each time the process `{name}` starts"),
        StartKind::Package(name) => format!("each time the script `{name}` starts the application"),
        StartKind::Script => "each time this script starts the application".to_owned(),
        StartKind::InitContainer(name) => return of_init_container(name, command),
        StartKind::Hook(tie) => return of_hook(tie, command),
    };
    usual(format!("`{command}` runs {when}"), job(command))
}

fn of_init_container(name: &str, command: &str) -> Said {
    Said {
        message: format!(
            "`{command}` runs before each start of the pod, in the init container `{name}`"
        ),
        causes: vec![
            "an init container runs for each pod, and again when a pod is moved, restarted or \
             added: several run at the same time, and none of them when you decide it"
                .to_owned(),
            "the migration is part of the pod, so it cannot be shipped before the code that needs \
             it"
            .to_owned(),
            NO_WAY_BACK.to_owned(),
        ],
        safer: vec![
            format!("run `{command}` in a Job that is applied and awaited before the new image is"),
            CHECK.to_owned(),
        ],
    }
}

fn of_hook(tie: &str, command: &str) -> Said {
    Said {
        message: format!("`{command}` runs with each deployment of the application ({tie})"),
        causes: vec![
            "it runs once and before the new code, which is better than at start-up; but schema \
             and code are still one release, and the old code meets the new schema"
                .to_owned(),
        ],
        safer: vec![
            "keep to migrations that old code can live with, and ship what removes something in a \
             release after the code that no longer needs it"
                .to_owned(),
        ],
    }
}

/// What is said about a call in code: why, and what to do instead.
pub(super) fn of_code(call: &str) -> (Vec<String>, Vec<String>) {
    let instead = if call == "synchronize: true"
        || call == "sequelize.sync"
        || call == "create_all"
        || call == "AutoMigrate"
        || call == "generate_schemas=True"
    {
        "write migrations, and run them once, as a step of their own before the code is deployed"
    } else {
        "run migrations once, as a step of their own before the code is deployed: a job, or a \
         sub-command of this program"
    };
    let said = usual(String::new(), instead.to_owned());
    (said.causes, said.safer)
}

/// What is said about a tool on the class path of Spring Boot.
pub(super) fn of_spring(tool: &str) -> Said {
    let key = tool.to_lowercase();
    usual(
        format!("Spring Boot runs {tool}'s migrations each time the application starts"),
        format!(
            "set `spring.{key}.enabled=false` for the service, and run {tool} once, as a step of its \
             own before the code is deployed"
        ),
    )
}

/// What is said about Hibernate.
pub(super) fn of_hibernate() -> Said {
    Said {
        message: "Hibernate changes the schema each time the application starts".to_owned(),
        causes: vec![
            "what it changes is written down nowhere: it is not reviewed, and there is no way back"
                .to_owned(),
            EVERY_INSTANCE.to_owned(),
        ],
        safer: vec![
            "set `ddl-auto` to `validate`, write migrations, and run them as a step of their own"
                .to_owned(),
        ],
    }
}
