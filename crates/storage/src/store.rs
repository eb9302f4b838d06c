//! The connection to either database, and what both need to behave alike.

use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow, install_default_drivers};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, AssertSqlSafe, Executor, Row, Transaction};
use trail::Key;

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
    /// The trail cannot be written: nothing may happen that would have to be in it.
    #[error("the trail cannot be written: {0}")]
    Trail(sqlx::Error),
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

impl StoreError {
    /// Whether the trail, or the whole database, takes no writes: what would have to be recorded may not be done.
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Trail(_) => true,
            // SQLite: I/O error, read-only, full, cannot be opened. PostgreSQL: read-only, no rights, disk full.
            Self::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                let sqlite = code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 8 | 10 | 13 | 14)) && code.len() < 5;
                sqlite || ["25006", "42501", "53100"].contains(&code.as_ref())
            }),
            _ => false,
        }
    }
}

/// The store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    /// Vouches for where trails end, and signs checkpoints.
    pub(crate) audit_key: Arc<Key>,
    begin: &'static str,
}

impl Store {
    /// Connects, creates the file where SQLite has none, and brings the schema up to date. The trail is written under this key.
    pub async fn open(url: &str, audit_key: Arc<Key>) -> Result<Self, StoreError> {
        let store = Self::connect(url, audit_key, "rwc").await?;
        if store.is_sqlite() {
            SQLITE.run(&store.pool).await?;
        } else {
            POSTGRES.run(&store.pool).await?;
        }
        store.adopt_old_lines().await?;
        Ok(store)
    }

    /// Connects to a store that is there, to read it as it is.
    pub async fn open_to_read(url: &str, audit_key: Arc<Key>) -> Result<Self, StoreError> {
        Self::connect(url, audit_key, "ro").await
    }

    async fn connect(url: &str, audit_key: Arc<Key>, mode: &str) -> Result<Self, StoreError> {
        install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::Scheme);
        }
        let mut url = url.to_owned();
        if sqlite && !url.contains("mode=") {
            url.push_str(if url.contains('?') { "&mode=" } else { "?mode=" });
            url.push_str(mode);
        }
        let writes = mode != "ro";
        let options: AnyConnectOptions = url.parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite && writes {
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
                    if sqlite && !writes {
                        // Whoever reads all of it is a fifth faster without a call to the system for each page.
                        connection.execute("PRAGMA mmap_size = 2147418112").await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        // A write transaction takes its lock at once: upgrading a read lock can only fail in SQLite.
        Ok(Self { pool, audit_key, begin: if sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" } })
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
