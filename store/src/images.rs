//! Images by content hash, in a folder or in S3.

use bytes::Bytes;
use domain::ImageHash;
use thiserror::Error;

/// Largest image kept, in bytes: a 4K scene as JPEG is some 2 MB.
pub const MAX_IMAGE_BYTES: usize = 8 * 1024 * 1024;

/// A handle on the image store; clones share it.
#[derive(Clone, Debug)]
pub struct Images {}

/// Which step of the image store failed.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The address is none of ours.
    #[error("image store address: {0}; use a folder's path or s3://BUCKET/PREFIX")]
    Address(String),
    /// Not a JPEG or PNG.
    #[error("an image must be a JPEG or a PNG")]
    Kind,
    /// Larger than [`MAX_IMAGE_BYTES`].
    #[error("an image of {0} bytes is larger than the {MAX_IMAGE_BYTES} bytes kept")]
    TooLarge(usize),
    /// The store fails.
    #[error("image store: {step}")]
    Store {
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        source: object_store::Error,
    },
}

impl Images {
    /// Opens a folder (made where missing) or `s3://BUCKET/PREFIX` (credentials and endpoint from the usual `AWS_...`
    /// environment).
    ///
    /// # Errors
    /// When the address is neither, or the folder cannot be made.
    pub fn open(address: &str) -> Result<Self, ImageError> {
        unimplemented!("{address}")
    }

    /// Keeps an image, durably, once, under its hash.
    ///
    /// # Errors
    /// When it is no image, too large, or the store fails.
    pub async fn put(&self, image: Bytes) -> Result<ImageHash, ImageError> {
        let _ = image;
        unimplemented!()
    }

    /// An image and its content type; none where it is not kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, hash: ImageHash) -> Result<Option<(Bytes, &'static str)>, ImageError> {
        let _ = hash;
        unimplemented!()
    }
}
