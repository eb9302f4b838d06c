//! Days of use as they are kept: any bytes are one day in its only form, or an error.
#![no_main]

use domain::usage::block::Block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(block) = Block::of_bytes(bytes) {
        assert_eq!(block.to_bytes(), bytes);
    }
});
