//! Talking to a running Steelring: the one on the data directory, or one at an address.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::Server;
use crate::config::Settings;

/// What `steelring up` leaves in its data directory for the commands beside it, readable by its owner alone.
#[derive(Debug, Serialize, Deserialize)]
pub struct LocalAccess {
    /// Address of the control room.
    pub control_room: String,
    /// Address of ingest.
    pub ingest: String,
    /// Token of the user `command-line`.
    pub token: String,
}

/// Which of the two addresses to talk to.
#[derive(Debug, Clone, Copy)]
pub enum Service {
    /// The control room.
    ControlRoom,
    /// Ingest.
    Ingest,
}

impl LocalAccess {
    fn path(data: &Path) -> PathBuf {
        data.join("local-access.json")
    }

    /// Reads what an earlier `up` left; none where there was none.
    pub fn read(data: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path(data)).ok()?).ok()
    }

    /// Writes it, for its owner alone.
    pub fn write(&self, data: &Path) -> Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = Self::path(data);
        let mut options = std::fs::OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        file.and_then(|mut file| file.write_all(&serde_json::to_vec(self)?))
            .with_context(|| format!("write {}", path.display()))
    }
}

/// A client of one service.
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: String,
}

impl Client {
    /// Finds the service: `--server` with STEELRING_TOKEN, or what runs on the data directory.
    pub fn new(server: &Server, service: Service, settings: &Settings) -> Result<Self> {
        let (address, token) = match &server.server {
            Some(address) => {
                let token = std::env::var("STEELRING_TOKEN").context(
                    "--server needs a token in STEELRING_TOKEN; `steelring user add --token` makes one",
                )?;
                (address.clone(), token)
            }
            None => {
                let Some(local) = LocalAccess::read(&settings.data) else {
                    bail!(
                        "no Steelring has run on {}: name its --data directory, or its address with --server",
                        settings.data.display()
                    );
                };
                let address = match service {
                    Service::ControlRoom => local.control_room,
                    Service::Ingest => local.ingest,
                };
                (address, local.token)
            }
        };
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self {
            http: reqwest::Client::new(),
            address,
            token,
        })
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http
            .get(format!("{}{path}", self.address))
            .bearer_auth(&self.token)
    }

    /// A POST request.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http
            .post(format!("{}{path}", self.address))
            .bearer_auth(&self.token)
    }

    /// Sends a request and reads the JSON answer, whatever its status.
    pub async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Value)> {
        let response: Response = request
            .send()
            .await
            .with_context(|| format!("no Steelring answers at {}: is it running?", self.address))?;
        let status = response.status();
        let body = response.bytes().await.context("read the answer")?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok((status, json))
    }

    /// Sends a request and reads the JSON of a successful answer; any other is an error in the server's words.
    pub async fn expect(&self, request: RequestBuilder) -> Result<Value> {
        let (status, json) = self.answer(request).await?;
        if !status.is_success() {
            bail!("{}", refusal(status, &json));
        }
        Ok(json)
    }
}

/// What the server says is wrong.
pub fn refusal(status: StatusCode, json: &Value) -> String {
    let message = json.pointer("/error/message").and_then(Value::as_str);
    message.map_or_else(|| format!("the server answered {status}"), str::to_owned)
}
