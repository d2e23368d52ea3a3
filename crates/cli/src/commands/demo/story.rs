//! What happens in the demo, in order.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Trouble;
use super::fleet::Fleet;
use super::scene::{ENVIRONMENTS, Scene, Uses, WINDOW};
use super::typed::Terminal;
use crate::shell::Shell;

/// The change of the demo, as `change new` calls it.
const CHANGE: &str = "rename-users-email-addr";

struct Story<'a> {
    scene: Scene,
    terminal: Terminal<'a>,
    fleet: Fleet,
    customers: u32,
}

/// Tells the story in `folder`, which is empty, and says what came of it.
pub(super) fn tell(shell: &Shell, folder: &Path, customers: u32) -> Result<String, Trouble> {
    let program =
        std::env::current_exe().map_err(Trouble::scene("this program could not be found"))?;
    let scene = Scene::build(folder, customers)?;
    let terminal = Terminal::new(shell, program.clone(), folder.join("shop"));
    let fleet = Fleet::new(program, folder);
    let mut story = Story {
        scene,
        terminal,
        fleet,
        customers,
    };
    story.opening()?;
    story.expand()?;
    story.code()?;
    story.switch_reads()?;
    story.stop_old_writes()?;
    story.rollback()?;
    story.contract()?;
    story.ledger()?;
    story.end()
}

impl Story<'_> {
    fn type_in(&mut self, line: &str) -> Result<String, Trouble> {
        let said = self.terminal.type_in(line, 0)?;
        self.fleet.check()?;
        Ok(said)
    }

    fn opening(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "A shop",
            &format!(
                "A git repository with the application, a database of {} customers in \
                 production and a\nsmaller one in staging, and a GitOps repository that says which \
                 version runs where. The column\nusers.email_addr is to be called users.email, and \
                 nobody may notice.",
                self.customers
            ),
        );
        self.type_in("switchback init")?;
        self.terminal
            .say("fill in the values files, and a rollback window short enough to watch");
        self.scene.finish_settings()?;
        self.scene
            .commit("shop", "chore: release with switchback")?;
        self.type_in("switchback release record --version 1.0.0 --commit v1.0.0")?;
        for environment in ENVIRONMENTS {
            self.type_in(&format!(
                "switchback promote --version 1.0.0 --env {environment}"
            ))?;
            self.fleet.start(environment, "1.0.0")?;
        }
        self.terminal
            .say("from here on two instances of the application serve in each environment;");
        self.terminal
            .say("the demo fails if one ever sees an error or a stale value");
        Ok(())
    }

    fn expand(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "1. Expand",
            "The new column is added beside the old one, triggers keep both equal, existing rows \
             are copied in\nsmall batches. Old code does not notice.",
        );
        self.type_in(
            "switchback change new rename-column --table users --from email_addr --to email",
        )?;
        self.terminal
            .prompt("git commit -am 'feat: plan the rename of users.email_addr'");
        self.scene
            .commit("shop", "feat: plan the rename of users.email_addr")?;
        let apply = |environment| format!("switchback change apply {CHANGE} --env {environment}");
        self.type_in(&apply("staging"))?;

        self.terminal
            .say("in production the power fails in the middle of the copy");
        let mut running = self.terminal.begin(&apply("production"))?;
        let begun = Instant::now();
        while self.scene.rows_filled("production") < u64::from(self.customers) / 10 {
            if begun.elapsed() > Duration::from_secs(60) {
                let what = "a tenth of the fill".to_owned();
                return Err(Trouble::Late { what, seconds: 60 });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        running
            .kill()
            .map_err(Trouble::scene("the command could not be killed"))?;
        let status = running
            .wait()
            .map_err(Trouble::scene("the command did not end"))?;
        if status.code().is_some() {
            let (command, found) = (
                apply("production"),
                "its end before it was killed".to_owned(),
            );
            return Err(Trouble::Ended {
                command,
                expected: 137,
                found,
            });
        }
        let rows = self.scene.rows_filled("production");
        self.terminal
            .say(&format!("killed with SIGKILL after {rows} rows"));
        self.fleet.check()?;
        self.type_in("switchback status --env production")?;
        self.terminal.say("the same command goes on where it was");
        self.type_in(&apply("production"))?;
        self.terminal
            .say("so far all code reads the old column: it cannot go yet");
        self.terminal.refused(
            &format!("switchback change apply {CHANGE} --env production --yes"),
            "SB0301",
            &["app 1.0.0, which is live", "users.email_addr"],
        )
    }

    fn code(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "2. The code, one step a release",
            "1.1.0 reads the new column and still writes the old one; 1.2.0 uses only the new one. \
             Each commit\nsays at which step its code is.",
        );
        for (version, from, to, uses, message) in [
            (
                "1.1.0",
                "old",
                "switch-reads",
                Uses {
                    reads: "email",
                    writes: "email_addr",
                },
                "feat: read users.email",
            ),
            (
                "1.2.0",
                "switch-reads",
                "stop-old-writes",
                Uses {
                    reads: "email",
                    writes: "email",
                },
                "feat: write users.email",
            ),
        ] {
            self.scene.statements(uses)?;
            self.scene.code_step(CHANGE, from, to)?;
            self.terminal
                .prompt(&format!("git commit -am '{message}' && git tag v{version}"));
            self.scene.commit("shop", message)?;
            self.scene.tag(version)?;
            self.type_in(&format!(
                "switchback release record --version {version} --commit v{version}"
            ))?;
        }
        self.terminal
            .say("a jump over a step is refused, and the way is shown");
        self.terminal.refused(
            "switchback promote --version 1.2.0 --env staging",
            "SB0302",
            &["switchback promote --version 1.1.0"],
        )
    }

    /// Promotes, replaces the instances while both versions serve, and finishes.
    fn promote(&mut self, version: &str, environment: &str) -> Result<(), Trouble> {
        self.type_in(&format!(
            "switchback promote --version {version} --env {environment}"
        ))?;
        self.replace(environment)
    }

    /// Does what the values file says, as whoever runs the instances does.
    fn replace(&mut self, environment: &str) -> Result<(), Trouble> {
        let version = self.scene.wanted_version(environment)?;
        self.fleet.roll(environment, &version)?;
        self.terminal
            .say(&format!("every instance in {environment} runs {version}"));
        self.type_in(&format!("switchback rollout finish --env {environment}"))?;
        Ok(())
    }

    fn switch_reads(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "3. Switch reads",
            "While instances are replaced, old and new code read and write the same rows.",
        );
        self.promote("1.1.0", "staging")?;
        self.promote("1.1.0", "production")
    }

    fn stop_old_writes(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "4. Stop old writes",
            "The triggers now carry every write back to the old column, for the versions that may \
             still come back.",
        );
        self.promote("1.2.0", "staging")?;
        self.promote("1.2.0", "production")
    }

    fn rollback(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "A bad night",
            "1.2.0 is suspected of something. Going back is one command, and nothing was lost: the \
             old column has\nevery write.",
        );
        self.type_in("switchback rollback --env production")?;
        self.replace("production")?;
        self.terminal.say("it was something else; up again");
        self.promote("1.2.0", "production")
    }

    fn contract(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "5. Contract",
            "The old column may go when nobody who runs, and nobody who may still come back, needs \
             it.",
        );
        let apply = format!("switchback change apply {CHANGE} --env production --yes");
        self.terminal.refused(
            &apply,
            "SB0301",
            &["which is a rollback target until", "wait until"],
        )?;
        self.fleet.check()?;
        self.type_in("switchback status --env production")?;
        self.terminal.say(&format!(
            "wait until the rollback windows of {WINDOW} s are over"
        ));
        self.wait_for_windows()?;
        for environment in ENVIRONMENTS {
            self.type_in(&format!(
                "switchback change apply {CHANGE} --env {environment} --yes"
            ))?;
        }
        self.terminal
            .say("even this has a way back: the old column is made again, with its data");
        self.type_in(&format!(
            "switchback change undo {CHANGE} --env production --yes"
        ))?;
        self.terminal.say("and up to the end for good");
        self.type_in(&apply)?;
        self.type_in(&format!("switchback change status {CHANGE}"))?;
        Ok(())
    }

    fn wait_for_windows(&mut self) -> Result<(), Trouble> {
        let begun = Instant::now();
        let longest = Duration::from_secs(WINDOW + 30);
        loop {
            self.fleet.check()?;
            let status = self.terminal.ask("switchback status")?;
            let open = status["environments"]
                .as_array()
                .is_none_or(|environments| {
                    environments.iter().any(|environment| {
                        environment["components"]
                            .as_array()
                            .is_none_or(|components| {
                                components.iter().any(|component| {
                                    component["targets"]
                                        .as_array()
                                        .is_none_or(|it| !it.is_empty())
                                })
                            })
                    })
                });
            if !open {
                return Ok(());
            }
            if begun.elapsed() > longest {
                let what = "the end of the rollback windows".to_owned();
                return Err(Trouble::Late {
                    what,
                    seconds: longest.as_secs(),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ledger(&mut self) -> Result<(), Trouble> {
        self.terminal.chapter(
            "The record",
            "Every decision and effect stands in the ledger, and every promotion commit carries \
             its root.",
        );
        self.type_in("switchback ledger log --env production --limit 12")?;
        self.type_in("switchback ledger checkpoint --out checkpoint.txt")?;
        self.type_in("switchback ledger verify --checkpoint checkpoint.txt")?;
        self.terminal
            .say("somebody edits a copy: the refusal of the early contract was never so");
        self.tamper()?;
        self.terminal
            .type_in("switchback ledger verify --store tampered.db", 4)
            .and_then(|said| {
                let expected = "SB0202".to_owned();
                if said.contains(&expected) {
                    return Ok(());
                }
                Err(Trouble::Silent {
                    command: "switchback ledger verify".to_owned(),
                    expected,
                })
            })
    }

    fn tamper(&self) -> Result<(), Trouble> {
        let shop = self.scene.folder.join("shop");
        let copy = shop.join("tampered.db");
        let ledger = shop.join(".switchback/ledger.db");
        let edit = || -> rusqlite::Result<usize> {
            let connection = rusqlite::Connection::open(ledger)?;
            connection.execute("VACUUM INTO ?1", [copy.display().to_string()])?;
            rusqlite::Connection::open(&copy)?.execute(
                "UPDATE entries SET payload = CAST(replace(CAST(payload AS TEXT), 'refused', \
                 'allowed') AS BLOB) WHERE CAST(payload AS TEXT) LIKE '%refused%'",
                [],
            )
        };
        match edit().map_err(Trouble::scene("the copy of the ledger"))? {
            0 => Err(Trouble::Scene {
                what: "the copy of the ledger".to_owned(),
                source: "has nothing to edit".into(),
            }),
            _ => Ok(()),
        }
    }

    fn end(&mut self) -> Result<String, Trouble> {
        let served = self.fleet.stop_all()?;
        let total: u64 = served.iter().map(|(_, count)| count).sum();
        let each: Vec<String> = served
            .iter()
            .map(|(version, count)| format!("{version}: {count}"))
            .collect();
        Ok(format!(
            "\nThe column is renamed. Meanwhile the application served {total} requests ({}) in \
             instances of\nthree versions side by side: no error, no stale value.",
            each.join(", ")
        ))
    }
}
