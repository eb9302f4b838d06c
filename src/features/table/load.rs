//! How a table comes to the browser.

/// The answer to a version that is not there any more: what the browser shows is to be asked for again. No error, for a
/// tenant that is being read has another version every moment.
pub const OTHER_VERSION: u16 = 205;

#[cfg(feature = "hydrate")]
pub use browser::{Missed, fetch, rows};

#[cfg(feature = "hydrate")]
mod browser {
    use domain::table::BlockError;
    use gloo_net::http::Request;
    use leptos::prelude::*;

    use super::OTHER_VERSION;
    use crate::features::table::{Kind, Live};
    use crate::ui::query::escape;

    /// Why something did not come.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Missed {
        /// There is another version by now.
        OtherVersion,
        /// It did not come; the words say why.
        Failed(String),
    }

    impl From<BlockError> for Missed {
        fn from(error: BlockError) -> Self {
            Self::Failed(domain::text::sentence(&error.to_string()))
        }
    }

    /// A part of the rows of a version: the status of the answer, and its bytes.
    pub async fn fetch(tenant: &str, what: &str, version: u64, first: u32) -> Result<(u16, Vec<u8>), Missed> {
        let failed = |error: gloo_net::Error| Missed::Failed(error.to_string());
        let address = format!("/rows/{}/{what}?version={version}&first={first}", escape(tenant));
        let answer = Request::get(&address).send().await.map_err(failed)?;
        match answer.status() {
            OTHER_VERSION => Err(Missed::OtherVersion),
            status @ 200..=299 => Ok((status, answer.binary().await.map_err(failed)?)),
            _ => Err(Missed::Failed(answer.text().await.unwrap_or_default())),
        }
    }

    async fn block<T: Kind>(tenant: &str, version: u64, first: u32) -> Result<T::Block, Missed> {
        let [_, blocks] = T::PARTS;
        Ok(T::decode(&fetch(tenant, blocks, version, first).await?.1)?)
    }

    /// All rows of a version. The next block is on its way while one is taken in.
    pub async fn rows<T: Kind>(live: Live<T>, tenant: &str, version: u64) -> Result<T, Missed> {
        let [outline, _] = T::PARTS;
        let first = block::<T>(tenant, version, 0);
        let (outline, first) = futures::join!(fetch(tenant, outline, version, 0), first);
        let (mut table, all) = T::begin_from(&outline?.1)?;
        let mut next = Ok(first?);
        loop {
            let block_now = next?;
            let at = u32::try_from(table.len() + T::rows_of(&block_now)).unwrap_or(all);
            if at >= all || T::rows_of(&block_now) == 0 {
                table.take(&block_now)?;
                return Ok(table);
            }
            live.coming.set(Some((at, all)));
            // Asked for first: a future does nothing before it is looked at.
            let (following, taken) = futures::join!(block::<T>(tenant, version, at), async { table.take(&block_now) });
            taken?;
            next = following;
        }
    }
}
