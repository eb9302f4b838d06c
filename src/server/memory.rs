//! Keeps what is in memory out of files: no core dump, and a panic that says where, not with what.

/// Sees to it, once, at the start. What the system does not allow is told and does not stop the program.
pub fn guard() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        if let Err(error) = setrlimit(Resource::Core, none).and(set_dumpable_behavior(DumpableBehavior::NotDumpable)) {
            tracing::warn!(%error, "core dumps cannot be prevented; see to it in the service's unit");
        }
    }
    std::panic::set_hook(Box::new(|info| {
        // What a panic carries may hold what was being worked on.
        let place = info.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}
