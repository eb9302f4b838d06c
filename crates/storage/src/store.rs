//! The connection to either database, and what both need to behave alike.

use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Row, Transaction};

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL is neither SQLite nor PostgreSQL.
    #[error("the storage URL must start with sqlite:// or postgres://")]
    Scheme,
    /// The database refused, or cannot be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("failed to bring the database's schema up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// What is stored cannot be read by this version.
    #[error("the database holds {0} that this version cannot read")]
    Unreadable(&'static str),
    /// Somebody else holds the job's lease now; this executor must stop.
    #[error("the job's lease was lost")]
    LeaseLost,
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    begin: &'static str,
}

impl Store {
    /// Connects, creates the file where SQLite has none, and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::Scheme);
        }
        let mut url = url.to_owned();
        if sqlite && !url.contains("mode=") {
            url.push_str(if url.contains('?') { "&mode=rwc" } else { "?mode=rwc" });
        }
        let options: AnyConnectOptions = url.parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        // FULL: the journal and the audit must be on disk before a request leaves.
                        for pragma in [
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = FULL",
                            "PRAGMA busy_timeout = 10000",
                            "PRAGMA foreign_keys = ON",
                        ] {
                            connection.execute(pragma).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        if sqlite {
            SQLITE.run(&pool).await?;
        } else {
            POSTGRES.run(&pool).await?;
        }
        // A write transaction takes its lock at once: upgrading a read lock can only fail in SQLite.
        Ok(Self { pool, begin: if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" } })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether several servers may share the database.
    pub fn is_shared(&self) -> bool {
        !self.is_sqlite()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.begin != "BEGIN"
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.pool.begin_with(self.begin).await?)
    }
}

/// Rows written by one statement: far below what either database takes as parameters, and most of what there is to win.
pub(crate) const AT_ONCE: usize = 200;

/// An insert of `rows` rows of `columns` values: `head ($1, $2), ($3, $4) tail`. Numbers of places are all that varies.
pub(crate) fn insert(head: &'static str, rows: usize, columns: usize, tail: &'static str) -> AssertSqlSafe<String> {
    let row = |row: usize| {
        let values: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", values.join(", "))
    };
    AssertSqlSafe(format!("{head} {} {tail}", (0..rows).map(row).collect::<Vec<_>>().join(", ")))
}

/// `head ($first, $first+1, …)`: a statement that ends in a list of `n` values.
pub(crate) fn places(head: &'static str, first: usize, n: usize) -> AssertSqlSafe<String> {
    let values: Vec<String> = (first..first + n).map(|at| format!("${at}")).collect();
    AssertSqlSafe(format!("{head} ({})", values.join(", ")))
}

/// Reads a column; the names are ours, so a miss is a bug of the schema told as one.
pub(crate) fn get<'r, T>(row: &'r AnyRow, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    row.try_get(column).map_err(StoreError::from)
}

pub(crate) fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
