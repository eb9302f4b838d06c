//! Whatever is done to a trail by hand is found: edits, deletions, insertions, moves, cuts, and records of another tenant.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use proptest::prelude::*;
use serde_json::json;
use trail::export::{checkpoint_line, end_text, record_line};
use trail::verify::{Beside, End, Head, Row};
use trail::{Actor, Checkpoint, FaultKind, Hash, Key, Record, Report, Signed, Target, Verifier};

fn key() -> Key {
    Key::of(&[7; 32]).unwrap()
}

/// A trail of so many records, with a checkpoint after every tenth.
#[derive(Debug, Clone)]
struct Trail {
    rows: Vec<Row>,
    checkpoints: Vec<Signed>,
    head: Head,
}

fn trail(tenant: &str, records: i64) -> Trail {
    let (mut rows, mut checkpoints, mut hash) = (Vec::new(), Vec::<Signed>::new(), Hash::genesis(tenant));
    for seq in 1..=records {
        let record = Record {
            v: 1,
            tenant: tenant.to_owned(),
            seq,
            at: seq * 1_000,
            actor: Actor { kind: "person".to_owned(), name: format!("Person {}", seq % 7), ..Actor::default() },
            action: "assign".to_owned(),
            target: Target::named("subject", format!("MERIDIAN\\p{seq}")),
            after: json!({"license": "analyzer"}),
            outcome: "done".to_owned(),
            ..Record::default()
        };
        let text = record.text();
        hash = hash.then(&text);
        rows.push(Row { seq: Some(seq), text, hash: Some(hash), beside: Some(Beside::of(&record).joined()) });
        if seq % 10 == 0 || seq == records {
            let previous = checkpoints.last().map_or_else(String::new, |signed| signed.hash().to_string());
            let checkpoint = Checkpoint {
                v: 1,
                tenant: tenant.to_owned(),
                seq,
                hash: hash.to_string(),
                at: seq,
                previous,
                key: String::new(),
            };
            checkpoints.push(checkpoint.sign(&key()));
        }
    }
    let signed = Some((i64::try_from(checkpoints.len()).unwrap(), checkpoints.last().map(Signed::hash)));
    Trail { rows, checkpoints, head: Head { seq: records, hash: Some(hash), signed, vouched: Some((key().public(), true)) } }
}

fn verified(tenant: &str, trail: &Trail) -> Report {
    let mut verifier = Verifier::new(tenant, trail.checkpoints.clone(), &[], Some(key().public()));
    for rows in trail.rows.chunks(7) {
        verifier.rows(rows);
    }
    verifier.finish(End::Stored(Some(trail.head)))
}

fn kinds(report: &Report) -> Vec<(i64, FaultKind)> {
    report.faults.iter().map(|fault| (fault.seq, fault.kind)).collect()
}

#[test]
fn a_trail_as_it_was_written_is_intact() {
    let report = verified("t", &trail("t", 25));
    assert_eq!((report.records, report.checkpoints, report.faults.len()), (25, 3, 0));
    assert_eq!(report.head, trail("t", 25).head.hash.unwrap().to_string());
    assert!(verified("t", &trail("t", 0)).faults.is_empty());
}

#[test]
fn each_kind_of_fault_is_told_where_it_is() {
    let whole = trail("t", 25);
    let found = |change: &dyn Fn(&mut Trail)| {
        let mut trail = whole.clone();
        change(&mut trail);
        kinds(&verified("t", &trail))
    };
    let at = |seq: usize| seq - 1;
    assert_eq!(found(&|t| t.rows[at(5)].text = t.rows[at(5)].text.replace("analyzer", "none")), [(5, FaultKind::Changed)]);
    assert_eq!(found(&|t| drop(t.rows.remove(at(5)))), [(5, FaultKind::Missing)]);
    assert_eq!(found(&|t| t.rows.truncate(22)), [(23, FaultKind::Truncated)]);
    assert_eq!(found(&|t| t.rows[at(5)].beside.as_mut().unwrap().push('x')), [(5, FaultKind::Column)]);
    let moved = found(&|t| {
        let (text, hash) = (t.rows[at(5)].text.clone(), t.rows[at(5)].hash);
        t.rows[at(5)] = Row { seq: Some(5), ..t.rows[at(7)].clone() };
        t.rows[at(7)] = Row { seq: Some(7), text, hash, beside: t.rows[at(7)].beside.clone() };
    });
    assert!(moved.contains(&(5, FaultKind::Reordered)) && moved.contains(&(7, FaultKind::Reordered)), "{moved:?}");
    assert_eq!(found(&|t| t.head.vouched = Some((key().public(), false))), [(25, FaultKind::Truncated)]);
    assert_eq!(found(&|t| t.checkpoints[1].signature.replace_range(..4, "AAAA")), [(20, FaultKind::Checkpoint)]);
    assert_eq!(found(&|t| drop(t.checkpoints.remove(1))), [(25, FaultKind::Checkpoint)]);
    // Cut to the place of a checkpoint, the later checkpoints with it: the end was vouched for.
    let cut = found(&|t| {
        t.rows.truncate(20);
        t.checkpoints.truncate(2);
    });
    assert_eq!(cut, [(21, FaultKind::Truncated), (25, FaultKind::Checkpoint)]);
    // Written anew to the end with right hashes, by somebody without the key.
    let anew = found(&|t| {
        let mut hash = t.rows[at(4)].hash.unwrap();
        for at in at(5)..25 {
            if at == 4 {
                t.rows[at].text = t.rows[at].text.replace("analyzer", "none");
            }
            hash = hash.then(&t.rows[at].text);
            t.rows[at].hash = Some(hash);
        }
        t.head.hash = Some(hash);
        t.head.vouched = Some((key().public(), false));
    });
    assert_eq!(anew.iter().filter(|(_, kind)| *kind == FaultKind::Checkpoint).count(), 3, "{anew:?}");
    // Records of another tenant.
    let other = trail("u", 25);
    assert_eq!(found(&|t| t.rows[at(5)] = other.rows[at(5)].clone()), [(5, FaultKind::Changed)]);
    assert!(!verified("u", &whole).faults.is_empty());
}

#[test]
fn checkpoints_kept_elsewhere_show_that_all_was_put_back() {
    let (before, after) = (trail("t", 10), trail("t", 25));
    assert!(verified("t", &before).faults.is_empty(), "an earlier state by itself looks whole");
    let mut verifier = Verifier::new("t", before.checkpoints.clone(), &after.checkpoints, Some(key().public()));
    verifier.rows(&before.rows);
    assert_eq!(kinds(&verifier.finish(End::Stored(Some(before.head)))), [(11, FaultKind::Truncated)]);
}

#[test]
fn another_key_counts_only_where_the_one_before_named_it() {
    let next = Key::of(&[9; 32]).unwrap();
    let build = |named: bool| {
        let mut whole = trail("t", 10);
        let mut hash = whole.head.hash.unwrap();
        let record = Record {
            v: 1,
            tenant: "t".into(),
            seq: 11,
            action: if named { trail::verify::KEY_ROTATED.into() } else { "assign".into() },
            after: json!(next.public().to_string()),
            ..Record::default()
        };
        hash = hash.then(&record.text());
        whole.rows.push(Row { seq: Some(11), text: record.text(), hash: Some(hash), beside: Some(Beside::of(&record).joined()) });
        for key in [&key(), &next] {
            let previous = whole.checkpoints.last().unwrap().hash().to_string();
            let (hash, key_name) = (hash.to_string(), String::new());
            let checkpoint = Checkpoint { v: 1, tenant: "t".into(), seq: 11, hash, at: 1, previous, key: key_name };
            whole.checkpoints.push(checkpoint.sign(key));
        }
        whole.head = Head { seq: 11, hash: Some(hash), signed: None, vouched: Some((key().public(), true)) };
        kinds(&verified("t", &whole))
    };
    assert_eq!(build(true), []);
    assert_eq!(build(false), [(11, FaultKind::Checkpoint)]);
    // Signed by a key that is not the one to trust.
    let mut forged = trail("t", 3);
    forged.checkpoints = forged.checkpoints.into_iter().map(|signed| signed.checkpoint.sign(&next)).collect();
    forged.head.vouched = None;
    assert_eq!(kinds(&verified("t", &forged)), [(3, FaultKind::Checkpoint)]);
}

/// A trail as the lines of a file, and what is found in them.
fn lines(trail: &Trail) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &trail.rows {
        lines.push(record_line(&row.text, &row.hash.unwrap()));
        let here = trail.checkpoints.iter().filter(|signed| Some(signed.checkpoint.seq) == row.seq);
        lines.extend(here.map(|signed| {
            checkpoint_line(signed, (signed.checkpoint.seq == trail.head.seq).then(|| key().sign(&end_text(signed))).as_deref())
        }));
    }
    lines
}

fn read(lines: &[String]) -> Report {
    trail::export::verify(lines.iter().map(|line| Ok(line.clone())), &[], Some(key().public())).unwrap()
}

#[test]
fn a_file_proves_itself() {
    let all = lines(&trail("t", 25));
    assert_eq!(kinds(&read(&all)), []);
    // Cut right behind a checkpoint, it lacks the one that says that it is the last.
    assert_eq!(kinds(&read(&all[..11])), [(11, FaultKind::Truncated)]);
    // Nobody without the key can say of an earlier checkpoint that it is the last.
    let whole = trail("t", 25);
    for forged in ["true".to_owned(), whole.checkpoints[2].signature.clone(), whole.checkpoints[0].signature.clone()] {
        let mut cut = all[..11].to_vec();
        cut[10] = checkpoint_line(&whole.checkpoints[0], Some(&forged));
        assert_eq!(kinds(&read(&cut)), [(11, FaultKind::Truncated)], "{forged}");
    }
    let filtered = [Ok(trail::export::FILTERED.to_owned())];
    assert!(trail::export::verify(filtered.into_iter(), &[], None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// A thousand of a thousand are found, in the store and in a file.
    #[test]
    fn whatever_is_done_by_hand_is_found(what in 0..7, at in 0_usize..40, other in 0_usize..40, letter in 0_usize..100) {
        prop_assume!(at != other);
        let mut whole = trail("t", 40);
        let stored = what == 0 || letter % 2 == 0;
        if stored {
            match what {
                0 => {
                    // A letter of the text becomes another one.
                    let text = &whole.rows[at].text;
                    let place = letter % text.len();
                    let changed = if text.as_bytes()[place] == b'x' { "y" } else { "x" };
                    whole.rows[at].text.replace_range(place..=place, changed);
                }
                1 => drop(whole.rows.remove(at)),
                2 => {
                    // One goes in, and all behind it move on.
                    let copy = whole.rows[at].clone();
                    whole.rows.insert(other, copy);
                    for (row, seq) in whole.rows.iter_mut().zip(1..) { row.seq = Some(seq); }
                }
                3 => {
                    let (a, b) = (whole.rows[at].clone(), whole.rows[other].clone());
                    whole.rows[at] = Row { seq: a.seq, ..b.clone() };
                    whole.rows[other] = Row { seq: b.seq, ..a };
                }
                4 => {
                    whole.rows.truncate(at);
                    whole.checkpoints.retain(|signed| signed.checkpoint.seq <= i64::try_from(at).unwrap());
                }
                5 => whole.rows[at] = trail("u", 40).rows[at].clone(),
                _ => {
                    let beside = whole.rows[at].beside.as_mut().unwrap();
                    beside.insert(0, '1');
                }
            }
            prop_assert!(!verified("t", &whole).faults.is_empty());
        } else {
            let mut all = lines(&whole);
            let (at, other) = (at % all.len(), other % all.len());
            match what {
                1 => drop(all.remove(at)),
                2 => {
                    let copy = all[at].clone();
                    all.insert(other, copy);
                }
                3 => all.swap(at, other),
                4 => all.truncate(at.max(1)),
                _ => all[at] = lines(&trail("u", 40))[at].clone(),
            }
            prop_assert!(!read(&all).faults.is_empty());
        }
    }
}
