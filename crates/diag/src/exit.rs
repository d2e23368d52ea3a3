//! How a run ends: the classes of exit code, and their numbers.

/// The class of a run's end. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// What was asked for is done.
    Ok,
    /// There are findings, or the action was refused.
    Refused,
    /// The command line, the settings or the machine's set-up must change first.
    Usage,
    /// Everything was already as asked for.
    NothingToDo,
    /// A signature, a proof or an identity does not hold.
    Authentication,
    /// It was begun, did not work, and was taken back.
    RolledBack,
    /// There are changes that have not been applied.
    Pending,
    /// A defect in Switchback.
    Internal,
    /// The user stopped it.
    Interrupted,
}

impl Exit {
    /// Every class, by rising number.
    pub const ALL: [Exit; 9] = [
        Exit::Ok,
        Exit::Refused,
        Exit::Usage,
        Exit::NothingToDo,
        Exit::Authentication,
        Exit::RolledBack,
        Exit::Pending,
        Exit::Internal,
        Exit::Interrupted,
    ];

    /// The process exit code.
    pub const fn number(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::NothingToDo => 3,
            Exit::Authentication => 4,
            Exit::RolledBack => 5,
            Exit::Pending => 6,
            Exit::Internal => 70,
            Exit::Interrupted => 130,
        }
    }

    /// What the number means, for help texts and pages.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "ok",
            Exit::Refused => "findings or refused",
            Exit::Usage => "usage or configuration",
            Exit::NothingToDo => "nothing to do",
            Exit::Authentication => "signature or authentication",
            Exit::RolledBack => "aborted and rolled back",
            Exit::Pending => "changes pending",
            Exit::Internal => "internal error",
            Exit::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        assert_eq!(Exit::ALL.map(Exit::number), [0, 1, 2, 3, 4, 5, 6, 70, 130]);
    }
}
