//! Whole repositories, as maps from paths to texts.

use super::startup::{Survey, clues, reads, references};

/// What is found in a repository: place and message.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let read = files.iter().filter(|(path, _)| reads(path));
    let mut survey = Survey::new(read.filter_map(|(path, text)| clues(path, text)));
    loop {
        let names = survey.wanted();
        if names.is_empty() {
            break;
        }
        let all: Vec<_> = files
            .iter()
            .filter_map(|(path, text)| references(path, text, &names))
            .collect();
        survey.go_on(&all);
    }
    survey
        .findings()
        .into_iter()
        .map(|finding| {
            let text = files
                .iter()
                .find(|(path, _)| *path == finding.file)
                .unwrap()
                .1;
            let line = text[..finding.span.start].lines().count().max(1);
            assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
            assert!(!finding.causes.is_empty() && !finding.safer.is_empty());
            let _ = line;
            format!(
                "{}: {} [{}]",
                finding.file,
                finding.message,
                finding.severity.word()
            )
        })
        .collect()
}

#[track_caller]
fn quiet(files: &[(&str, &str)]) {
    assert_eq!(found(files), [""; 0]);
}

#[test]
fn containers_that_migrate_and_then_serve() {
    assert_eq!(
        found(&[(
            "Dockerfile",
            "FROM x\nCMD alembic upgrade head && uvicorn app:app\n"
        )]),
        [
            "Dockerfile: `alembic upgrade head` runs each time a container of this image starts [warning]"
        ]
    );
    quiet(&[(
        "Dockerfile",
        "FROM x\nCMD [\"alembic\", \"upgrade\", \"head\"]\n",
    )]);
    quiet(&[(
        "Dockerfile",
        "FROM x\nRUN alembic upgrade head\nCMD [\"uvicorn\", \"app:app\"]\n",
    )]);
    assert_eq!(
        found(&[(
            "compose.yml",
            "services:\n  web:\n    image: x\n    command: >\n      sh -c \"python manage.py migrate &&\n             gunicorn app\"\n  job:\n    image: x\n    command: python manage.py migrate\n"
        )]),
        [
            "compose.yml: `python manage.py migrate` runs each time the service `web` starts [warning]"
        ]
    );
    assert_eq!(
        found(&[(
            "Procfile",
            "web: bin/rails db:migrate && bin/rails server\nworker: sidekiq\n"
        )]),
        ["Procfile: `bin/rails db:migrate` runs each time the process `web` starts [warning]"]
    );
}

#[test]
fn entry_points_are_followed() {
    let docker = (
        "docker/Dockerfile",
        "FROM x\nCOPY docker/start.sh /start.sh\nENTRYPOINT [\"/start.sh\"]\nCMD [\"serve\"]\n",
    );
    let script = "#!/bin/sh\nset -e\nwait-for db:5432\nflask db upgrade\nexec \"$@\"\n";
    assert_eq!(
        found(&[
            docker,
            ("docker/start.sh", script),
            ("other/start.sh", "exec x\n")
        ]),
        [
            "docker/start.sh: `flask db upgrade` runs each time a container of this image starts [warning]"
        ]
    );
    quiet(&[("docker/start.sh", script)]);
    // A name says what it is.
    assert_eq!(found(&[("deploy/entrypoint.sh", script)]).len(), 1);
    // Asked for, and only where a variable says so.
    quiet(&[
        docker,
        (
            "docker/start.sh",
            "case \"$1\" in\n  migrate) flask db upgrade ;;\n  *) exec \"$@\" ;;\nesac\n",
        ),
    ]);
    assert_eq!(
        found(&[
            docker,
            (
                "docker/start.sh",
                "if [ \"$RUN_MIGRATIONS\" = true ]; then\n  flask db upgrade\nfi\nexec \"$@\"\n"
            )
        ]),
        [
            "docker/start.sh: `flask db upgrade` runs each time a container of this image starts [note]"
        ]
    );
    // Functions and further scripts.
    let split = "up() {\n  ./migrate.sh\n}\nup\nexec app\n";
    assert_eq!(
        found(&[docker, ("docker/start.sh", split)]),
        [
            "docker/start.sh: `./migrate.sh` runs each time a container of this image starts [warning]"
        ]
    );
    // A script that only prepares.
    quiet(&[
        docker,
        (
            "docker/start.sh",
            "flask db upgrade\npython manage.py collectstatic\n",
        ),
    ]);
    // Rails makes this one.
    let rails = "#!/bin/bash -e\nif [ \"${@: -2:1}\" == \"./bin/rails\" ] && [ \"${@: -1:1}\" == \"server\" ]; then\n  ./bin/rails db:prepare\nfi\nexec \"${@}\"\n";
    assert_eq!(
        found(&[("bin/docker-entrypoint", rails)]),
        [
            "bin/docker-entrypoint: `./bin/rails db:prepare` runs each time this script starts the application [warning]"
        ]
    );
}

#[test]
fn pods_and_jobs() {
    let pod = |kind: &str, key: &str, annotations: &str| {
        format!(
            "kind: {kind}\nmetadata:\n  name: x\n{annotations}spec:\n  template:\n    spec:\n      {key}:\n        - name: m\n          image: i\n          command: [\"./shop\", \"migrate\"]\n"
        )
    };
    let hook = "  annotations:\n    \"helm.sh/hook\": pre-upgrade\n";
    assert_eq!(
        found(&[("k.yaml", &pod("Deployment", "initContainers", ""))]),
        [
            "k.yaml: `./shop migrate` runs before each start of the pod, in the init container `m` [warning]"
        ]
    );
    quiet(&[("k.yaml", &pod("Deployment", "containers", ""))]);
    quiet(&[("k.yaml", &pod("Job", "containers", ""))]);
    assert_eq!(
        found(&[("k.yaml", &pod("Job", "containers", hook))]),
        [
            "k.yaml: `./shop migrate` runs with each deployment of the application (helm.sh/hook: pre-upgrade) [note]"
        ]
    );
}

#[test]
fn calls_are_followed_to_where_the_program_starts() {
    let main = "mod db;\n#[tokio::main]\nasync fn main() -> Result<()> {\n    let pool = db::connect().await?;\n    serve(pool).await\n}\n";
    let db = "pub async fn connect() -> Result<Pool> {\n    let pool = open().await?;\n    migrate(&pool).await?;\n    Ok(pool)\n}\nasync fn migrate(pool: &Pool) -> Result<()> {\n    sqlx::migrate!().run(pool).await\n}\n";
    assert_eq!(
        found(&[("src/main.rs", main), ("src/db.rs", db)]),
        ["src/db.rs: `sqlx::migrate!().run` is called when the program starts [warning]"]
    );
    // Nobody calls it.
    quiet(&[("src/main.rs", "fn main() { serve() }"), ("src/db.rs", db)]);
    // A sub-command, a program of its own, a test.
    let cli =
        "fn main() { match args { Cmd::Migrate => db::connect().await?, Cmd::Serve => serve() } }";
    quiet(&[("src/main.rs", cli), ("src/db.rs", db)]);
    quiet(&[
        ("src/bin/migrate.rs", "fn main() { db::connect() }"),
        ("src/db.rs", db),
    ]);
    quiet(&[
        ("tests/db.rs", "#[test] fn x() { db::connect() }"),
        ("src/db.rs", db),
    ]);

    let store = "package store\nimport \"github.com/pressly/goose/v3\"\nfunc New(dsn string) (*Store, error) {\n\tdb, err := sql.Open(dsn)\n\tif err := goose.Up(db, \"m\"); err != nil {\n\t\treturn nil, err\n\t}\n\treturn &Store{db}, nil\n}\n";
    let go =
        "package main\nfunc main() {\n\ts, err := store.New(os.Getenv(\"DSN\"))\n\tserve(s)\n}\n";
    assert_eq!(
        found(&[
            ("cmd/server/main.go", go),
            ("internal/store/store.go", store)
        ]),
        ["internal/store/store.go: `goose.Up` is called when the program starts [warning]"]
    );
    // Types tell functions of one name apart.
    let meta =
        "impl Meta {\n    pub fn new() -> Self {\n        sqlx::migrate!().run(&pool)\n    }\n}\n";
    quiet(&[
        ("src/main.rs", "fn main() { Settings::new() }"),
        ("src/meta.rs", meta),
    ]);
    assert_eq!(
        found(&[
            ("src/main.rs", "fn main() { Meta::new() }"),
            ("src/meta.rs", meta)
        ])
        .len(),
        1
    );
    // `New` of something else.
    let other = go.replace("store.New", "cache.New");
    quiet(&[
        ("cmd/server/main.go", &other),
        ("internal/store/store.go", store),
    ]);

    assert_eq!(
        found(&[
            (
                "src/db.ts",
                "export async function initDatabase() {\n  await AppDataSource.initialize();\n  await AppDataSource.runMigrations();\n}\n"
            ),
            (
                "src/server.ts",
                "import { initDatabase } from './db';\n\nasync function main() {\n  await initDatabase();\n  app.listen(80);\n}\n\nmain();\n"
            ),
        ]),
        ["src/db.ts: `runMigrations` is called when the program starts [warning]"]
    );
    assert_eq!(
        found(&[
            (
                "app/db.py",
                "def init_models():\n    Base.metadata.create_all(bind=engine)\n"
            ),
            (
                "app/main.py",
                "from app.db import init_models\n\napp = FastAPI()\n\n@app.on_event(\"startup\")\ndef begin():\n    init_models()\n"
            ),
        ]),
        ["app/db.py: `create_all` is called when the program starts [warning]"]
    );
}

#[test]
fn spring_boot() {
    let pom = "<project>\n<parent><artifactId>spring-boot-starter-parent</artifactId></parent>\n<dependency>\n  <artifactId>flyway-core</artifactId>\n</dependency>\n";
    let properties = "src/main/resources/application.properties";
    assert_eq!(
        found(&[("pom.xml", pom), (properties, "spring.datasource.url=x\n")]),
        [
            "pom.xml: Spring Boot runs Flyway's migrations each time the application starts [warning]"
        ]
    );
    quiet(&[
        ("pom.xml", pom),
        (properties, "spring.flyway.enabled=false\n"),
    ]);
    assert_eq!(
        found(&[(properties, "spring.jpa.hibernate.ddl-auto=update\n")]),
        [
            "src/main/resources/application.properties: Hibernate changes the schema each time the application starts [warning]"
        ]
    );
}

#[test]
fn nothing_makes_it_stop() {
    for (path, text) in [
        ("Dockerfile", "FROM\nCMD\nENTRYPOINT [\nCMD [\"a\""),
        ("compose.yaml", "services:\n  a:\n    command: [\n"),
        ("Procfile", ":\nweb:\n"),
        ("package.json", "{\"scripts\""),
        (
            "entrypoint.sh",
            "entrypoint.sh\n./entrypoint.sh\na() { a; }\na\n",
        ),
        ("a.rs", "fn migrate() { migrate() } MIGRATOR.run"),
        ("k.yaml", "kind: Deployment\ncontainers:\n  - command:\n"),
    ] {
        found(&[(path, text), ("Dockerfile", "ENTRYPOINT entrypoint.sh")]);
    }
}
