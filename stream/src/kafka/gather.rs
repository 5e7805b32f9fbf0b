//! Messages of librdkafka as records of ours, with few allocations.

use bytes::BytesMut;
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Headers as _};

use crate::headers::{self, Headers};
use crate::topic::Topic;
use crate::{Delivered, Place};

/// Records share allocations of this size. Whoever keeps one record keeps its chunk: it is small for that reason.
const CHUNK_BYTES: usize = 64 * 1024;
/// Room for the headers of a record, which are looked at once and not measured first. A chunk grows where they take more.
const HEADERS_BYTES: usize = 512;

/// Copies messages.
#[derive(Default)]
pub(super) struct Gather {
    chunk: BytesMut,
}

impl Gather {
    pub(super) fn take(&mut self, topic: Topic, message: &BorrowedMessage<'_>) -> Delivered {
        let (key, value) = (message.key(), message.payload());
        let size = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + HEADERS_BYTES;
        if self.chunk.capacity() < size {
            self.chunk = BytesMut::with_capacity(CHUNK_BYTES.max(size));
        }
        for part in [key, value].into_iter().flatten() {
            self.chunk.extend_from_slice(part);
        }
        for header in message.headers().iter().flat_map(|headers| headers.iter()) {
            headers::put(&mut self.chunk, header.key, header.value.unwrap_or_default());
        }
        let mut rest = self.chunk.split().freeze();
        let mut cut = |part: Option<&[u8]>| part.map(|part| rest.split_to(part.len()));
        Delivered {
            place: Place {
                topic,
                partition: message.partition().cast_unsigned(),
                offset: message.offset().cast_unsigned(),
            },
            key: cut(key),
            value: cut(value),
            timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
            headers: Headers::of_bytes(rest),
        }
    }
}
