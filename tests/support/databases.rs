//! Databases of their own on the PostgreSQL server of the tests; shared by the tests of every package.

/// An empty database by this name; `None`, loudly, where there is no server.
#[expect(clippy::disallowed_methods, reason = "a test asks its script where the server is")]
pub(crate) async fn own_database(name: &str) -> Option<String> {
    use sqlx::Executor as _;
    let Ok(base) = std::env::var("QUARTERMASTER_TEST_POSTGRES") else {
        eprintln!("SKIPPED on PostgreSQL: QUARTERMASTER_TEST_POSTGRES is not set (script/test sets it)");
        return None;
    };
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&format!("{base}/postgres")).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        pool.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    pool.close().await;
    Some(format!("{base}/{name}"))
}
