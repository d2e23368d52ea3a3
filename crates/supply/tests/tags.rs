//! Tags and the user's own commits, with real Git, SSH and GnuPG.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of a test function"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use switchback_supply::git::{
    CommitId, Format, GitError, NewTag, Repository, Signer, Signing, Verification,
};
use switchback_testkit::git::{ScratchRepository, ssh_key};
use tempfile::TempDir;

fn started() -> (ScratchRepository, Repository, CommitId) {
    let scratch = ScratchRepository::new();
    // A test says itself what is signed.
    scratch.git(&["config", "--unset", "tag.gpgsign"]);
    let commit = scratch.commit_file("a.txt", "a\n", "start");
    let repository = Repository::open(scratch.path()).unwrap();
    (scratch, repository, commit.parse().unwrap())
}

fn plain<'a>(commit: &'a CommitId, message: &'a str) -> NewTag<'a> {
    NewTag {
        name: "v1.0.0",
        commit,
        message,
        sign: false,
    }
}

fn signed<'a>(commit: &'a CommitId, message: &'a str) -> NewTag<'a> {
    NewTag {
        sign: true,
        ..plain(commit, message)
    }
}

/// Says whose SSH keys count.
fn allow(scratch: &ScratchRepository, folder: &Path, key: &Path) {
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let file = folder.join("allowed");
    fs::write(&file, format!("ada@example.org {public}")).unwrap();
    let file = file.to_str().unwrap();
    scratch.git(&["config", "gpg.ssh.allowedSignersFile", file]);
}

fn signer(repository: &Repository) -> Signer {
    match repository.tag_signing().unwrap() {
        Signing::On(signer) => signer,
        Signing::Off { because } => panic!("{because}"),
    }
}

fn tags(scratch: &ScratchRepository) -> String {
    scratch.git(&["tag", "--list"])
}

#[test]
fn without_a_key_tags_are_annotated_and_it_is_said_why() {
    let (scratch, repository, commit) = started();
    let off = repository.tag_signing().unwrap();
    assert!(
        matches!(&off, Signing::Off { because } if because.contains("user.signingKey")),
        "{off:?}"
    );
    let message = "v1.0.0\n\n# not a comment\n  kept  \n\n\nas it is\n";
    let made = repository.make_tag(&plain(&commit, message)).unwrap();
    assert_eq!(made.commit.as_ref(), Some(&commit));
    assert_eq!(made.message.as_deref(), Some(message));
    assert_eq!(made.signed, None);
    assert_eq!(scratch.git(&["cat-file", "-t", "v1.0.0"]), "tag");
    assert_eq!(scratch.git(&["rev-parse", "v1.0.0"]), made.object);
    assert_eq!(repository.verify_tag("v1.0.0").unwrap(), None);
    // Whoever says no is believed, whatever key there is.
    scratch.git(&["config", "user.signingKey", "some-key"]);
    scratch.git(&["config", "tag.gpgSign", "false"]);
    let off = repository.tag_signing().unwrap();
    assert!(matches!(&off, Signing::Off { because } if because == "`tag.gpgSign` is false"));
    // What the user would sign stays unsigned where that is asked for.
    scratch.git(&["config", "tag.gpgSign", "true"]);
    let tag = NewTag {
        name: "v1.0.1",
        ..plain(&commit, "m\n")
    };
    assert_eq!(repository.make_tag(&tag).unwrap().signed, None);
}

#[test]
fn a_tag_is_made_once_and_never_moved() {
    let (scratch, repository, commit) = started();
    let made = repository.make_tag(&plain(&commit, "one\n")).unwrap();
    // The same again is the same, as after an interruption.
    assert_eq!(repository.make_tag(&plain(&commit, "one\n")).unwrap(), made);
    let second: CommitId = scratch.commit("second").parse().unwrap();
    for tag in [
        plain(&commit, "another message\n"),
        plain(&second, "one\n"),
        signed(&commit, "one\n"),
    ] {
        let error = repository.make_tag(&tag).unwrap_err();
        assert!(
            matches!(&error, GitError::TagExists { object, .. } if *object == made.object),
            "{error:?}"
        );
    }
    // One that is not annotated is another one, too.
    scratch.git(&["tag", "light"]);
    let light = NewTag {
        name: "light",
        ..plain(&second, "one\n")
    };
    let error = repository.make_tag(&light).unwrap_err();
    assert!(
        matches!(&error, GitError::TagExists { commit, .. } if *commit == Some(second.clone())),
        "{error:?}"
    );
    assert_eq!(scratch.git(&["rev-parse", "v1.0.0"]), made.object);
    assert_eq!(scratch.git(&["cat-file", "-t", "light"]), "commit");
}

#[test]
fn what_would_not_come_out_as_it_went_in_is_no_tag() {
    let (scratch, repository, commit) = started();
    for message in [
        "",
        "\n",
        "no end",
        "a\0\n",
        "a\n-----BEGIN SSH SIGNATURE-----\nb\n",
        "-----BEGIN PGP SIGNATURE-----\n",
    ] {
        let error = repository.make_tag(&plain(&commit, message)).unwrap_err();
        assert!(
            matches!(error, GitError::InvalidMessage { .. }),
            "{message:?}: {error:?}"
        );
    }
    for name in ["", "-d", "a b", "a..b", "x.lock", "a/"] {
        let tag = NewTag {
            name,
            ..plain(&commit, "m\n")
        };
        let error = repository.make_tag(&tag).unwrap_err();
        assert!(
            matches!(error, GitError::InvalidName { what: "tag", .. }),
            "{name}: {error:?}"
        );
    }
    assert_eq!(tags(&scratch), "");
    let none = repository.verify_tag("v1.0.0");
    assert!(
        matches!(none, Err(GitError::UnknownRevision { .. })),
        "{none:?}"
    );
}

#[test]
fn ssh_signs_and_is_verified_where_it_is_known_whose_keys_count() {
    let (scratch, repository, commit) = started();
    let folder = TempDir::new().unwrap();
    let key = ssh_key(folder.path(), "key");
    scratch.sign_with(&key);
    let signer = signer(&repository);
    assert_eq!(signer.format, Format::Ssh);

    // Nobody has said whose keys count.
    let tried = repository.try_signing(&signer, &commit).unwrap();
    assert!(
        matches!(&tried, Verification::Unknown { because } if because.contains("allowedSigners")),
        "{tried:?}"
    );
    assert_eq!(tags(&scratch), "");
    let message = "v1.0.0\n\nthe verdict\n";
    let made = repository.make_tag(&signed(&commit, message)).unwrap();
    assert_eq!(made.signed, Some(Format::Ssh));
    assert_eq!(made.message.as_deref(), Some(message));
    assert_eq!(
        repository.make_tag(&signed(&commit, message)).unwrap(),
        made
    );
    let unknown = repository.verify_tag("v1.0.0").unwrap();
    assert!(matches!(unknown, Some(Verification::Unknown { .. })));

    allow(&scratch, folder.path(), &key);
    for good in [
        repository.try_signing(&signer, &commit).unwrap(),
        repository.verify_tag("v1.0.0").unwrap().unwrap(),
    ] {
        let Verification::Good { by } = &good else {
            panic!("{good:?}");
        };
        assert!(
            by.starts_with("ada@example.org with ED25519 key SHA256:"),
            "{by}"
        );
    }

    // Keys of somebody else.
    let other = ssh_key(folder.path(), "other");
    allow(&scratch, folder.path(), &other);
    for bad in [
        repository.try_signing(&signer, &commit).unwrap(),
        repository.verify_tag("v1.0.0").unwrap().unwrap(),
    ] {
        assert!(matches!(bad, Verification::Bad { .. }), "{bad:?}");
    }
}

#[test]
fn a_signature_over_something_else_is_bad() {
    let (scratch, repository, commit) = started();
    let folder = TempDir::new().unwrap();
    let key = ssh_key(folder.path(), "key");
    scratch.sign_with(&key);
    allow(&scratch, folder.path(), &key);
    repository.make_tag(&signed(&commit, "one\n")).unwrap();
    let object = scratch.git(&["cat-file", "tag", "v1.0.0"]);
    let file = folder.path().join("object");
    fs::write(&file, format!("{}\n", object.replace("\none\n", "\ntwo\n"))).unwrap();
    let file = file.to_str().unwrap();
    let forged = scratch.git(&["hash-object", "-t", "tag", "-w", file]);
    scratch.git(&["update-ref", "refs/tags/v1.0.0", &forged]);
    let bad = repository.verify_tag("v1.0.0").unwrap();
    assert!(matches!(bad, Some(Verification::Bad { .. })), "{bad:?}");
}

#[test]
fn a_key_that_cannot_be_used_leaves_nothing() {
    let (scratch, repository, commit) = started();
    let folder = TempDir::new().unwrap();
    scratch.sign_with(&folder.path().join("gone"));
    let it = signer(&repository);
    for error in [
        repository.try_signing(&it, &commit).unwrap_err(),
        repository.make_tag(&signed(&commit, "one\n")).unwrap_err(),
    ] {
        let GitError::CannotSign { stderr } = &error else {
            panic!("{error:?}");
        };
        assert!(stderr.contains("gone"), "{stderr}");
    }
    assert_eq!(tags(&scratch), "");

    // The program is not there.
    let key = ssh_key(folder.path(), "key");
    scratch.sign_with(&key);
    scratch.git(&["config", "gpg.ssh.program", "no-such-program"]);
    let error = repository.try_signing(&it, &commit).unwrap_err();
    assert!(
        matches!(&error, GitError::CannotSign { stderr } if stderr.contains("no-such-program")),
        "{error:?}"
    );

    // An agent that says no at length.
    let refuses = folder.path().join("refuses");
    let script = "#!/bin/sh\ni=0\nwhile [ $i -lt 5000 ]; do echo 'agent refused operation' >&2; i=$((i+1)); done\nexit 1\n";
    fs::write(&refuses, script).unwrap();
    fs::set_permissions(&refuses, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.git(&["config", "gpg.ssh.program", refuses.to_str().unwrap()]);
    let error = repository.try_signing(&it, &commit).unwrap_err();
    assert!(
        matches!(&error, GitError::CannotSign { stderr } if stderr.contains("agent refused") && stderr.len() < 3_000),
        "{error:?}"
    );

    scratch.git(&["config", "gpg.format", "wax"]);
    let error = repository.tag_signing().unwrap_err();
    assert!(
        matches!(&error, GitError::CannotSign { stderr } if stderr.contains("wax")),
        "{error:?}"
    );
}

/// A program for OpenPGP with a home of its own, and a key in it; none where there is no `gpg`.
fn gpg(folder: &Path) -> Option<PathBuf> {
    let home = folder.join("gnupg");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let made = Command::new("gpg")
        .arg("--homedir")
        .arg(&home)
        .args(["--batch", "--quiet", "--pinentry-mode", "loopback"])
        .args(["--passphrase", "", "--quick-generate-key"])
        .args(["Ada Scratch <ada@example.org>", "ed25519", "sign", "never"])
        .output()
        .ok()?;
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let program = folder.join("gpg");
    let script = format!(
        "#!/bin/sh\nexec gpg --homedir '{}' \"$@\"\n",
        home.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Some(program)
}

#[test]
fn openpgp_signs_and_is_verified() {
    let (scratch, repository, commit) = started();
    let folder = TempDir::new().unwrap();
    let Some(program) = gpg(folder.path()) else {
        return;
    };
    scratch.git(&["config", "gpg.program", program.to_str().unwrap()]);
    // The key is found by the user's name.
    scratch.git(&["config", "tag.gpgSign", "true"]);
    let it = signer(&repository);
    assert_eq!((it.format, it.key.as_deref()), (Format::OpenPgp, None));
    let tried = repository.try_signing(&it, &commit).unwrap();
    assert!(matches!(tried, Verification::Good { .. }), "{tried:?}");
    let made = repository.make_tag(&signed(&commit, "one\n")).unwrap();
    assert_eq!(made.signed, Some(Format::OpenPgp));
    let good = repository.verify_tag("v1.0.0").unwrap();
    assert!(
        matches!(&good, Some(Verification::Good { by }) if by.starts_with("Ada Scratch <ada@example.org>, key ")),
        "{good:?}"
    );
    scratch.git(&["config", "user.signingKey", "0123456789ABCDEF"]);
    let tag = NewTag {
        name: "v2.0.0",
        ..signed(&commit, "two\n")
    };
    let error = repository.make_tag(&tag).unwrap_err();
    assert!(matches!(error, GitError::CannotSign { .. }), "{error:?}");
    assert_eq!(tags(&scratch), "v1.0.0");
    drop(
        Command::new("gpgconf")
            .arg("--homedir")
            .arg(folder.path().join("gnupg"))
            .args(["--kill", "all"])
            .status(),
    );
}

fn paths(of: &[&str]) -> Vec<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn a_commit_has_the_files_that_are_named_and_no_other() {
    let (scratch, repository, _) = started();
    scratch.write("b*.txt", "b\n");
    let base: CommitId = scratch.commit("more").parse().unwrap();
    scratch.write("a.txt", "staged\n");
    scratch.write("new.txt", "staged\n");
    scratch.git(&["add", "a.txt", "new.txt"]);
    scratch.write("b*.txt", "changed\n");
    assert!(repository.is_tracked("b*.txt").unwrap());
    assert!(!repository.is_tracked("untracked.txt").unwrap());
    let dirty = repository.dirty_among(&paths(&["b*.txt"])).unwrap();
    assert_eq!(dirty.len(), 1, "{dirty:?}");

    let names = paths(&["b*.txt"]);
    let commit = repository
        .commit_paths(&base, &names, "chore(release): v1.0.0")
        .unwrap();
    assert_eq!(scratch.head(), commit.as_str());
    let files = scratch.git(&["show", "--format=%s", "--name-only", "HEAD"]);
    assert_eq!(files, "chore(release): v1.0.0\n\nb*.txt");
    assert_eq!(
        scratch.git(&["diff", "--cached", "--name-only"]),
        "a.txt\nnew.txt"
    );
    // From where it was thought to be.
    let moved = repository.commit_paths(&base, &names, "again");
    assert!(matches!(moved, Err(GitError::Moved { .. })), "{moved:?}");
    // Nothing to commit is no commit.
    let nothing = repository.commit_paths(&commit, &names, "again");
    assert!(
        matches!(nothing, Err(GitError::Failed { .. })),
        "{nothing:?}"
    );
    assert_eq!(scratch.head(), commit.as_str());
}

#[test]
fn a_file_that_is_new_to_git_is_committed_or_left_new() {
    let (scratch, repository, base) = started();
    let names = paths(&["deploy/new [1].txt", "a.txt"]);
    scratch.write("deploy/new [1].txt", "new\n");
    scratch.write("deploy/other.txt", "of somebody\n");
    scratch.write("a.txt", "b\n");
    let hook = scratch.hook("pre-commit", "exit 1");
    let before = scratch.git(&["status", "--porcelain"]);
    let refused = repository.commit_paths(&base, &names, "one");
    assert!(
        matches!(refused, Err(GitError::Failed { .. })),
        "{refused:?}"
    );
    assert_eq!(scratch.git(&["status", "--porcelain"]), before);
    fs::remove_file(hook).unwrap();
    repository.commit_paths(&base, &names, "one").unwrap();
    assert_eq!(
        scratch.git(&["show", "--format=", "--name-only", "HEAD"]),
        "a.txt\ndeploy/new [1].txt"
    );
    assert_eq!(
        scratch.git(&["status", "--porcelain"]),
        "?? deploy/other.txt"
    );
}

#[test]
fn hooks_of_the_user_run_and_may_refuse() {
    let (scratch, repository, base) = started();
    scratch.write("a.txt", "b\n");
    scratch.hook("pre-commit", "echo 'not on a Friday' >&2\nexit 1");
    let refused = repository.commit_paths(&base, &paths(&["a.txt"]), "one");
    assert!(
        matches!(&refused, Err(GitError::Failed { stderr, .. }) if stderr.contains("Friday")),
        "{refused:?}"
    );
    assert_eq!(scratch.head(), base.as_str());
    // Neither literal paths nor a repository of ours are forced on what hooks call.
    scratch.hook(
        "pre-commit",
        "test -z \"$GIT_LITERAL_PATHSPECS$GIT_DIR\" || exit 1\ngit ls-files '*.txt' > seen",
    );
    repository
        .commit_paths(&base, &paths(&["a.txt"]), "one")
        .unwrap();
    assert_eq!(scratch.read("seen"), b"a.txt\n");
}

#[test]
fn a_commit_of_which_a_hook_makes_another_one_is_taken_back() {
    let (scratch, repository, _) = started();
    let base = scratch.commit_file("b.txt", "there\n", "b");
    let base: CommitId = base.parse().unwrap();
    let names = paths(&["a.txt"]);
    for (script, changed) in [
        ("sed -i s/b/c/ a.txt; git add a.txt", "a.txt"),
        ("echo more > new.txt; git add new.txt", "new.txt"),
        ("git rm -q --cached b.txt", "b.txt"),
    ] {
        scratch.write("a.txt", "b\n");
        let hook = scratch.hook("pre-commit", script);
        let refused = repository.commit_paths(&base, &names, "one");
        let Err(GitError::HookChanged { files }) = &refused else {
            panic!("{script}: {refused:?}");
        };
        assert_eq!(files, &[changed.to_owned()], "{script}");
        assert_eq!(scratch.head(), base.as_str(), "{script}");
        assert_eq!(
            scratch.git(&["diff", "--cached", "--name-only"]),
            "",
            "{script}"
        );
        fs::remove_file(&hook).unwrap();
        scratch.git(&["checkout", "-q", "--", "a.txt"]);
    }
    scratch.write("a.txt", "b\n");
    repository.commit_paths(&base, &names, "one").unwrap();
}
