//! How long something takes.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::rig;

/// Samples of which the median is taken: odd, so that one of them is it.
const SAMPLES: usize = 31;
/// Calls are repeated until a sample takes this long, so that reading the clock does not count.
const SAMPLE: Duration = Duration::from_millis(2);

/// The median of what a call takes, in seconds.
pub fn seconds(mut call: impl FnMut()) -> f64 {
    let mut calls = 1;
    let mut sample = |calls: u32| {
        let begun = Instant::now();
        (0..calls).for_each(|_| call());
        begun.elapsed()
    };
    while !rig::is_tiny() && sample(calls) < SAMPLE {
        calls *= 2;
    }
    median((0..rig::sized(SAMPLES, 1)).map(|_| sample(calls).as_secs_f64() / f64::from(calls)))
}

/// The median of what a call takes that waits for a disk or a socket, in seconds. `call` hears which call it is.
pub async fn seconds_waiting<F: Future<Output = anyhow::Result<()>>>(
    mut call: impl FnMut(usize) -> F,
) -> anyhow::Result<f64> {
    let mut samples = Vec::new();
    for number in 0..rig::sized(SAMPLES, 1) {
        let begun = Instant::now();
        call(number).await?;
        samples.push(begun.elapsed().as_secs_f64());
    }
    Ok(median(samples.into_iter()))
}

fn median(samples: impl Iterator<Item = f64>) -> f64 {
    let mut samples: Vec<f64> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
