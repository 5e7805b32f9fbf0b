//! What a process uses of the machine, by Linux's own record.

use std::fs;
use std::ops::Add;

/// Linux counts processor time in hundredths of a second (`getconf CLK_TCK`), on every platform since 2.6.
const TICKS_PER_S: f64 = 100.0;

/// Memory and processor time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory, in MB.
    pub rss_mb: f64,
    /// The most that it ever was, in MB.
    pub rss_peak_mb: f64,
    /// Processor time, user and system, in seconds.
    pub cpu_s: f64,
}

impl Usage {
    /// Of a process; none where it has ended.
    pub fn of(process: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let megabytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            Some(kibibytes * 1024.0 / 1e6)
        };
        // The name stands in brackets and may hold blanks; user and system time are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        Some(Self {
            rss_mb: megabytes("VmRSS:")?,
            rss_peak_mb: megabytes("VmHWM:")?,
            cpu_s: (ticks(14)? + ticks(15)?) / TICKS_PER_S,
        })
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            rss_mb: self.rss_mb + other.rss_mb,
            rss_peak_mb: self.rss_peak_mb + other.rss_peak_mb,
            cpu_s: self.cpu_s + other.cpu_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_uses_the_processor() {
        let before = Usage::of(std::process::id()).unwrap();
        let mut sum = 0_u64;
        for number in 0..200_000_000_u64 {
            sum = std::hint::black_box(sum ^ number);
        }
        let after = Usage::of(std::process::id()).unwrap();
        assert!(before.rss_mb > 1.0 && before.rss_peak_mb >= before.rss_mb * 0.9);
        assert!(after.cpu_s > before.cpu_s);
        assert!(Usage::of(u32::MAX).is_none());
    }
}
