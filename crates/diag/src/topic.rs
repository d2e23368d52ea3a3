//! Pages about ideas rather than errors: what people mix up, in the field's own words.

macro_rules! topics {
    ($($name:ident = $slug:literal, $title:literal;)+) => {
        /// An idea with a page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Topic {
            $(#[doc = concat!($title, ".")] $name,)+
        }

        impl Topic {
            /// Every topic, in the order in which they are listed.
            pub const ALL: &'static [Topic] = &[$(Topic::$name),+];

            /// The name that `explain` takes, and the page's file name.
            pub const fn slug(self) -> &'static str {
                match self { $(Topic::$name => $slug,)+ }
            }

            /// The page's title.
            pub const fn title(self) -> &'static str {
                match self { $(Topic::$name => $title,)+ }
            }

            /// The page `docs/explain/<slug>.md`, compiled in.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Topic::$name => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../../docs/explain/", $slug, ".md"
                    )),)+
                }
            }
        }
    };
}

topics! {
    BackfillAlerts = "backfill-alerts", "Alerts on backfills";
    DeployAndRelease = "deploy-and-release", "Deploy and release";
    ExpandContract = "expand-contract", "Expand and contract";
    Interlock = "interlock", "The interlock";
    Ledger = "ledger", "The ledger";
    RollbackAndRollForward = "rollback-and-roll-forward", "Rollback and roll-forward";
    RollbackTarget = "rollback-target", "Rollback targets";
    Surface = "surface", "Surfaces and shapes";
    TagAndDigest = "tag-and-digest", "Tag and digest";
}

impl Topic {
    /// The topic with this slug; case does not matter.
    pub fn find(text: &str) -> Option<Topic> {
        Topic::ALL
            .iter()
            .find(|topic| topic.slug().eq_ignore_ascii_case(text))
            .copied()
    }
}
