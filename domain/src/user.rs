//! Users of the control room and what each role may do.

use serde::{Deserialize, Serialize};

use crate::UserName;

/// What a user is here for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works on cases.
    Operator,
    /// Works on cases and answers for a shift.
    Supervisor,
    /// Loads and withdraws hotlists.
    Intelligence,
    /// Keeps users, sources and the dead-letter queue.
    Admin,
    /// Is out on patrol, with a phone.
    Patrol,
    /// A program elsewhere that takes the lists that are distributed.
    Client,
}

/// Something that needs a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See cases, units, cameras and images.
    ViewCases,
    /// Confirm, reject, deploy, close.
    ActOnCases,
    /// See lists and their revisions.
    ViewHotlists,
    /// Load and withdraw lists.
    ChangeHotlists,
    /// Say what a list demands: four eyes, how long an entry may live, who owns it.
    ChangePolicies,
    /// Report what is seen in a vehicle.
    ReportObservations,
    /// See why a vehicle is looked for where that is restricted; each look is audited with what it is for.
    SeeWhy,
    /// See what rules left to be done after cases, and close it.
    FollowUp,
    /// See what came of lists and entries, and which nobody looked through in time.
    ViewYield,
    /// Be called to cases that nobody acts on.
    AnswerCalls,
    /// Take the lists that are distributed.
    TakeLists,
    /// Read the audit trail.
    ViewAudit,
    /// Users, sources, dead letters.
    Administer,
}

impl Role {
    /// Every role with its name on the command line.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Operator, "operator"),
        (Self::Supervisor, "supervisor"),
        (Self::Intelligence, "intelligence"),
        (Self::Admin, "admin"),
        (Self::Patrol, "patrol"),
        (Self::Client, "client"),
    ];

    /// The role of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(role, _)| *role)
    }

    /// The role's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(role, _)| *role == self)
            .map_or("", |(_, name)| name)
    }

    /// Whether this role may do that.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission::{
            ActOnCases, Administer, AnswerCalls, ChangeHotlists, ChangePolicies, FollowUp,
            ReportObservations, SeeWhy, TakeLists, ViewAudit, ViewCases, ViewHotlists, ViewYield,
        };
        match self {
            Self::Operator => matches!(
                permission,
                ViewCases | ActOnCases | ReportObservations | ViewHotlists
            ),
            Self::Supervisor => matches!(
                permission,
                ViewCases
                    | ActOnCases
                    | ReportObservations
                    | SeeWhy
                    | FollowUp
                    | AnswerCalls
                    | ViewHotlists
                    | ViewYield
                    | ViewAudit
                    | ChangePolicies
            ),
            Self::Patrol => permission == ReportObservations,
            Self::Client => permission == TakeLists,
            Self::Intelligence => matches!(
                permission,
                ViewCases | SeeWhy | FollowUp | ViewHotlists | ViewYield | ChangeHotlists
            ),
            Self::Admin => match permission {
                ViewCases | ActOnCases | ReportObservations | SeeWhy | FollowUp | AnswerCalls
                | ViewHotlists | ViewYield | ChangeHotlists | ChangePolicies | TakeLists | ViewAudit
                | Administer => true,
            },
        }
    }
}

/// A user as others may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Sign-in name.
    pub name: UserName,
    /// What the user is here for.
    pub role: Role,
    /// May no longer sign in.
    pub disabled: bool,
}
