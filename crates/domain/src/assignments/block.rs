//! Blocks: how a table travels. An outline comes first with what rows refer to, then rows in blocks of a few thousand, so
//! that a browser shows the first ones at once and is never busy for long.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Names, Table, Used};
use crate::table::{BlockError, Code, Rows as _, Travels, places};

/// What comes before the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outline {
    /// Rows there will be.
    pub rows: u32,
    /// Bytes of text there will be, so that room is made once.
    pub text: u32,
    /// What rows refer to by number.
    pub names: Names,
}

/// Consecutive rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The place of the first.
    first: u32,
    /// Name, subject and mail of all rows, end to end.
    text: String,
    /// How long each is, in bytes.
    lengths: Vec<u32>,
    allotments: Vec<Code>,
    statuses: Vec<Code>,
    since: Vec<u32>,
    flags: Vec<u8>,
    held: Vec<u8>,
    /// Each row's rank less the one before: people's mails are mostly in the order of their names, so that these are small.
    mail_rank: Vec<i32>,
    /// How many groups each row has, then all of them.
    groups: (Vec<u16>, Vec<u16>),
    roles: (Vec<u16>, Vec<u16>),
}

impl Table {
    /// What to send before the blocks.
    pub fn outline(&self) -> Outline {
        Outline { rows: places(self.len()), text: places(self.columns.texts.all().0.len()), names: (*self.names).clone() }
    }

    /// Rows `[first, first + take)`, as far as there are any.
    pub fn block(&self, first: u32, take: u32) -> Block {
        let columns = &*self.columns;
        let rows = first..first.saturating_add(take).min(places(self.len()));
        let mut block = Block {
            first,
            text: String::new(),
            lengths: Vec::new(),
            allotments: Vec::new(),
            statuses: Vec::new(),
            since: Vec::new(),
            flags: Vec::new(),
            held: Vec::new(),
            mail_rank: Vec::new(),
            groups: (Vec::new(), Vec::new()),
            roles: (Vec::new(), Vec::new()),
        };
        let mut before = 0;
        for row in rows {
            for which in 0..3 {
                let text = columns.texts.get(row, which);
                block.text.push_str(text);
                block.lengths.push(places(text.len()));
            }
            let at = row as usize;
            block.allotments.push(columns.allotments.get(at).copied().unwrap_or_default());
            block.statuses.push(columns.statuses.get(at).copied().unwrap_or_default());
            block.since.push(columns.since.get(at).copied().unwrap_or_default());
            block.flags.push(columns.flags.get(at).copied().unwrap_or_default());
            block.held.push(columns.held.get(at).copied().unwrap_or_default());
            let rank = columns.mail_rank.get(at).copied().unwrap_or_default();
            block.mail_rank.push(rank.wrapping_sub(before).cast_signed());
            before = rank;
            for (set, of) in [(&mut block.groups, &columns.groups), (&mut block.roles, &columns.roles)] {
                let codes = of.get(row);
                set.0.push(u16::try_from(codes.len()).unwrap_or(u16::MAX));
                set.1.extend(codes.iter().take(usize::from(u16::MAX)));
            }
        }
        block
    }

    /// An empty table to fill.
    pub fn begin(outline: Outline) -> Self {
        let mut table = Self { names: Arc::new(outline.names), ..Self::default() };
        let columns = Arc::make_mut(&mut table.columns);
        let (rows, text) = (outline.rows as usize, outline.text as usize);
        columns.texts.reserve(rows, text);
        columns.folded.reserve(rows, text.saturating_add(rows.saturating_mul(3)));
        table
    }

    /// Adds the rows that come next.
    pub fn push(&mut self, block: &Block) -> Result<(), BlockError> {
        let rows = block.allotments.len();
        if block.first as usize != self.len() {
            return Err(BlockError::Order);
        }
        let sum = |lengths: &[u16]| lengths.iter().map(|length| usize::from(*length)).sum::<usize>();
        let even = block.lengths.len() == rows * 3
            && [block.statuses.len(), block.since.len(), block.flags.len(), block.held.len(), block.mail_rank.len()]
                .iter()
                .all(|length| *length == rows)
            && [&block.groups, &block.roles].iter().all(|(lengths, codes)| lengths.len() == rows && sum(lengths) == codes.len());
        if !even {
            return Err(BlockError::Broken);
        }
        let texts = cut(&block.text, &block.lengths).ok_or(BlockError::Broken)?;
        let columns = Arc::make_mut(&mut self.columns);
        for texts in texts.chunks_exact(3) {
            if let [name, subject, mail] = texts {
                columns.push_text([name, subject, mail]);
            }
        }
        columns.allotments.extend_from_slice(&block.allotments);
        columns.statuses.extend_from_slice(&block.statuses);
        columns.since.extend_from_slice(&block.since);
        columns.flags.extend_from_slice(&block.flags);
        columns.held.extend_from_slice(&block.held);
        let mut rank = 0_u32;
        columns.mail_rank.extend(block.mail_rank.iter().map(|more| {
            rank = rank.wrapping_add_signed(*more);
            rank
        }));
        for (set, (lengths, codes)) in [(&mut columns.groups, &block.groups), (&mut columns.roles, &block.roles)] {
            let mut rest = codes.as_slice();
            for length in lengths {
                let (these, after) = rest.split_at_checked(usize::from(*length)).ok_or(BlockError::Broken)?;
                set.push(these);
                rest = after;
            }
        }
        Ok(())
    }
}

/// Cuts a text into pieces of these lengths, if they are all of it.
fn cut<'a>(mut text: &'a str, lengths: &[u32]) -> Option<Vec<&'a str>> {
    let mut pieces = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (piece, rest) = text.split_at_checked(*length as usize)?;
        pieces.push(piece);
        text = rest;
    }
    text.is_empty().then_some(pieces)
}

/// When each row's person used Qlik last, as bytes for the wire.
pub fn encode_uses(uses: &[Used]) -> Vec<u8> {
    postcard::to_allocvec(uses).unwrap_or_default()
}

/// The same from the wire.
pub fn decode_uses(bytes: &[u8]) -> Result<Vec<Used>, BlockError> {
    postcard::from_bytes(bytes).map_err(|_| BlockError::Broken)
}

impl Outline {
    /// As bytes for the wire.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// From the wire.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        postcard::from_bytes(bytes).map_err(|_| BlockError::Broken)
    }
}

impl Block {
    /// As bytes for the wire.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// From the wire.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        postcard::from_bytes(bytes).map_err(|_| BlockError::Broken)
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.allotments.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Travels for Table {
    type Block = Block;

    fn begin_from(bytes: &[u8]) -> Result<(Self, u32), BlockError> {
        let outline = Outline::decode(bytes)?;
        let rows = outline.rows;
        Ok((Self::begin(outline), rows))
    }

    fn decode(bytes: &[u8]) -> Result<Block, BlockError> {
        Block::decode(bytes)
    }

    fn rows_of(block: &Block) -> usize {
        block.len()
    }

    fn take(&mut self, block: &Block) -> Result<(), BlockError> {
        self.push(block)
    }

    fn outline_bytes(&self) -> Vec<u8> {
        self.outline().encode()
    }

    fn block_bytes(&self, first: u32, take: u32) -> Vec<u8> {
        self.block(first, take).encode()
    }
}
