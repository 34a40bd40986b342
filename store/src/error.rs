//! What can go wrong between a process and its database.

/// A store function's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database refused or did not answer")]
    Database(#[from] sqlx::Error),
    #[error("migrating the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error(
        "the database was migrated by a newer Piecework (it has migration {0}): use that version or another database"
    )]
    SchemaNewer(i64),
    /// A named constraint was hit; the code is stable and the API's.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    #[error("{0} does not fit the database's 64-bit integers")]
    OutOfRange(u64),
    #[error("the database holds an unreadable {0}")]
    Corrupt(&'static str),
}

impl Error {
    /// Whether the same call may succeed once the database answers again. A statement that the database understood and
    /// refused is not an outage.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(db)) => {
                // Class 57 is operator intervention (shutdown, start-up), 53 insufficient resources, 40 rolled back.
                db.code().is_some_and(|code| ["57", "53", "40"].iter().any(|class| code.starts_with(class)))
            }
            Self::Database(_) => true,
            _ => false,
        }
    }
}

pub(crate) trait OnConstraint<T> {
    /// Turns the violation of `constraint` into `Conflict(code)`.
    fn on_constraint(self, constraint: &str, code: &'static str) -> Result<T>;
}

impl<T> OnConstraint<T> for std::result::Result<T, sqlx::Error> {
    fn on_constraint(self, constraint: &str, code: &'static str) -> Result<T> {
        self.map_err(|err| match &err {
            sqlx::Error::Database(db) if db.constraint() == Some(constraint) => Error::Conflict(code),
            _ => Error::Database(err),
        })
    }
}

impl<T> OnConstraint<T> for Result<T> {
    fn on_constraint(self, constraint: &str, code: &'static str) -> Self {
        self.or_else(|err| match err {
            Error::Database(err) => Err(err).on_constraint(constraint, code),
            other => Err(other),
        })
    }
}
