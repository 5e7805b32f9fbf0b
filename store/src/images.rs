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
    pub(crate) objects: Arc<dyn ObjectStore>,
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

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a plate";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a scene";

    #[tokio::test]
    async fn an_image_comes_back_with_its_kind_whoever_asks() {
        let folder = tempfile::tempdir().unwrap();
        let address = folder.path().join("images").display().to_string();
        let images = Images::open(&address).unwrap();
        for (image, kind) in [(JPEG, "image/jpeg"), (PNG, "image/png")] {
            let hash = images.put(Bytes::from_static(image)).await.unwrap();
            assert_eq!(hash, ImageHash::of_image(image));
            assert_eq!(images.put(Bytes::from_static(image)).await.unwrap(), hash);
            let again = Images::open(&address).unwrap().get(hash).await.unwrap();
            assert_eq!(again, Some((Bytes::from_static(image), kind)));
            let hash = hash.to_string();
            let file = folder
                .path()
                .join("images")
                .join(&hash[..2])
                .join(&hash[2..4])
                .join(&hash);
            assert_eq!(std::fs::read(file).unwrap(), image);
        }
    }

    #[tokio::test]
    async fn what_is_no_image_or_too_large_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::open(&folder.path().display().to_string()).unwrap();
        for text in [&b""[..], b"GIF89a", b"<svg/>", b"\xff\xd8"] {
            let refused = images.put(Bytes::from_static(text)).await;
            assert!(matches!(refused, Err(ImageError::Kind)), "{refused:?}");
        }
        let mut large = JPEG.to_vec();
        large.resize(MAX_IMAGE_BYTES + 1, 0);
        let refused = images.put(large.into()).await;
        assert!(matches!(refused, Err(ImageError::TooLarge(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_missing_image_is_none_and_a_damaged_one_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::open(&folder.path().display().to_string()).unwrap();
        assert_eq!(images.get(ImageHash::of_image(JPEG)).await.unwrap(), None);
        let hash = images.put(Bytes::from_static(JPEG)).await.unwrap();
        let name = hash.to_string();
        let file = folder.path().join(&name[..2]).join(&name[2..4]).join(&name);
        std::fs::write(file, [JPEG, b"!"].concat()).unwrap();
        assert!(matches!(images.get(hash).await, Err(ImageError::Store { .. })));
    }

    #[test]
    fn a_wrong_address_says_what_is_wanted() {
        for address in ["", "s3://", "ftp://host/x", "/dev/null/images"] {
            let refused = Images::open(address).unwrap_err();
            assert!(
                matches!(refused, ImageError::Address(_)),
                "{address:?}: {refused:?}"
            );
        }
        // A bucket is not contacted before it is used.
        for address in ["s3://bucket", "s3://bucket/some/prefix"] {
            assert!(Images::open(address).is_ok(), "{address}");
        }
    }
}
