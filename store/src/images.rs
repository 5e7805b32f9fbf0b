//! Images by content hash, in a folder or in S3.

use std::path::Path as Folder;
use std::sync::Arc;

use bytes::Bytes;
use domain::ImageHash;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use thiserror::Error;

/// Largest image kept, in bytes: a 4K scene as JPEG is some 2 MB.
pub const MAX_IMAGE_BYTES: usize = 8 * 1024 * 1024;

/// A handle on the image store; clones share it.
#[derive(Clone, Debug)]
pub struct Images {
    objects: Arc<dyn ObjectStore>,
}

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
    /// Opens a folder (made where missing, for its owner alone) or `s3://BUCKET/PREFIX` (credentials and endpoint from
    /// the usual `AWS_...` environment).
    ///
    /// # Errors
    /// When the address is neither, or the folder cannot be made.
    pub fn open(address: &str) -> Result<Self, ImageError> {
        let objects: Arc<dyn ObjectStore> = match address.strip_prefix("s3://") {
            Some(rest) => open_bucket(rest)?,
            None if address.is_empty() || address.contains("://") => {
                return Err(ImageError::Address(format!("{address:?}")));
            }
            None => open_folder(Folder::new(address))?,
        };
        Ok(Self { objects })
    }

    /// Keeps an image, durably, once, under its hash.
    ///
    /// # Errors
    /// When it is no image, too large, or the store fails.
    pub async fn put(&self, image: Bytes) -> Result<ImageHash, ImageError> {
        if image.len() > MAX_IMAGE_BYTES {
            return Err(ImageError::TooLarge(image.len()));
        }
        content_type(&image).ok_or(ImageError::Kind)?;
        let hash = ImageHash::of_image(&image);
        // No look whether it is there: repeats are rare, and one that another writer has not synced yet may vanish.
        let put = self.objects.put(&place(hash), image.into()).await;
        put.map_err(|source| ImageError::Store {
            step: "keeping an image",
            source,
        })?;
        Ok(hash)
    }

    /// An image and its content type; none where it is not kept.
    ///
    /// # Errors
    /// When the store fails, or what it has is not what was put there.
    pub async fn get(&self, hash: ImageHash) -> Result<Option<(Bytes, &'static str)>, ImageError> {
        let failed = |source| ImageError::Store {
            step: "reading an image",
            source,
        };
        let found = match self.objects.get(&place(hash)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let image = found.bytes().await.map_err(failed)?;
        match content_type(&image) {
            Some(kind) if ImageHash::of_image(&image) == hash => Ok(Some((image, kind))),
            // It may become evidence: better none than another.
            _ => Err(failed(object_store::Error::Generic {
                store: "images",
                source: "the image is damaged: its content does not have the hash that it is kept under"
                    .into(),
            })),
        }
    }
}

/// What the first bytes say.
fn content_type(image: &[u8]) -> Option<&'static str> {
    if image.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if image.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else {
        None
    }
}

/// `ab/cd/<hash>`: no folder grows beyond what tools can list.
fn place(hash: ImageHash) -> Path {
    let hash = hash.to_string();
    Path::from_iter([&hash[..2], &hash[2..4], &hash])
}

fn open_folder(folder: &Folder) -> Result<Arc<dyn ObjectStore>, ImageError> {
    let address =
        |error: &dyn std::fmt::Display| ImageError::Address(format!("{}: {error}", folder.display()));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| address(&error))?;
    let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| address(&error))?;
    // Without this a file may be empty after power loss: it was only handed to the page cache.
    Ok(Arc::new(files.with_fsync(true)))
}

fn open_bucket(rest: &str) -> Result<Arc<dyn ObjectStore>, ImageError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let address = |error: &dyn std::fmt::Display| ImageError::Address(format!("s3://{rest}: {error}"));
    if bucket.is_empty() {
        return Err(address(&"no bucket"));
    }
    let bucket = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .build()
        .map_err(|error| address(&error))?;
    let prefix = Path::parse(prefix).map_err(|error| address(&error))?;
    Ok(Arc::new(PrefixStore::new(bucket, prefix)))
}
