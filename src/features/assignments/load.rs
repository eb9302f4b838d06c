//! How the table comes to the browser.

/// The answer to a version that is not there any more: what the browser shows is to be asked for again. No error, for a
/// tenant that is being read has another version every moment.
pub const OTHER_VERSION: u16 = 205;

/// What an answer says of a last use that is not known, where the newest try to read it failed.
pub const FAILED: &str = "failed";

#[cfg(feature = "hydrate")]
pub use browser::{Missed, Uses, block, outline, uses};

#[cfg(feature = "hydrate")]
mod browser {
    use domain::table::{Block, Outline, Used, decode_uses};
    use gloo_net::http::Request;

    use super::{FAILED, OTHER_VERSION};
    use crate::ui::query::escape;

    /// Why something did not come.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Missed {
        /// There is another version by now.
        OtherVersion,
        /// It did not come; the words say why.
        Failed(String),
    }

    /// What is known of when people used Qlik last.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Uses {
        Known(Vec<Used>),
        /// Ask again later.
        Reading,
        /// The newest try failed; ask again later.
        Failed,
        /// The key may not read it.
        Closed,
    }

    async fn fetch(tenant: &str, what: &str, version: u64, first: u32) -> Result<(u16, Vec<u8>), Missed> {
        let failed = |error: gloo_net::Error| Missed::Failed(error.to_string());
        let address = format!("/rows/{}/{what}?version={version}&first={first}", escape(tenant));
        let answer = Request::get(&address).send().await.map_err(failed)?;
        match answer.status() {
            OTHER_VERSION => Err(Missed::OtherVersion),
            status @ 200..=299 => Ok((status, answer.binary().await.map_err(failed)?)),
            _ => Err(Missed::Failed(answer.text().await.unwrap_or_default())),
        }
    }

    fn broken(error: domain::table::BlockError) -> Missed {
        Missed::Failed(domain::text::sentence(&error.to_string()))
    }

    /// What comes before the blocks.
    pub async fn outline(tenant: &str, version: u64) -> Result<Outline, Missed> {
        Outline::decode(&fetch(tenant, "outline", version, 0).await?.1).map_err(broken)
    }

    /// A block of rows.
    pub async fn block(tenant: &str, version: u64, first: u32) -> Result<Block, Missed> {
        Block::decode(&fetch(tenant, "block", version, first).await?.1).map_err(broken)
    }

    /// When each row's person used Qlik last.
    pub async fn uses(tenant: &str, version: u64) -> Result<Uses, Missed> {
        match fetch(tenant, "use", version, 0).await? {
            (200, bytes) => Ok(Uses::Known(decode_uses(&bytes).map_err(broken)?)),
            (202, says) if says == FAILED.as_bytes() => Ok(Uses::Failed),
            (202, _) => Ok(Uses::Reading),
            _ => Ok(Uses::Closed),
        }
    }
}
