//! Keeps the server's own tasks running: one that panics or ends is told, begun again, and turns health red meanwhile.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The first wait before a task is begun again; twice as long each time it ends within [`STEADY`].
const FIRST: Duration = Duration::from_secs(1);
/// The longest such wait.
const MOST: Duration = Duration::from_mins(1);
/// A task that runs this long is well again.
const STEADY: Duration = Duration::from_mins(1);

/// How the tasks are.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<BTreeMap<&'static str, Option<Instant>>>>);

impl Watch {
    /// The tasks that are not well: they ended, or began again only just now.
    pub fn unwell(&self) -> Vec<&'static str> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ill = |died: &Option<Instant>| died.is_some_and(|died| died.elapsed() < STEADY);
        tasks.iter().filter(|(_, died)| ill(died)).map(|(name, _)| *name).collect()
    }

    fn note(&self, name: &'static str, died: Option<Instant>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, died);
    }

    /// Runs a task until this handle is aborted. It is meant never to end.
    pub fn keep<F>(&self, name: &'static str, task: impl Fn() -> F + Send + 'static) -> Kept
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let watch = self.clone();
        watch.note(name, None);
        Kept(tokio::spawn(async move {
            let mut wait = FIRST;
            loop {
                let began = Instant::now();
                let mut running = AbortOnDrop(tokio::spawn(task()));
                match (&mut running.0).await {
                    Ok(()) => tracing::error!(task = name, "a task of the server ended; it is begun again"),
                    Err(error) => tracing::error!(task = name, %error, "a task of the server broke off; it is begun again"),
                }
                watch.note(name, Some(Instant::now()));
                wait = if began.elapsed() > STEADY { FIRST } else { wait };
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MOST);
            }
        }))
    }
}

/// A task that is kept running; it stops when this is dropped.
#[derive(Debug)]
pub struct Kept(JoinHandle<()>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_dies_is_told_and_begun_again() {
        let watch = Watch::default();
        let lives = Arc::new(AtomicU32::new(0));
        let counted = lives.clone();
        let kept = watch.keep("housekeeping", move || {
            let life = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(life > 0, "the first one dies");
                std::future::pending::<()>().await;
            }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!((lives.load(Ordering::SeqCst), watch.unwell()), (1, vec!["housekeeping"]));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!((lives.load(Ordering::SeqCst), watch.unwell()), (2, vec!["housekeeping"]), "begun again, and not trusted yet");
        tokio::time::sleep(STEADY).await;
        assert!(watch.unwell().is_empty());
        drop(kept);
    }
}
