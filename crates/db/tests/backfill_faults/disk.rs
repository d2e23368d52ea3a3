//! A disk that is full.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use switchback_db::backfill::run;
use switchback_db::fill::Next;
use switchback_db::postgres::backfill::PostgresHands;
use switchback_migration::backfill::JobStatus;

use super::bench::{ALL, Bench, DONE, LONG, full_speed, go, running};
use super::life::{Calm, hand_options};
use super::world::{connect, server, status};

/// A disk of its own, as far as this user may mount one.
struct Disk(PathBuf);

impl Disk {
    fn new(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(folder).unwrap();
        let owner = std::fs::metadata(folder.parent().unwrap().join("data")).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder)
            .status();
        if !mounted.is_ok_and(|it| it.success()) {
            return None;
        }
        chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
        Some(Self(folder.to_owned()))
    }

    fn grow(&self, size: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Files of the server are open in it until that ends.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_of_former_values_stops_the_run_and_loses_nothing() {
    let server = server();
    // It is taken away before the server ends.
    let Some(disk) = Disk::new(&server.folder().join("tiny"), "192k") else {
        println!("no disk can be mounted here: nothing was tried");
        return;
    };
    for (n, strategy) in ALL.into_iter().enumerate() {
        disk.grow("192k");
        let url = server.create_database(&format!("full_{n}"), None).unwrap();
        let mut bench = Bench::at(&url, strategy, &super::bench::users(20_000));
        if n == 0 {
            let tiny = format!("CREATE TABLESPACE tiny LOCATION '{}'", disk.0.display());
            bench.run(&tiny);
        }
        bench.run("ALTER TABLE _switchback.backfill_undo SET TABLESPACE tiny");
        let make = |who: &str| {
            let abort = Default::default();
            let database = bench.database(&super::world::options());
            PostgresHands::new(database, bench.job.clone(), hand_options(who), abort)
        };
        let (one, two) = (make("one"), make("two"));
        let mut go_on = |_: &_| Next::Continue;
        let ended = run(vec![one, two], Calm, full_speed, &running(), &mut go_on);
        let error = switchback_db::with_sources(&ended.unwrap_err());
        assert!(error.contains("(53100)"), "{strategy:?}: {error}");
        let [counted, kept] = bench.counted();
        assert_eq!(counted, kept, "{strategy:?}");
        assert_eq!(bench.filled(), kept, "{strategy:?}");
        assert!(kept > 1_000 && kept < 20_000, "{strategy:?}: {kept}");
        // Nobody has to be told anything once there is room again.
        assert_eq!(status(&url), JobStatus::Running);
        disk.grow("64m");
        bench.run(
            "UPDATE _switchback.backfill_range SET lease_until = now() WHERE status = 'leased'",
        );
        let last = vec![bench.hands("three", LONG), bench.hands("four", LONG)];
        assert_eq!(go(last).unwrap(), DONE, "{strategy:?}");
        bench.check_filled(20_000, &format!("{strategy:?}"));
        drop(bench);
        // What it kept goes with it.
        let name = url.rsplit_once('/').unwrap().1;
        server.drop_database(name).unwrap();
        connect(&server.url("postgres"), "control")
            .batch_execute("CHECKPOINT")
            .unwrap();
    }
}
