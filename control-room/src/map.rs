//! The map's fixed part: outlines, roads and cameras as GeoJSON.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::Position;
use domain::force::{Bcu, Camera, Force, Road};
use serde_json::{Value, json};

use crate::access::SignedIn;
use crate::app::App;
use crate::error::ControlRoomError;

/// `GET /api/map`
pub(crate) async fn map(State(app): State<Arc<App>>, _: SignedIn) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, app.map.clone()).into_response()
}

/// The force as the map draws it.
pub(crate) fn encode(force: &Force) -> Result<Bytes, ControlRoomError> {
    let map = json!({
        "name": force.name,
        "control_room": force.control_room,
        "bounds": bounds(force),
        "bcus": collection(force.bcus.iter().map(bcu)),
        "roads": collection(force.roads.iter().map(road)),
        "cameras": collection(force.cameras.iter().map(camera)),
    });
    serde_json::to_vec(&map)
        .map(Bytes::from)
        .map_err(ControlRoomError::Encode)
}

fn collection(features: impl Iterator<Item = Value>) -> Value {
    json!({"type": "FeatureCollection", "features": features.collect::<Vec<_>>()})
}

fn feature(properties: &Value, kind: &str, coordinates: &Value) -> Value {
    json!({
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": kind, "coordinates": coordinates},
    })
}

fn bcu(bcu: &Bcu) -> Value {
    let rings = |polygon: &Vec<Vec<Position>>| polygon.iter().map(|ring| line(ring)).collect::<Vec<_>>();
    let polygons: Vec<_> = bcu.outline.polygons.iter().map(rings).collect();
    let properties = json!({"code": bcu.code, "name": bcu.name});
    feature(&properties, "MultiPolygon", &json!(polygons))
}

fn road(road: &Road) -> Value {
    let properties = json!({"name": road.name, "class": road.class});
    feature(&properties, "LineString", &json!(line(&road.course)))
}

fn camera(camera: &Camera) -> Value {
    let properties = json!({
        "camera": camera.camera,
        "name": camera.name,
        "bcu": camera.bcu,
        "bearing_deg": camera.bearing_deg,
    });
    feature(&properties, "Point", &json!(point(camera.position)))
}

fn line(places: &[Position]) -> Vec<[f64; 2]> {
    places.iter().copied().map(point).collect()
}

fn point(place: Position) -> [f64; 2] {
    [place.lon(), place.lat()]
}

/// South-west and north-east corners of everything drawn, as `[[west, south], [east, north]]`; none of an empty force.
fn bounds(force: &Force) -> Option<[[f64; 2]; 2]> {
    let outlines = force
        .bcus
        .iter()
        .flat_map(|bcu| bcu.outline.polygons.iter().flatten().flatten());
    let courses = force.roads.iter().flat_map(|road| &road.course);
    let cameras = force.cameras.iter().map(|camera| &camera.position);
    outlines
        .chain(courses)
        .chain(cameras)
        .copied()
        .map(point)
        .fold(None, |bounds, [lon, lat]| {
            let [[west, south], [east, north]] = bounds.unwrap_or([[lon, lat], [lon, lat]]);
            Some([
                [f64::min(west, lon), f64::min(south, lat)],
                [f64::max(east, lon), f64::max(north, lat)],
            ])
        })
}
