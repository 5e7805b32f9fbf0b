//! One read's way through the stages as spans of one trace, where somebody exports them.
//!
//! A stage begins a [`Span`] when it takes up a read or a hit, lets it [ride](Span::ride) on the record that it writes, and
//! finishes it when that record is durable: a span that is dropped was not done, and is not exported. What rides is the
//! header `traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context/), as text.
//!
//! A trace that nobody began outside is named by its read: the trace id is the read id. So whoever has a read's id finds its
//! trace, and a read that a camera sends twice is sampled alike and shows both in one trace.
//!
//! Without [`export`] there is no span, no header is written, and none is looked for.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use domain::{CaseId, HitId, ReadId, Timestamp};
use thiserror::Error;

use crate::{Delivered, Record};

/// Names the span that a record comes from.
pub const HEADER_TRACE: &str = "traceparent";

/// Characters of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

static EXPORT: OnceLock<Export> = OnceLock::new();

struct Export {
    sink: Box<dyn Sink>,
    share: f64,
}

/// Takes finished spans.
pub trait Sink: Send + Sync {
    /// Takes one, at once: it is called between reads and must not wait.
    fn take(&self, span: Finished);
}

/// There is a sink already.
#[derive(Debug, Error)]
#[error("traces of this process are exported already")]
pub struct AlreadyExported;

/// Exports spans from now on: of `share` (0 to 1) of the reads, and of those that come with a trace which is recorded.
///
/// # Errors
/// When there is a sink already.
pub fn export(sink: Box<dyn Sink>, share: f64) -> Result<(), AlreadyExported> {
    EXPORT.set(Export { sink, share }).map_err(|_| AlreadyExported)
}

/// A span of a trace, as others refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; not 0.
    pub trace_id: u128,
    /// The span in it; not 0.
    pub span_id: u64,
    /// Whether the trace is recorded.
    pub sampled: bool,
}

impl TraceParent {
    /// Reads a `traceparent`; none where it is not one. Of a version to come, what 00 has is understood.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (known, beyond) = text.split_at_checked(LENGTH)?;
        let known = std::str::from_utf8(known).ok()?;
        let mut parts = known.split('-');
        let mut digits = |length: usize| {
            let part = parts.next()?;
            let good = part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            good.then_some(part)
        };
        let version = digits(2)?;
        let trace_id = u128::from_str_radix(digits(32)?, 16).ok()?;
        let span_id = u64::from_str_radix(digits(16)?, 16).ok()?;
        let flags = u8::from_str_radix(digits(2)?, 16).ok()?;
        let whole = match version {
            "00" => beyond.is_empty(),
            "ff" => false,
            _ => beyond.first().is_none_or(|next| *next == b'-'),
        };
        (whole && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & SAMPLED != 0,
        })
    }

    /// The parent of spans that this process exports: none where it exports none, or where `text` names no trace that is
    /// recorded.
    #[must_use]
    pub fn exported(text: Option<&[u8]>) -> Option<Self> {
        EXPORT.get()?;
        Self::parse(text?).filter(|parent| parent.sampled)
    }

    /// Names this span on a record that it leads to.
    pub fn ride(&self, record: &mut Record) {
        record.headers.push((HEADER_TRACE, Bytes::from(self.to_string())));
    }

    /// As [`exported`](Self::exported), of a record's header, which is not looked for where nothing is exported.
    #[must_use]
    pub fn of_record(record: &Delivered) -> Option<Self> {
        EXPORT.get()?;
        Self::exported(record.header(HEADER_TRACE))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            span_id,
            sampled,
        } = *self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(sampled))
    }
}

/// A step on a read's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ingest makes the read durable.
    Accept,
    /// A matcher makes one of its hits durable.
    Match,
    /// The dispatcher stores the hit and what it does to its case.
    Dispatch,
    /// The control room hands the case's event to its browsers.
    Push,
}

/// What a span is about. Ids alone: by its type it tells no plate and no person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The read.
    pub read: Option<ReadId>,
    /// The hit.
    pub hit: Option<HitId>,
    /// The case.
    pub case: Option<CaseId>,
}

/// A step that is being taken.
#[derive(Debug)]
pub struct Span {
    step: Step,
    about: About,
    me: TraceParent,
    parent: Option<u64>,
    began: Timestamp,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which step.
    pub step: Step,
    /// Of what.
    pub about: About,
    /// The span itself.
    pub span: TraceParent,
    /// The span that it follows, where it is not the first of its trace.
    pub parent: Option<u64>,
    /// When it began.
    pub began: Timestamp,
    /// When it was done; not before it began.
    pub ended: Timestamp,
}

impl Span {
    /// Begins the first step of a read that came in at `began`: of every read whose camera says in `caller` that it records
    /// its own trace, and of the configured share of those that came without one.
    #[must_use]
    pub fn accept(read: ReadId, caller: Option<TraceParent>, began: Timestamp) -> Option<Self> {
        let export = EXPORT.get()?;
        let recorded = caller.map_or_else(|| is_sampled(read, export.share), |caller| caller.sampled);
        let trace_id = caller.map_or_else(|| u128::from_be_bytes(*read.as_bytes()), |caller| caller.trace_id);
        let about = About {
            read: Some(read),
            ..About::default()
        };
        let parent = caller.map(|caller| caller.span_id);
        recorded.then(|| Self::new(Step::Accept, about, trace_id, parent, began))
    }

    /// Begins a step that follows another.
    #[must_use]
    pub fn follow(step: Step, parent: TraceParent, about: About) -> Self {
        Self::new(
            step,
            about,
            parent.trace_id,
            Some(parent.span_id),
            Timestamp::now(),
        )
    }

    fn new(step: Step, about: About, trace_id: u128, parent: Option<u64>, began: Timestamp) -> Self {
        let me = TraceParent {
            trace_id,
            span_id: rand::random_range(1..=u64::MAX),
            sampled: true,
        };
        Self {
            step,
            about,
            me,
            parent,
            began,
        }
    }

    /// What the next step follows.
    #[must_use]
    pub fn as_parent(&self) -> TraceParent {
        self.me
    }

    /// Names this span on the record that it leads to.
    pub fn ride(&self, record: &mut Record) {
        self.me.ride(record);
    }

    /// The step is done.
    pub fn finish(self) {
        if let Some(export) = EXPORT.get() {
            export.sink.take(Finished {
                step: self.step,
                about: self.about,
                span: self.me,
                parent: self.parent,
                began: self.began,
                ended: Timestamp::now().max(self.began),
            });
        }
    }
}

/// Whether a read is among the share that is recorded: read ids are hashes, and spread evenly.
fn is_sampled(read: ReadId, share: f64) -> bool {
    let leading = u128::from_be_bytes(*read.as_bytes()) >> (u128::BITS - f64::MANTISSA_DIGITS);
    let place = leading as f64 / (1_u64 << f64::MANTISSA_DIGITS) as f64;
    place < share
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn check(text: &str, expected: Option<bool>) {
        let parsed = TraceParent::parse(text.as_bytes());
        assert_eq!(parsed.map(|parent| parent.sampled), expected, "{text}");
    }

    #[test]
    fn only_what_the_standard_allows_is_a_parent() {
        check(GOOD, Some(true));
        check(&GOOD.replace("-01", "-00"), Some(false));
        check(&GOOD.replace("-01", "-03"), Some(true));
        check(&GOOD.replace("-01", "-01-more"), None);
        check(&GOOD.replace("00-4b", "cc-4b"), Some(true));
        check(
            &GOOD.replace("00-4b", "cc-4b").replace("-01", "-01-more"),
            Some(true),
        );
        check(&GOOD.replace("00-4b", "cc-4b").replace("-01", "-01.more"), None);
        check(&GOOD.replace("00-4b", "ff-4b"), None);
        check(&GOOD.replace('b', "B"), None);
        check(
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            None,
        );
        check(&GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)), None);
        check(&GOOD.replace("-00f067aa0ba902b7", "a-0f067aa0ba902b7"), None);
        check(&GOOD.replace("00-4b", "+0-4b"), None);
        check(&GOOD[..LENGTH - 1], None);
        check(&GOOD.replacen("4bf9", "4bé", 1), None);
        check("", None);
    }

    #[test]
    fn a_parent_reads_back_as_it_was_written() {
        for (trace_id, span_id, sampled) in [
            (1, 1, true),
            (u128::MAX, u64::MAX, false),
            (1 << 64, 1 << 63, true),
        ] {
            let parent = TraceParent {
                trace_id,
                span_id,
                sampled,
            };
            assert_eq!(TraceParent::parse(parent.to_string().as_bytes()), Some(parent));
        }
        assert_eq!(TraceParent::parse(GOOD.as_bytes()).unwrap().to_string(), GOOD);
    }

    #[test]
    fn the_share_of_reads_that_is_asked_for_is_recorded() {
        let reads: Vec<ReadId> = (0..10_000_u64)
            .map(|n| {
                ReadId::from(*HitId::of_hit([0; 16].into(), u128::from(n).to_be_bytes().into()).as_bytes())
            })
            .collect();
        let share_of = |share| reads.iter().filter(|read| is_sampled(**read, share)).count();
        assert_eq!(share_of(0.0), 0);
        assert_eq!(share_of(1.0), reads.len());
        assert!(is_sampled([0xff; 16].into(), 1.0), "the last place of all");
        // A hundred, give or take five times the standard deviation of 10.
        assert!((50..150).contains(&share_of(0.01)), "{}", share_of(0.01));
    }
}
