//! Finding a repository and opening it for reading.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use gix::open::{Options, Permissions, permissions};
use gix::sec::{Permission, Trust, trust};

use super::super::error::escaped_name;
use super::super::repository::Repository;
use super::error::{HistoryError, cause};
use super::id::ObjectId;
use super::tree::TreeCache;

/// What the library may allocate for one object; a damaged header can claim any size.
const OBJECT_LIMIT: &str = "gitoxide.objects.allocLimit=1073741824";
/// For the bases of deltas: trees are deltas of each other, dozens deep.
const DELTA_BASES: usize = 16 << 20;

/// What Git's `extensions.*` may be in a repository that is read here, in lower case.
const EXTENSIONS: [&str; 7] = [
    "noop",
    "noop-v1",
    "preciousobjects",
    "partialclone",
    "worktreeconfig",
    "objectformat",
    "relativeworktrees",
];

/// A repository whose history can be read. It sees the commits that there are when they are asked
/// for; what was read is not kept, except for some trees.
///
/// Not [`Sync`]: each thread opens its own.
pub struct History {
    pub(super) repo: gix::Repository,
    pub(super) graph: Option<gix::commitgraph::Graph>,
    /// Commits of a shallow clone whose parents are not there, sorted.
    pub(super) boundary: Vec<ObjectId>,
    pub(super) promised: bool,
    pub(super) buffers: RefCell<Vec<Vec<u8>>>,
    pub(super) trees: RefCell<TreeCache>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("git_dir", &self.repo.git_dir())
            .finish_non_exhaustive()
    }
}

impl History {
    /// The history of the nearest repository at or above `start`: with a work tree, bare, a linked
    /// work tree or a submodule.
    ///
    /// # Errors
    /// [`HistoryError::NotARepository`], [`HistoryError::Untrusted`],
    /// [`HistoryError::Unsupported`], [`HistoryError::Unreadable`].
    pub fn discover(start: &Path) -> Result<Self, HistoryError> {
        // What is looked for above a folder that is not there is not what was asked for.
        if !start.is_dir() {
            return Err(HistoryError::NotARepository {
                path: start.to_owned(),
            });
        }
        let options = trust::Mapping {
            full: options(),
            reduced: options(),
        };
        let found = gix::ThreadSafeRepository::discover_opts(start, Default::default(), options);
        Self::opened(start, found)
    }

    /// The history of the repository whose top folder (or bare folder, or Git's own folder) is
    /// `path`; one further up does not count.
    ///
    /// # Errors
    /// As for [`History::discover`].
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        Self::opened(path, gix::ThreadSafeRepository::open_opts(path, options()))
    }

    /// The history of a repository that was found by the `git` command line.
    ///
    /// # Errors
    /// As for [`History::discover`].
    pub fn of(repository: &Repository) -> Result<Self, HistoryError> {
        Self::open(repository.work_tree().unwrap_or(repository.git_dir()))
    }

    fn opened(
        path: &Path,
        found: Result<gix::ThreadSafeRepository, gix::Error>,
    ) -> Result<Self, HistoryError> {
        let unreadable = |error| HistoryError::Unreadable {
            path: path.to_owned(),
            source: cause(error),
        };
        let mut repo = match found {
            Ok(found) => found.to_thread_local(),
            Err(error) if error.is_not_found() => {
                return Err(HistoryError::NotARepository {
                    path: path.to_owned(),
                });
            }
            Err(error) => return Err(unreadable(error)),
        };
        if repo.git_dir_trust() != Trust::Full {
            return Err(HistoryError::Untrusted {
                path: repo.git_dir().to_owned(),
            });
        }
        check_extensions(&repo)?;
        repo.objects.set_pack_cache(|| {
            Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(
                DELTA_BASES,
            ))
        });
        let mut boundary: Vec<ObjectId> = match repo.shallow_commits().map_err(unreadable)? {
            Some(commits) => commits.iter().copied().map(ObjectId).collect(),
            None => Vec::new(),
        };
        boundary.sort_unstable();
        // A commit-graph knows nothing of a cut. A damaged one is as good as none, as for Git.
        let graph = match boundary.is_empty() {
            true => repo.commit_graph_if_enabled().ok().flatten(),
            false => None,
        };
        let promised = is_partial(&repo);
        Ok(Self {
            repo,
            graph,
            boundary,
            promised,
            buffers: RefCell::default(),
            trees: RefCell::default(),
        })
    }

    /// Git's own folder; of a linked work tree, its part of it.
    pub fn git_dir(&self) -> &Path {
        self.repo.git_dir()
    }

    /// The top folder of the work tree; `None` for a bare repository.
    pub fn work_tree(&self) -> Option<PathBuf> {
        self.repo.workdir().map(Path::to_owned)
    }

    /// The commits at which the history is cut, because this is a shallow clone; sorted. Empty if
    /// the history is whole.
    pub fn shallow_boundary(&self) -> &[ObjectId] {
        &self.boundary
    }

    /// Whether there is a commit-graph file that is used.
    pub fn has_commit_graph(&self) -> bool {
        self.graph.is_some()
    }

    pub(super) fn is_cut(&self, id: ObjectId) -> bool {
        self.boundary.binary_search(&id).is_ok()
    }
}

/// The user's configuration counts, for `safe.directory`. Of the environment only where that
/// configuration is counts, and no program is ever started.
fn options() -> Options {
    // These would change what the repository is, and cannot be told apart by the library's own
    // permissions. Where one is set, `GIT_CONFIG_GLOBAL` is not seen, which can only refuse more.
    const LOCAL: [&str; 4] = [
        "GIT_WORK_TREE",
        "GIT_SHALLOW_FILE",
        "GIT_NAMESPACE",
        "GIT_INDEX_FILE",
    ];
    let leaks = LOCAL.iter().any(|name| std::env::var_os(name).is_some());
    let (allow, deny) = (Permission::Allow, Permission::Deny);
    let permissions = Permissions {
        env: permissions::Environment {
            xdg_config_home: allow,
            home: allow,
            git_prefix: if leaks { deny } else { allow },
            ..permissions::Environment::isolated()
        },
        config: permissions::Config {
            git_binary: false,
            system: true,
            git: true,
            user: true,
            env: false,
            includes: true,
        },
        attributes: permissions::Attributes::isolated(),
    };
    Options::default()
        .permissions(permissions)
        .config_overrides(["core.useReplaceRefs=false", OBJECT_LIMIT])
}

/// Whether a remote has promised to have what is missing here.
fn is_partial(repo: &gix::Repository) -> bool {
    let config = repo.config_snapshot();
    let remotes = config.plumbing().sections_by_name("remote");
    let promisor = |section: gix::config::file::SectionRef<'_>| section.value("promisor").is_some();
    config.string("extensions.partialClone").is_some()
        || remotes.into_iter().flatten().any(promisor)
}

/// What Git itself refuses, too: a repository that uses something we have never heard of.
fn check_extensions(repo: &gix::Repository) -> Result<(), HistoryError> {
    let config = repo.config_snapshot();
    if config.integer("core.repositoryFormatVersion") != Some(1) {
        return Ok(());
    }
    let file = config.plumbing();
    for section in file.sections_by_name("extensions").into_iter().flatten() {
        for name in section.value_names() {
            let value = section.value(&*name).map(|value| value.to_string());
            let value = value.unwrap_or_default();
            let name = name.to_string();
            let known = EXTENSIONS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            let files = name.eq_ignore_ascii_case("refStorage") && value == "files";
            if !known && !files {
                return Err(HistoryError::Unsupported {
                    extension: escaped_name(&name),
                    value: escaped_name(&value),
                });
            }
        }
    }
    Ok(())
}
