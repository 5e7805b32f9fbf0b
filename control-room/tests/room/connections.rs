//! What strangers can do to the port.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Room, answer};

#[tokio::test]
async fn a_connection_that_does_not_say_what_it_wants_is_closed() {
    let room = Room::open().await;
    let mut silent = TcpStream::connect(room.address).await.unwrap();
    silent
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(15), silent.read_to_end(&mut rest)).await;
    closed.expect("closed in time").unwrap();
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_harms_nobody() {
    let room = Room::open().await;
    for noise in [&b"\x16\x03\x01\x02\x00\x01"[..], b"\r\n\r\n\r\n", b"GET\r\n\r\n"] {
        let mut stranger = TcpStream::connect(room.address).await.unwrap();
        stranger.write_all(noise).await.unwrap();
    }
    let (status, _) = answer(room.request(Method::GET, "/healthz")).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take_is_named() {
    let room = Room::open().await;
    let response = room.request(Method::PUT, "/api/cases").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], json!("method_not_allowed"));
}
