//! Pairs the rows of a 207 answer with the rows that were sent.
//!
//! Qlik promises neither the order nor the echo of subject and type. A row that cannot be paired beyond doubt stays
//! without an answer: it is unknown, never assumed done.

use std::collections::HashMap;

use crate::wire::licenses::RowAnswer;

/// What identifies a row that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRow {
    /// The subject the answer would echo: the wanted one for a rename.
    pub subject: String,
    /// The allotment the answer would echo: the wanted one for a change of type.
    pub allotment: Option<String>,
}

/// Answers paired with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paired {
    /// One entry per row sent; `None` where nobody knows.
    pub answers: Vec<Option<RowAnswer>>,
    /// Answers that belong to no row.
    pub surplus: usize,
}

fn agrees(sent: &SentRow, answer: &RowAnswer) -> bool {
    let subject = answer.subject.as_ref().is_none_or(|echo| echo.to_lowercase() == sent.subject.to_lowercase());
    let allotment = match (&answer.allotment, &sent.allotment) {
        (Some(echo), Some(sent)) => echo == sent,
        _ => true,
    };
    subject && allotment
}

/// Pairs by position where the lengths agree and every echoed field agrees with its position; else by subject and
/// allotment, where exactly one row and one answer claim each other.
pub fn pair(sent: &[SentRow], answers: Vec<RowAnswer>) -> Paired {
    let readable = |answer: &RowAnswer| (100..600).contains(&answer.status);
    if answers.len() == sent.len() && sent.iter().zip(&answers).all(|(row, answer)| agrees(row, answer)) {
        return Paired { answers: answers.into_iter().map(|answer| readable(&answer).then_some(answer)).collect(), surplus: 0 };
    }
    let mut by_subject: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, row) in sent.iter().enumerate() {
        by_subject.entry(row.subject.to_lowercase()).or_default().push(at);
    }
    let mut claims: Vec<Vec<RowAnswer>> = vec![Vec::new(); sent.len()];
    let mut surplus = 0;
    for answer in answers {
        let candidates: Vec<usize> = answer
            .subject
            .as_ref()
            .and_then(|subject| by_subject.get(&subject.to_lowercase()))
            .map(|rows| rows.iter().copied().filter(|at| sent.get(*at).is_some_and(|row| agrees(row, &answer))).collect())
            .unwrap_or_default();
        match candidates.as_slice() {
            [at] => {
                if let Some(claim) = claims.get_mut(*at) {
                    claim.push(answer);
                }
            }
            _ => surplus += 1,
        }
    }
    let answers = claims
        .into_iter()
        .map(|mut claim| {
            if claim.len() == 1 {
                claim.pop().filter(readable)
            } else {
                surplus += claim.len();
                None
            }
        })
        .collect();
    Paired { answers, surplus }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(n: usize) -> Vec<SentRow> {
        (0..n).map(|at| SentRow { subject: format!("M\\p{at}"), allotment: Some("analyzer".into()) }).collect()
    }

    fn answer(subject: Option<&str>, allotment: Option<&str>, status: i64) -> RowAnswer {
        RowAnswer { status, subject: subject.map(Into::into), allotment: allotment.map(Into::into), ..RowAnswer::default() }
    }

    #[test]
    fn by_position_without_an_echo() {
        let paired = pair(&sent(2), vec![answer(None, None, 200), answer(None, None, 404)]);
        assert_eq!(paired.answers.iter().map(|a| a.as_ref().map(|a| a.status)).collect::<Vec<_>>(), [Some(200), Some(404)]);
    }

    #[test]
    fn a_missing_row_without_an_echo_leaves_all_unknown() {
        let paired = pair(&sent(3), vec![answer(None, None, 200), answer(None, None, 200)]);
        assert_eq!(paired.answers, [None, None, None]);
        assert_eq!(paired.surplus, 2);
    }

    #[test]
    fn two_answers_for_one_row_settle_nothing() {
        let paired = pair(&sent(2), vec![answer(Some("m\\P0"), None, 201), answer(Some("m\\p0"), None, 403)]);
        assert_eq!(paired.answers, [None, None]);
    }

    #[test]
    fn a_status_out_of_range_is_no_answer() {
        let paired = pair(&sent(1), vec![answer(Some("m\\p0"), None, 0)]);
        assert_eq!(paired.answers, [None]);
    }

    proptest! {
        #[test]
        fn shuffled_and_surplus_answers_find_their_rows(n in 1_usize..30, order in any::<u64>(), drop in 0_usize..30, extra in any::<bool>()) {
            let rows = sent(n);
            let mut answers: Vec<RowAnswer> = rows.iter().enumerate()
                .map(|(at, row)| answer(Some(&row.subject.to_uppercase()), Some("analyzer"), 200 + at as i64)).collect();
            let mut seed = order;
            for at in (1..answers.len()).rev() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                answers.swap(at, (seed >> 33) as usize % (at + 1));
            }
            let dropped = (drop < answers.len()).then(|| answers.remove(drop));
            if extra { answers.push(answer(Some("x\\stranger"), Some("analyzer"), 201)); }
            let paired = pair(&rows, answers);
            for (at, got) in paired.answers.iter().enumerate() {
                let wanted = 200 + at as i64;
                if dropped.as_ref().is_some_and(|gone| gone.status == wanted) {
                    prop_assert!(got.is_none());
                } else {
                    prop_assert_eq!(got.as_ref().map(|a| a.status), Some(wanted));
                }
            }
        }
    }
}
