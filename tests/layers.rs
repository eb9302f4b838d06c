//! Arrows point one way: the leaves know nothing of each other, rooms stay out of each other's insides, `ui` knows nothing of ours.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_leaves_know_nothing_of_each_other() {
    let manifest = |name: &str| read(&root().join("crates").join(name).join("Cargo.toml"));
    let depends = |name: &str| manifest(name).split("[dev-dependencies]").next().unwrap().to_owned();
    for (name, forbidden) in [
        ("domain", ["qlik-api", "qlik-sim", "storage", "leptos", "tokio"].as_slice()),
        ("qlik-api", &["domain", "qlik-sim", "storage", "leptos", "axum"]),
        ("qlik-sim", &["domain", "storage", "leptos", "features = [\"client\"]"]),
        ("storage", &["qlik-api", "qlik-sim", "leptos", "axum"]),
        ("trail", &["domain", "engine", "identity", "qlik-api", "qlik-sim", "storage", "leptos", "axum", "sqlx", "tokio"]),
        ("identity", &["domain", "engine", "qlik-api", "qlik-sim", "storage", "leptos", "axum", "sqlx"]),
        ("engine", &["qlik-sim", "leptos", "axum", "tower"]),
    ] {
        for other in forbidden {
            let line = depends(name).lines().any(|line| line.starts_with(other) || line.contains(&format!("/{other}\"")));
            assert!(!line, "{name} depends on {other}");
        }
    }
}

#[test]
fn primitives_import_nothing_of_ours() {
    for file in files(&root().join("src/ui")) {
        for line in read(&file).lines().filter(|line| line.trim_start().starts_with("use ")) {
            for ours in ["crate::features", "crate::server", "crate::error", "domain::", "storage::", "qlik_api::"] {
                assert!(!line.contains(ours), "{}: {line}", file.display());
            }
        }
    }
}

/// What tables share knows nothing of what their rows are.
#[test]
fn the_shared_table_knows_no_room() {
    let shared = ["crates/domain/src/table", "src/features/table"].map(|folder| files(&root().join(folder)));
    let heads = ["crates/domain/src/table.rs", "src/features/table.rs"].map(|file| root().join(file));
    let mut walked = 0;
    for file in shared.into_iter().flatten().chain(heads) {
        for line in read(&file).lines().filter(|line| !line.trim_start().starts_with("//")) {
            for theirs in ["assignments", "groups::", "Allotment", "License", "GroupId", "RoleId", "Person", "Subject"] {
                assert!(!line.contains(theirs), "{}: {line}", file.display());
            }
        }
        walked += 1;
    }
    assert!(walked >= 20, "only {walked} files");
}

#[test]
fn rooms_stay_out_of_each_others_insides() {
    for file in files(&root().join("src/features")) {
        let own = file
            .strip_prefix(root().join("src/features"))
            .unwrap()
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        for line in read(&file).lines() {
            let Some(path) = line.split("crate::features::").nth(1) else { continue };
            let mut parts = path.split("::");
            let room = parts.next().unwrap().trim_end_matches([';', ',', ' ']);
            let inside = parts.next().is_some_and(|part| ["api", "page", "service", "selection"].contains(&part));
            assert!(room == own || !inside, "{}: {line}", file.display());
        }
    }
}

/// A tenant has one face: what goes over the wire, and the client, stay behind it.
#[test]
fn only_a_backend_knows_what_goes_over_the_wire() {
    let engine = root().join("crates/engine/src");
    for file in files(&root().join("src")).into_iter().chain(files(&engine)) {
        if file.strip_prefix(&engine).is_ok_and(|inside| inside.starts_with("backend") || inside == Path::new("backend.rs")) {
            continue;
        }
        assert!(!read(&file).contains("qlik_api"), "{} reaches past the face of a tenant", file.display());
    }
}

/// Whoever adds a kind of change writes a file of `domain/change` and what a kind of tenant makes of it: nobody else asks which it is.
#[test]
fn kinds_of_change_are_told_apart_in_one_place() {
    let sources = ["src", "crates/domain/src", "crates/engine/src", "crates/storage/src", "crates/qlik-api/src"];
    for file in sources.iter().flat_map(|folder| files(&root().join(folder))) {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        if name.starts_with("crates/domain/src/change") {
            continue;
        }
        let text = read(&file);
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if name.ends_with("/tests.rs") || name.ends_with("/testing.rs") {
            continue;
        }
        for kind in domain::change::Kind::ALL {
            for written in [format!("Change::{kind:?}("), format!(" Kind::{kind:?}"), format!("(Kind::{kind:?}")] {
                assert!(!text.contains(&written), "{name} asks whether a change is {kind:?}");
            }
        }
    }
}

/// Whoever follows a list of ARCHITECTURE finds what it names.
#[test]
fn the_lists_of_files_are_true() {
    let text = read(&root().join("docs/ARCHITECTURE.md"));
    let mut named = 0;
    for section in text.split("\n## ").filter(|section| section.starts_with("How to add")) {
        let code = section.split('`').skip(1).step_by(2);
        for path in code.filter(|code| code.contains('/') && code.contains('.') && !code.contains("::")) {
            let path = path.replace("<kind>", "group_roles").replace("<tenant>", "cloud").replace("<room>", "groups");
            // An ADR is named by its number; a kind in general by the crate's short name.
            if path.starts_with("docs/adr") || path.starts_with("domain/") {
                continue;
            }
            assert!(root().join(&path).exists(), "ARCHITECTURE names {path}, which is not there");
            named += 1;
        }
    }
    assert!(named >= 15, "only {named} files are named");
}

/// Services say where to; the server functions go there, in one place.
#[test]
fn services_lead_and_do_not_redirect() {
    for file in files(&root().join("src")) {
        let here = file.ends_with("server/lead.rs");
        assert!(here || !read(&file).contains("leptos_axum::redirect"), "{} redirects", file.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in files(&root().join("src")).into_iter().chain(files(&root().join("crates"))) {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//!") || first.starts_with("#![doc = include_str!"), "{}: {first}", file.display());
    }
}
