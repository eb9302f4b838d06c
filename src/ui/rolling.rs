//! Which of very many rows are drawn: those in view, some before and after, in small steps, so that no frame has much to draw.

/// Rows drawn beyond what is seen, before and after.
const BEYOND: u32 = 8;
/// Rows that the drawn part moves by. Few, so that every frame of a scroll has a little to do: in steps of eight, every third
/// frame had all of it, and one in eight was late on a slow machine.
const STEP: u32 = 2;

/// How many rows are drawn in a view of so many pixels.
pub fn drawn(height: f64, row: f64) -> u32 {
    let seen = floor(height / row) + 2;
    (seen + 2 * BEYOND + STEP).next_multiple_of(STEP)
}

/// The first row drawn, where the view is scrolled down by `top` pixels and there are `rows`.
pub fn first(top: f64, row: f64, rows: u32, drawn: u32) -> u32 {
    let above = floor(top / row).saturating_sub(BEYOND) / STEP * STEP;
    above.min(rows.saturating_sub(drawn).next_multiple_of(STEP))
}

/// Where to scroll so that a row is whole in a view of `height` pixels that stands at `top`.
pub fn into_view(at: u32, top: f64, height: f64, row: f64) -> f64 {
    let (start, end) = (f64::from(at) * row, f64::from(at + 1) * row);
    if start < top {
        start
    } else if end > top + height {
        end - height
    } else {
        top
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows are far fewer than that, and bounded below")]
fn floor(rows: f64) -> u32 {
    rows.max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_seen_is_drawn(top in 0.0_f64..4e6, height in 40.0_f64..3_000.0, row in 24.0_f64..48.0, rows in 0_u32..120_000) {
            let top = top.min((f64::from(rows) * row - height).max(0.0));
            let count = drawn(height, row);
            let from = first(top, row, rows, count);
            let (top_row, last_row) = (floor(top / row), floor((top + height) / row));
            prop_assert!(from <= top_row);
            prop_assert!(from + count > last_row.min(rows.saturating_sub(1)));
        }

        #[test]
        fn a_row_comes_whole_into_view(at in 0_u32..100_000, top in 0.0_f64..4e6, height in 60.0_f64..3_000.0, row in 24.0_f64..48.0) {
            let to = into_view(at, top, height, row);
            prop_assert!(f64::from(at) * row >= to - 1e-6 && f64::from(at + 1) * row <= to + height + 1e-6);
        }
    }
}
