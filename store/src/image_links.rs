//! Images that belong to a read but came apart from it.
//!
//! A read in the log never changes. Back-office cameras may post a read's images before or after the read itself; what
//! identifies the read is known from either, so that the image is linked to the read's id here, and whoever shows the
//! read asks for [`Images::links`] where the read itself names no image.

use bytes::Bytes;
use domain::{ImageHash, ReadId};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::images::{ImageError, Images};

/// What an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// The cut-out of the plate.
    Plate,
    /// The whole scene.
    Overview,
}

/// The images linked to a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageLinks {
    /// The cut-out of the plate.
    pub plate: Option<ImageHash>,
    /// The whole scene.
    pub overview: Option<ImageHash>,
}

impl Images {
    /// Links an image to a read, durably; a later one of the same kind takes its place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn link(&self, read: ReadId, kind: ImageKind, hash: ImageHash) -> Result<(), ImageError> {
        let content = Bytes::from(hash.to_string());
        let put = self.objects.put(&place(read, kind), content.into()).await;
        put.map(|_| ()).map_err(|source| ImageError::Store {
            step: "linking an image",
            source,
        })
    }

    /// The images linked to a read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn links(&self, read: ReadId) -> Result<ImageLinks, ImageError> {
        Ok(ImageLinks {
            plate: self.linked(read, ImageKind::Plate).await?,
            overview: self.linked(read, ImageKind::Overview).await?,
        })
    }

    async fn linked(&self, read: ReadId, kind: ImageKind) -> Result<Option<ImageHash>, ImageError> {
        let failed = |source| ImageError::Store {
            step: "reading an image's link",
            source,
        };
        let found = match self.objects.get(&place(read, kind)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let content = found.bytes().await.map_err(failed)?;
        // A link that does not decode is none: the image is still kept under its hash.
        Ok(std::str::from_utf8(&content)
            .ok()
            .and_then(|hash| hash.parse().ok()))
    }
}

/// `links/ab/<read id>/plate`: apart from the images, whose folders are two digits.
fn place(read: ReadId, kind: ImageKind) -> Path {
    let read = read.to_string();
    let kind = match kind {
        ImageKind::Plate => "plate",
        ImageKind::Overview => "overview",
    };
    Path::from_iter(["links", &read[..2], &read, kind])
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{CameraId, Timestamp, Vrm};

    #[tokio::test]
    async fn a_link_is_found_by_read_and_kind_and_the_last_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let images = Images::open(folder.path().to_str().unwrap()).unwrap();
        let read = |mark| {
            let camera = CameraId::parse("c1").unwrap();
            ReadId::of_read(&camera, Timestamp::UNIX_EPOCH, Vrm::parse(mark).unwrap())
        };
        let (first, second) = (ImageHash::of_image(b"1"), ImageHash::of_image(b"2"));
        images
            .link(read("AB12CDE"), ImageKind::Plate, first)
            .await
            .unwrap();
        images
            .link(read("AB12CDE"), ImageKind::Plate, second)
            .await
            .unwrap();
        let links = images.links(read("AB12CDE")).await.unwrap();
        assert_eq!((links.plate, links.overview), (Some(second), None));
        assert_eq!(
            images.links(read("XY34ZZZ")).await.unwrap(),
            ImageLinks::default()
        );
    }
}
