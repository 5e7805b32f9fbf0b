//! What happens to a message once it is in memory: decoded, checked, its images kept, its reads published.
//!
//! The order makes "nothing half-accepted" true as far as a log can: images (harmless without their read), then dead
//! letters (harmless twice), then what was seen in vehicles (harmless without its read), then reads, last. Whatever fails,
//! the sender hears 503 and posts the whole message again; ids that are hashes make the repetition one effect.

use std::ops::Range;
use std::sync::Arc;

use ::store::image_links::ImageKind;
use ::store::images::{ImageError, Images};
use ::store::sources::Source;
use ::stream::topic::Topic;
use ::stream::trace::{Span, TraceParent};
use ::stream::wire::{DeadLetter, dead_letter_record, observation_record, read_record};
use ::stream::{Log, LogError, Record};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::force::Force;
use domain::observation::{Observation, Observer};
use domain::read::PlateRead;
use domain::{ImageHash, ReadId, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use tokio::time::timeout;
use tracing::{debug, debug_span, warn};

use crate::error::{Chain, Refusal};
use crate::formats::{Address, IMAGES};
use crate::hold::{Held, Hold};
use crate::limits::{IMAGES_AT_ONCE, KEEP_TIMEOUT};
use crate::message::{Context, Decoded, Inside, Message, Sighting, Stage, is_image};
use crate::sources::Cameras;

/// Everything a message passes on its way into the log.
pub(crate) struct Intake {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) images: Images,
    pub(crate) hold: Hold,
    pub(crate) cameras: Cameras,
    pub(crate) timezone: TimeZone,
}

/// A message, and where it comes from.
pub(crate) struct Post<'a> {
    pub(crate) source: &'a Source,
    pub(crate) message: Message,
    pub(crate) received_at: Timestamp,
    /// The span that the sender posts it in, where it says so.
    pub(crate) caller: Option<TraceParent>,
    /// Whether what cannot be read becomes a dead letter; a replay's is one already.
    pub(crate) bury: bool,
}

/// What became of one thing that a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Durable in the log, or linked to its read.
    Accepted(ReadId),
    /// Durable; the read comes when its car is out of view.
    Held,
    /// Not readable; a dead letter.
    Refused(Refusal),
}

/// Something decoded and checked, with the images that belong to it.
struct Checked {
    read: PlateRead,
    /// What the camera saw in the vehicle, where it says so.
    observation: Option<Observation>,
    images: Vec<(ImageKind, Bytes)>,
    way: Way,
}

/// Where a checked sighting goes.
enum Way {
    /// Into the log.
    Publish,
    /// To the cars in view.
    Hold { car: String, stage: Stage },
    /// Only its images count.
    Link,
}

type Verdict = Result<Checked, (Refusal, Option<Range<usize>>)>;

impl Intake {
    pub(crate) fn new(log: Arc<dyn Log>, images: Images, hold: Hold, force: &Force) -> Self {
        Self {
            log,
            images,
            hold,
            cameras: Cameras::of(force),
            timezone: force.timezone.clone(),
        }
    }

    /// Takes a message: what becomes of each thing that it says.
    ///
    /// # Errors
    /// When log or image store are away: then nothing is accepted.
    pub(crate) async fn take(&self, address: &Address, post: &Post<'_>) -> Result<Vec<Fate>, Refusal> {
        let context = Context {
            timezone: &self.timezone,
        };
        let verdicts: Vec<Verdict> = match address.format.decode(&post.message, &context) {
            Ok(decoded) => decoded
                .into_iter()
                .map(|decoded| self.check(decoded, post))
                .collect(),
            Err(error) => vec![Err((error.into(), None))],
        };
        self.keep_images(&verdicts).await?;
        self.bury_refused(address.name, &verdicts, post).await?;
        let fates = self.pass_on(&verdicts, post).await?;
        count(address.name, &verdicts, &fates);
        Ok(fates)
    }

    /// Takes an image that comes by itself.
    ///
    /// # Errors
    /// When log or image store are away; or with the refusal of what is no image, once it is a dead letter.
    pub(crate) async fn take_image(&self, post: &Post<'_>) -> Result<ImageHash, Refusal> {
        let image = &post.message.body;
        if is_image(image) {
            return self.keep_image(image.clone()).await;
        }
        let refusal = Refusal::of_field(
            "bad_image",
            "image",
            "the body is neither a JPEG nor a PNG: send the image itself",
        );
        count_refused(IMAGES, &refusal);
        self.bury_refused(IMAGES, &[Err((refusal.clone(), None))], post)
            .await?;
        Err(refusal)
    }

    fn check(&self, decoded: Decoded, post: &Post<'_>) -> Verdict {
        let (sighting, way) = match decoded {
            Decoded::Read(sighting) => (sighting, Way::Publish),
            Decoded::ImagesOf(sighting) => (sighting, Way::Link),
            Decoded::Passing { sighting, car, stage } => (sighting, Way::Hold { car, stage }),
            Decoded::Refused { error, part } => return Err((error.into(), part)),
        };
        let part = sighting.part.clone();
        self.check_sighting(sighting, way, post)
            .map_err(|refusal| (refusal, part))
    }

    fn check_sighting(&self, sighting: Sighting, way: Way, post: &Post<'_>) -> Result<Checked, Refusal> {
        let camera = self.cameras.resolve(post.source, &sighting.cameras)?;
        let mut raw = sighting.raw;
        let mut images = Vec::new();
        if let Some(image) = sighting.plate_image {
            raw.plate_image = Some(ImageHash::of_image(&image));
            images.push((ImageKind::Plate, image));
        }
        if let Some(image) = sighting.overview_image {
            raw.overview_image = Some(ImageHash::of_image(&image));
            images.push((ImageKind::Overview, image));
        }
        let read = raw.check(camera, post.source.name.clone(), post.received_at)?;
        let observation = sighting.inside.map(|Inside { child, occupants }| {
            let camera = read.camera.clone();
            let by = Observer::Camera { camera };
            Observation::new(read.vrm, child, occupants, by, read.captured_at)
        });
        Ok(Checked {
            read,
            observation,
            images,
            way,
        })
    }

    async fn keep_images(&self, verdicts: &[Verdict]) -> Result<(), Refusal> {
        let images = verdicts.iter().flatten().flat_map(|checked| &checked.images);
        let kept = images.map(|(_, image)| self.keep_image(image.clone()));
        stream::iter(kept.collect::<Vec<_>>())
            .buffer_unordered(IMAGES_AT_ONCE)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
    }

    async fn keep_image(&self, image: Bytes) -> Result<ImageHash, Refusal> {
        stored(self.images.put(image)).await
    }

    /// Makes dead letters of what cannot be read: of each part that makes a message by itself, or of the whole message
    /// once.
    async fn bury_refused(
        &self,
        format: &'static str,
        verdicts: &[Verdict],
        post: &Post<'_>,
    ) -> Result<(), Refusal> {
        let mut whole_is_buried = false;
        let mut letters = Vec::new();
        for (refusal, part) in verdicts.iter().filter_map(|verdict| verdict.as_ref().err()) {
            let body = match part.as_ref().and_then(|part| post.message.body.get(part.clone())) {
                Some(part) => part,
                None if whole_is_buried => continue,
                None => {
                    whole_is_buried = true;
                    &post.message.body
                }
            };
            letters.push((refusal, body));
        }
        if !post.bury || letters.is_empty() {
            return Ok(());
        }
        let record = |(refusal, body): (&Refusal, &[u8])| {
            dead_letter_record(&DeadLetter {
                source: post.source.name.to_string(),
                format: format.to_owned(),
                content_type: post.message.content_type.clone(),
                field: refusal.field.map(str::to_owned),
                reason: refusal.message.to_string(),
                received_at: post.received_at,
                body_base64: BASE64_STANDARD.encode(body),
            })
        };
        let records: Result<Vec<_>, _> = letters.into_iter().map(record).collect();
        self.publish(Topic::DeadLetters, records.map_err(|error| internal(&error))?)
            .await
    }

    async fn pass_on(&self, verdicts: &[Verdict], post: &Post<'_>) -> Result<Vec<Fate>, Refusal> {
        let mut reads = Vec::new();
        let mut fates = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            fates.push(match verdict {
                Err((refusal, _)) => Fate::Refused(refusal.clone()),
                Ok(checked) => self.pass_one(checked, &mut reads).await?,
            });
        }
        self.publish_observations(verdicts).await?;
        self.publish_reads(&reads, post).await?;
        Ok(fates)
    }

    async fn publish_observations(&self, verdicts: &[Verdict]) -> Result<(), Refusal> {
        let seen = verdicts
            .iter()
            .flatten()
            .filter_map(|checked| checked.observation.as_ref());
        let records: Result<Vec<_>, _> = seen.map(observation_record).collect();
        let records = records.map_err(|error| internal(&error))?;
        if records.is_empty() {
            return Ok(());
        }
        self.publish(Topic::Observations, records).await
    }

    async fn pass_one<'a>(
        &self,
        checked: &'a Checked,
        reads: &mut Vec<&'a PlateRead>,
    ) -> Result<Fate, Refusal> {
        let Checked {
            read, images, way, ..
        } = checked;
        debug_span!("read", read_id = %read.read_id, camera = %read.camera).in_scope(|| debug!("checked"));
        match way {
            Way::Publish => reads.push(read),
            Way::Hold { car, stage } => {
                return Ok(match self.hold.take(car, read.clone(), *stage).await? {
                    Held::InView => Fate::Held,
                    Held::Published(read) => Fate::Accepted(read),
                });
            }
            Way::Link => {
                for (kind, image) in images {
                    let hash = ImageHash::of_image(image);
                    stored(self.images.link(read.read_id, *kind, hash)).await?;
                }
            }
        }
        Ok(Fate::Accepted(read.read_id))
    }

    async fn publish_reads(&self, reads: &[&PlateRead], post: &Post<'_>) -> Result<(), Refusal> {
        if reads.is_empty() {
            return Ok(());
        }
        let traced = traced_records(reads.iter().copied(), post.caller, post.received_at);
        let (records, spans) = traced.map_err(|error| internal(&error))?;
        self.publish(Topic::Reads, records).await?;
        spans.into_iter().for_each(Span::finish);
        Ok(())
    }

    async fn publish(&self, topic: Topic, records: Vec<Record>) -> Result<(), Refusal> {
        match timeout(KEEP_TIMEOUT, self.log.publish(topic, records)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                warn!(error = %Chain(&error), %topic, "publishing failed");
                Err(Refusal::unavailable("the log"))
            }
            Err(_) => {
                warn!(%topic, "publishing takes too long");
                Err(Refusal::unavailable("the log"))
            }
        }
    }
}

/// The records of reads that came in at `began`, and the spans of those that are traced.
pub(crate) fn traced_records<'a>(
    reads: impl Iterator<Item = &'a PlateRead>,
    caller: Option<TraceParent>,
    began: Timestamp,
) -> Result<(Vec<Record>, Vec<Span>), LogError> {
    let (mut records, mut spans) = (Vec::new(), Vec::new());
    for read in reads {
        let mut record = read_record(read)?;
        if let Some(span) = Span::accept(read.read_id, caller, began) {
            span.ride(&mut record);
            spans.push(span);
        }
        records.push(record);
    }
    Ok((records, spans))
}

/// Waits for the image store.
async fn stored<T>(work: impl Future<Output = Result<T, ImageError>>) -> Result<T, Refusal> {
    match timeout(KEEP_TIMEOUT, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            warn!(error = %Chain(&error), "the image store failed");
            Err(Refusal::unavailable("the image store"))
        }
        Err(_) => {
            warn!("the image store takes too long");
            Err(Refusal::unavailable("the image store"))
        }
    }
}

/// Values of the domain always encode; should one not, nothing is accepted.
fn internal(error: &LogError) -> Refusal {
    warn!(error = %Chain(error), "a record does not encode");
    Refusal::unavailable("the log")
}

fn count(format: &'static str, verdicts: &[Verdict], fates: &[Fate]) {
    let accepted = fates
        .iter()
        .filter(|fate| matches!(fate, Fate::Accepted(_)))
        .count();
    metrics::counter!("steelring_ingest_reads_total", "format" => format).increment(accepted as u64);
    let suspect = verdicts
        .iter()
        .flatten()
        .filter(|checked| checked.read.clock_suspect)
        .count();
    metrics::counter!("steelring_ingest_clock_suspect_total").increment(suspect as u64);
    for fate in fates {
        if let Fate::Refused(refusal) = fate {
            count_refused(format, refusal);
        }
    }
}

/// Counts a refusal.
pub(crate) fn count_refused(format: &'static str, refusal: &Refusal) {
    metrics::counter!("steelring_ingest_refused_total", "format" => format, "reason" => refusal.code)
        .increment(1);
}
