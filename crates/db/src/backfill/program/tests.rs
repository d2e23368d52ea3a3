//! Real processes that behave well and badly.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use switchback_migration::backfill::program::Said;
use switchback_model::BackfillId;

use super::*;

const WELCOME: &str = "read -r hello; echo '{\"protocol\":\"switchback.rows/v1\"}'";

fn job(command: &[&str]) -> Job {
    let command = serde_json::json!(command);
    let text = format!(
        "schema = \"switchback.backfill/v1\"\ntable = \"t\"\nonly = \"b IS NULL\"\n\
         [program]\ncolumns = [\"b\"]\nreads = [\"a\"]\ncommand = {command}\n"
    );
    Job::parse(BackfillId::new("it").unwrap(), &text).unwrap()
}

/// A program in shell that has said that it understands.
fn shell(script: &str) -> Job {
    job(&["sh", "-c", &format!("{WELCOME}\n{script}")])
}

struct Place {
    folder: tempfile::TempDir,
    told: Arc<Mutex<Vec<String>>>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            told: Arc::default(),
        }
    }

    fn worker(&self, patience: Duration) -> Worker {
        let told = Arc::clone(&self.told);
        let mut worker = Worker::default();
        worker.launch(Launch {
            folder: self.folder.path().to_owned(),
            patience,
            secret: vec!["CARGO_PKG_".to_owned()],
            told: Arc::new(move |line| told.lock().unwrap().push(line.to_owned())),
        });
        worker
    }
}

const LONG: Duration = Duration::from_secs(30);

/// Asks for so many rows, each with a text of so many letters.
fn ask_for(
    worker: &mut Worker,
    job: &Job,
    rows: usize,
    letters: usize,
) -> Result<Vec<Answer>, NoAnswer<()>> {
    let text = "x".repeat(letters);
    let question = Question {
        job,
        program: job.text.program.as_ref().unwrap(),
        key: &["id".to_owned()],
        rows,
        line: &|place, number| {
            format!(
                "{{\"row\":{number},\"key\":{{\"id\":{place}}},\"columns\":{{\"a\":\"{text}\"}}}}\n"
            )
        },
    };
    let answered = worker.ask(&question, &mut || Ok(Still::Wanted))?;
    Ok(answered.answers)
}

fn fault(script: &str, rows: usize) -> ProgramError {
    let place = Place::new();
    let mut worker = place.worker(Duration::from_millis(700));
    match ask_for(&mut worker, &shell(script), rows, 1) {
        Err(NoAnswer::Program(error)) => {
            assert!(worker.process.is_none(), "it is ended");
            error
        }
        other => panic!("{script}: {other:?}"),
    }
}

fn set(text: &str) -> Answer {
    Answer::Set(vec![Said::Text(text.to_owned())])
}

/// Answers each row as it comes, with its number.
const EACH: &str = r#"while read -r line; do
  n=${line#*:}; n=${n%%,*}
  case $line in *'"row"'*) echo "{\"row\":$n,\"set\":{\"b\":\"n$n\"}}";; esac
done"#;

#[test]
fn rows_are_answered_turn_by_turn_by_one_process() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let job = shell(&format!("echo started >&2; {EACH}"));
    let mut done = 0;
    while done < 3000 {
        let answers = ask_for(&mut worker, &job, 3000 - done, 5).unwrap();
        assert!(!answers.is_empty());
        for (place, answer) in answers.iter().enumerate() {
            assert_eq!(*answer, set(&format!("n{}", done + place + 1)));
        }
        done += answers.len();
    }
    assert!(worker.rows() > 32, "{}", worker.rows());
    drop(worker);
    assert_eq!(*place.told.lock().unwrap(), ["started"]);
}

#[test]
fn answers_may_come_in_any_order_and_all_at_once() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    // The rows of a turn are gathered, and answered from the last to the first.
    let script = r#"said=; while read -r line; do
      n=${line#*:}; n=${n%%,*}
      case $line in
        *'"row"'*) said="{\"skip\":true,\"row\":$n}
$said";;
        *'"flush"'*) printf %s "$said"; said=;;
      esac
    done"#;
    let job = shell(script);
    for _ in 0..3 {
        let answers = ask_for(&mut worker, &job, 20, 1).unwrap();
        assert_eq!(answers, vec![Answer::Skip; 20]);
    }
}

#[test]
fn a_program_that_reads_late_and_talks_much_blocks_nobody() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    // More than any pipe holds, on every way, before the first row is read.
    let script = format!(
        "awk 'BEGIN {{ for (i = 0; i < 20000; i++) print \"talking and talking\" }}' >&2\n\
         sleep 0.2; {EACH}"
    );
    let job = shell(&script);
    let answers = ask_for(&mut worker, &job, 4, 500_000).unwrap();
    assert_eq!(answers.len(), 4);
    drop(worker);
    let told = place.told.lock().unwrap();
    assert_eq!(told.len(), 101);
    assert_eq!(told[100], "and more, which is not shown");
}

#[test]
fn it_runs_in_the_work_tree_without_a_shell_and_without_secrets() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let file = place.folder.path().join("tools");
    std::fs::create_dir(&file).unwrap();
    let file = file.join("it's one");
    let script = format!(
        "#!/bin/sh\n{WELCOME}\npwd >&2; echo \"$1\" \"${{CARGO_PKG_NAME-none}}\" \"${{PATH:+some}}\" >&2\n{EACH}\n"
    );
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut worker = place.worker(LONG);
    let job = job(&["tools/it's one", "$HOME; ls *"]);
    ask_for(&mut worker, &job, 1, 1).unwrap();
    drop(worker);
    let told = place.told.lock().unwrap();
    let here = place.folder.path().canonicalize().unwrap();
    assert_eq!(*told, [here.to_str().unwrap(), "$HOME; ls * none some"]);
}

#[test]
fn what_is_not_there_is_not_started() {
    let place = Place::new();
    for command in ["tools/missing", "no-such-program-anywhere", "."] {
        let mut worker = place.worker(LONG);
        let error = ask_for(&mut worker, &job(&[command]), 1, 1).unwrap_err();
        let NoAnswer::Program(ProgramError::NotStarted { command: said, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(said, command);
    }
    let error = ask_for(&mut Worker::default(), &shell(""), 1, 1).unwrap_err();
    assert!(matches!(error, NoAnswer::Program(ProgramError::NotHere)));
}

#[test]
fn a_program_that_dies_is_said_to_have_died() {
    let error = fault("echo 'no such model' >&2; read -r row; exit 3", 5);
    assert_eq!(
        error.to_string(),
        "`sh` ended while 5 rows waited for it: exit status: 3"
    );
    assert_eq!(error.said(), ["no such model"]);
    let error = fault("read -r row; kill -9 $$", 1);
    assert!(error.to_string().contains("signal: 9"), "{error}");
    // Before it said that it understands.
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let error = ask_for(&mut worker, &job(&["true"]), 2, 1).unwrap_err();
    let NoAnswer::Program(ProgramError::Ended { left: 2, .. }) = error else {
        panic!("{error:?}")
    };
}

#[test]
fn what_is_no_answer_ends_it() {
    for (script, why) in [
        ("echo hello", "it is not an answer: expected value"),
        (
            "printf '\\377\\n'",
            "it is not an answer: it is not text in UTF-8",
        ),
        (
            "echo '{\"row\":1,\"set\":{\"c\":1,\"b\":1}}'",
            "row 1 gets a value for `c`, which is not one of `columns`",
        ),
        (
            "echo '{\"row\":1,\"set\":{}}'",
            "row 1 gets no value for `b`",
        ),
        (
            "echo '{\"row\":9,\"skip\":true}'",
            "row 9 was never given to it",
        ),
        (
            "echo '{\"row\":1,\"skip\":true}'; echo '{\"row\":1,\"skip\":true}'",
            "row 1 is answered twice",
        ),
    ] {
        let error = fault(&format!("{script}; sleep 5"), 2);
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), why, "{script}");
    }
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let error = ask_for(&mut worker, &job(&["echo", "{\"row\":1}"]), 2, 1).unwrap_err();
    let NoAnswer::Program(ProgramError::Wrong { source, line, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((source, line.as_str()), (Wrong::NoWelcome, "{\"row\":1}"));
}

#[test]
fn an_answer_that_comes_again_later_is_found() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let script = "read -r a; read -r b; echo '{\"row\":1,\"skip\":true}'\n\
                  echo '{\"row\":1,\"skip\":true}'; sleep 5";
    let job = shell(script);
    assert_eq!(ask_for(&mut worker, &job, 1, 1).unwrap(), [Answer::Skip]);
    let error = ask_for(&mut worker, &job, 1, 1).unwrap_err();
    let NoAnswer::Program(ProgramError::Wrong { source, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(source, Wrong::Twice { row: 1 });
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    let error = fault("exec yes '' | tr -d '\\n' | tr '\\0' x; sleep 9", 1);
    assert!(matches!(error, ProgramError::Silent { .. }), "{error}");
    let script = "awk 'BEGIN { while (1) printf \"%s\", \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" }'";
    let error = fault(script, 1);
    let ProgramError::TooLong { most, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(most, LONGEST_LINE);
}

#[test]
fn a_program_that_says_nothing_is_ended_with_all_that_it_started() {
    let place = Place::new();
    let mut worker = place.worker(Duration::from_millis(500));
    // Neither of both ends with its input.
    let job = shell("trap '' TERM HUP; sleep 600 & echo $$ $! >&2; while :; do sleep 600; done");
    let began = Instant::now();
    let error = ask_for(&mut worker, &job, 3, 1).unwrap_err();
    let NoAnswer::Program(ProgramError::Silent { left: 3, said, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(began.elapsed() < Duration::from_secs(20));
    for pid in said[0].split(' ') {
        let lives = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            status.is_ok_and(|it| !it.contains(") Z "))
        };
        let began = Instant::now();
        while lives() {
            assert!(began.elapsed() < Duration::from_secs(10), "{pid} lives");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn whoever_asks_is_called_meanwhile_and_may_go_away() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let job = shell("sleep 600");
    let question = Question {
        job: &job,
        program: job.text.program.as_ref().unwrap(),
        key: &[],
        rows: 1,
        line: &|_, number| format!("{{\"row\":{number}}}\n"),
    };
    let calls = AtomicU32::new(0);
    let asked = worker.ask(&question, &mut || -> Result<Still, ()> {
        Ok(match calls.fetch_add(1, Ordering::SeqCst) {
            0..3 => Still::Wanted,
            _ => Still::Over,
        })
    });
    assert!(matches!(asked, Err(NoAnswer::Over)));
    assert_eq!(calls.into_inner(), 4);
    let asked = worker.ask(&question, &mut || Err("the database is gone"));
    assert!(matches!(
        asked,
        Err(NoAnswer::Other("the database is gone"))
    ));
    assert!(worker.process.is_none());
}

#[test]
fn a_slow_program_gets_few_rows_and_what_it_answered_counts() {
    let place = Place::new();
    let mut worker = place.worker(LONG);
    let script = "while read -r line; do case $line in *'\"row\"'*)\n\
                  sleep 0.15; n=${line#*:}; echo \"{\\\"row\\\":${n%%,*},\\\"skip\\\":true}\";; esac; done";
    let job = shell(script);
    let answers = ask_for(&mut worker, &job, 1000, 1).unwrap();
    assert!((8..20).contains(&answers.len()), "{}", answers.len());
    assert!(worker.rows() <= 8, "{}", worker.rows());
}
