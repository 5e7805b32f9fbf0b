//! One partition's share of a batch: its reads, judged in the partition's order. A share needs nothing of another one, so that
//! they are judged side by side.

use domain::Timestamp;
use domain::hit::{Hit, MatchKind};
use domain::journey::Journey;
use stream::trace::{About, Span, Step, TraceParent};
use stream::{Delivered, LogError, Place, Record, wire};

use crate::beliefs::Beliefs;
use crate::cameras::Cameras;
use crate::clones::{self, CloneRule};
use crate::description::Description;
use crate::gate::{Envelope, Gate};
use crate::index::Index;
use crate::matching::{self, Candidate, Found, Walk};
use crate::posts::Posts;
use crate::prefetch::prefetch;
use crate::sightings::{ASKED, Sighting, Sightings};
use crate::traffic::Seen;
use crate::{history, poison, sightings};

/// See the module's page.
pub(crate) struct Share<'a> {
    pub(crate) sightings: &'a mut Sightings,
    pub(crate) reads: Vec<&'a Delivered>,
}

/// What all shares of a batch are judged under.
pub(crate) struct Under<'a> {
    pub(crate) index: &'a Index,
    pub(crate) beliefs: &'a Beliefs,
    pub(crate) posts: &'a Posts,
    pub(crate) cameras: &'a Cameras,
    pub(crate) clones: &'a CloneRule,
    pub(crate) now: Timestamp,
}

/// What a share led to, ready for the log.
pub(crate) struct Judged {
    pub(crate) hits: Vec<Record>,
    /// Of the hits whose reads are traced.
    pub(crate) spans: Vec<Span>,
    pub(crate) letters: Vec<Record>,
}

impl Share<'_> {
    /// Adds the reads to the sightings, and judges them.
    ///
    /// # Errors
    /// Does not fail for values of the domain.
    pub(crate) fn judge(mut self, under: &Under<'_>) -> Result<Judged, LogError> {
        let remembered = self.remember(under);
        let mut judging = Judging {
            share: &self,
            places: &remembered.places,
            under,
            candidates: Vec::new(),
            hits: Vec::new(),
            spans: Vec::new(),
            letters: Vec::new(),
        };
        judging.judge_marks()?;
        judging.judge_journeys(remembered.journeys)?;
        judging.end()
    }

    /// Adds the reads to the sightings, and notes the journeys that no vehicle makes: at once, while what was looked at is at hand.
    fn remember(&mut self, under: &Under<'_>) -> Remembered {
        let mut remembered = Remembered {
            places: Vec::with_capacity(self.reads.len()),
            journeys: Vec::new(),
        };
        let mut some = Vec::with_capacity(ASKED);
        for (chunk, reads) in self.reads.chunks(ASKED).enumerate() {
            let next = self.reads.iter().skip((chunk + 1) * ASKED).take(ASKED);
            next.for_each(|read| ask_for_headers(read));
            some.clear();
            some.extend(reads.iter().map(|read| history::sighting_of(read, under.cameras)));
            self.sightings
                .ask(some.iter().flatten().map(|sighting: &Sighting| sighting.mark));
            for sighting in &some {
                let place = sighting.and_then(|sighting| history::add(self.sightings, sighting));
                let journey = place.and_then(|place| {
                    self.sightings
                        .journey(place, under.cameras, under.clones.most_kmh)
                });
                let number = remembered.places.len();
                remembered
                    .journeys
                    .extend(journey.map(|journey| (number, journey)));
                remembered.places.push(place);
            }
        }
        remembered
    }
}

/// Asks for what is looked at of a read soon: another thread wrote it.
fn ask_for_headers(read: &Delivered) {
    let bytes = read.headers.as_bytes();
    prefetch(bytes.first());
    prefetch(bytes.last());
}

/// What the sightings say about a share's reads.
struct Remembered {
    /// Each read's place among them.
    places: Vec<Option<sightings::Place>>,
    /// Journeys that no vehicle makes, each with its read's number in the share.
    journeys: Vec<(usize, Journey)>,
}

/// A share that is being judged.
struct Judging<'a> {
    share: &'a Share<'a>,
    places: &'a [Option<sightings::Place>],
    under: &'a Under<'a>,
    candidates: Vec<Candidate>,
    hits: Vec<Hit>,
    /// Spans of the hits whose reads are traced, each with its hit's place in `hits`.
    spans: Vec<(usize, Span)>,
    letters: Vec<Record>,
}

impl<'a> Judging<'a> {
    fn read(&self, number: usize) -> &'a Delivered {
        self.share.reads[number]
    }

    /// How often the mark of a read was seen in the last day, if that is known.
    fn seen(&self, number: usize) -> Option<Seen> {
        self.share
            .sightings
            .seen(self.places[number]?, self.under.cameras)
    }

    /// Hits on lists, and dead letters. A value is opened for candidates alone.
    fn judge_marks(&mut self) -> Result<(), LogError> {
        let Under { index, beliefs, .. } = *self.under;
        let mut candidates = std::mem::take(&mut self.candidates);
        let keys = || self.share.reads.iter().map(|read| read.key.as_deref());
        let mut gate = Gate::new(index, beliefs);
        matching::probe_alike(
            keys(),
            index,
            |likeness| gate.lets_pass(likeness, || self.envelope(likeness.read)),
            &mut candidates,
        );
        matching::probe_wildcards(keys(), index, &mut Walk::default(), &mut candidates);
        for of_read in candidates.chunk_by(|one, next| one.read == next.read) {
            self.judge_candidates(of_read)?;
        }
        self.candidates = candidates;
        Ok(())
    }

    /// What a read's envelope says beside its mark.
    fn envelope(&self, number: usize) -> Envelope<'a> {
        let read = self.read(number);
        let camera = read.header(wire::HEADER_CAMERA).unwrap_or_default();
        Envelope {
            camera: std::str::from_utf8(camera).unwrap_or_default(),
            looks: wire::vehicle_of(read).map(|(make, colour)| Description::parse(make, colour)),
            seen: self.seen(number),
        }
    }

    /// The hits of one read on the marks and patterns that it may be.
    fn judge_candidates(&mut self, of_read: &[Candidate]) -> Result<(), LogError> {
        let number = of_read[0].read;
        let delivered = self.read(number);
        let opened = match of_read[0].found {
            Found::NoMark => Err("the key is no mark".to_owned()),
            Found::Listed { .. } | Found::Wildcard => poison::open(delivered),
        };
        let read = match opened {
            Ok(read) => read,
            Err(reason) => return self.bury(delivered, &reason),
        };
        let case = matching::Case {
            read: &read,
            seen: self.seen(number),
            index: self.under.index,
            beliefs: self.under.beliefs,
            posts: self.under.posts,
            now: self.under.now,
        };
        let marks = of_read.iter().filter_map(|candidate| match candidate.found {
            Found::Listed { mark, .. } => Some(mark),
            Found::Wildcard | Found::NoMark => None,
        });
        let first = self.hits.len();
        if let Err(reason) = matching::judge(&case, marks, &mut self.hits) {
            let Place {
                partition, offset, ..
            } = delivered.place;
            tracing::warn!(partition, offset, %reason, "a read is judged without its confidences");
        }
        if of_read.iter().any(|candidate| candidate.found == Found::Wildcard) {
            matching::judge_wildcards(&case, &mut self.hits);
        }
        self.follow(delivered, first);
        Ok(())
    }

    /// Hits of marks that were read at two places at once. A read that cannot be opened is a dead letter.
    fn judge_journeys(&mut self, journeys: Vec<(usize, Journey)>) -> Result<(), LogError> {
        let Under {
            index, clones, now, ..
        } = *self.under;
        for (number, journey) in journeys {
            let delivered = self.read(number);
            match poison::open(delivered) {
                Ok(read) => {
                    let first = self.hits.len();
                    let hit = clones::clone_hit(read, journey, clones, index.revision(), now);
                    self.hits.push(hit.without(index.without()));
                    self.follow(delivered, first);
                }
                // One that may be listed was opened before, and is a dead letter already.
                Err(_)
                    if self
                        .candidates
                        .binary_search_by_key(&number, |one| one.read)
                        .is_ok() => {}
                Err(reason) => self.bury(delivered, &reason)?,
            }
        }
        Ok(())
    }

    fn bury(&mut self, read: &Delivered, reason: &str) -> Result<(), LogError> {
        self.letters.push(poison::letter(read, reason, self.under.now)?);
        Ok(())
    }

    /// Begins the spans of the hits from place `first` on, which one read led to, where it is traced.
    fn follow(&mut self, read: &Delivered, first: usize) {
        let Some(parent) = TraceParent::of_record(read) else {
            return;
        };
        let found = self.hits.iter().enumerate().skip(first);
        self.spans.extend(found.map(|(place, hit)| {
            let about = About {
                read: Some(hit.read.read_id),
                hit: Some(hit.hit_id),
                ..About::default()
            };
            (place, Span::follow(Step::Match, parent, about))
        }));
    }

    /// Counts the hits and makes them ready for the log.
    fn end(self) -> Result<Judged, LogError> {
        for hit in &self.hits {
            count(hit);
            tracing::debug_span!("hit", hit_id = %hit.hit_id, read_id = %hit.read.read_id)
                .in_scope(|| tracing::debug!(revision = %hit.revision, "found"));
        }
        let mut hits: Vec<Record> = self.hits.iter().map(wire::hit_record).collect::<Result<_, _>>()?;
        for (place, span) in &self.spans {
            span.ride(&mut hits[*place]);
        }
        Ok(Judged {
            hits,
            spans: self.spans.into_iter().map(|(_, span)| span).collect(),
            letters: self.letters,
        })
    }
}

fn count(hit: &Hit) {
    let kind = match hit.kind {
        MatchKind::Exact => "exact",
        MatchKind::Misread => "misread",
        MatchKind::Wildcard => "wildcard",
        MatchKind::Clone => "clone",
    };
    let grade = hit.entry.grade.to_string();
    metrics::counter!("steelring_matcher_hits_total", "grade" => grade, "kind" => kind).increment(1);
}
