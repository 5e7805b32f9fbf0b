//! Free loopback ports.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// Ports are drawn from here, below the range from which Linux gives ports to outgoing connections (32768 up).
/// While a server is down, its clients keep connecting to its port: one of them, given that very number as its own,
/// would connect to itself and keep the server from coming back.
const RANGE: std::ops::Range<u16> = 20_000..30_000;
const TRIES: usize = 200;

/// Two different ports that nothing listens on at the moment.
pub(super) fn free_pair() -> Result<(u16, u16)> {
    let first = free_except(None)?;
    Ok((first, free_except(Some(first))?))
}

/// A port that nothing listens on at the moment.
pub fn free() -> Result<u16> {
    free_except(None)
}

fn free_except(taken: Option<u16>) -> Result<u16> {
    let random = RandomState::new();
    for attempt in 0..TRIES {
        let span = u64::from(RANGE.end - RANGE.start);
        let offset = u16::try_from(random.hash_one(attempt) % span)?;
        let port = RANGE.start + offset;
        if Some(port) != taken && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!(
        "no free port between {} and {} in {TRIES} tries",
        RANGE.start,
        RANGE.end
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_two_ports_outside_the_range_of_outgoing_connections() {
        for _ in 0..50 {
            let (one, other) = free_pair().unwrap();
            assert_ne!(one, other);
            assert!(RANGE.contains(&one) && RANGE.contains(&other));
        }
    }
}
