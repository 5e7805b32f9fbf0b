//! Deployments, as the log tells of them, made into orders for the world's units.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::case::{Deployment, DeploymentState};
use domain::force::Force;
use domain::{CameraId, DeploymentId, Position};
use serde::Deserialize;
use stream::topic::Topic;
use stream::{Delivered, Log, LogError, Start, Tail, wire};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::Order;

/// Events taken at once, and the wait for them.
const BATCH: usize = 500;
const WAIT: Duration = Duration::from_millis(500);
/// Pause before the log is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// The part of a case event that concerns units.
#[derive(Deserialize)]
struct News {
    case: CaseNews,
    #[serde(default)]
    deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
struct CaseNews {
    last_read: ReadNews,
}

#[derive(Deserialize)]
struct ReadNews {
    camera: CameraId,
}

/// What is known of deployments: the last order of each that is not over.
#[derive(Default)]
pub(crate) struct Book {
    open: HashMap<DeploymentId, Order>,
}

impl Book {
    /// Takes an event's deployments; the orders that follow from it.
    fn take(&mut self, news: &News, place: Option<Position>) -> Vec<Order> {
        let mut orders = Vec::new();
        for deployment in &news.deployments {
            let (callsign, id) = (deployment.callsign.clone(), deployment.deployment_id);
            if deployment.state == DeploymentState::Cleared {
                self.open.remove(&id);
                orders.push(Order::Release {
                    callsign,
                    deployment: id,
                });
            } else if let Some(place) = place
                && !self.open.contains_key(&id)
            {
                let order = Order::Answer {
                    callsign,
                    deployment: id,
                    place,
                };
                self.open.insert(id, order.clone());
                orders.push(order);
            }
        }
        orders
    }
}

/// Follows the case events and sends the orders that they mean. The past is read first: whoever was under way when the
/// simulator last stopped sets out again, everything else of it is over.
pub(crate) async fn listen(
    log: Arc<dyn Log>,
    force: Arc<Force>,
    orders: Sender<Order>,
    shutdown: CancellationToken,
) {
    loop {
        let followed = tokio::select! {
            () = shutdown.cancelled() => return,
            followed = follow(log.as_ref(), &force, &orders) => followed,
        };
        match followed {
            Ok(()) | Err(LogError::Closed) => return,
            Err(error) => tracing::warn!(%error, "units hear no orders, trying again"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Until nobody takes orders any more.
async fn follow(log: &dyn Log, force: &Force, orders: &Sender<Order>) -> Result<(), LogError> {
    let mut tail = log.tail(Topic::CaseEvents, Start::Beginning).await?;
    let mut book = Book::default();
    catch_up(tail.as_mut(), force, &mut book).await?;
    for order in book.open.values() {
        if orders.send(order.clone()).await.is_err() {
            return Ok(());
        }
    }
    loop {
        for record in tail.poll(BATCH, WAIT).await? {
            for order in orders_of(&record, force, &mut book) {
                if orders.send(order).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn catch_up(tail: &mut dyn Tail, force: &Force, book: &mut Book) -> Result<(), LogError> {
    while !tail.caught_up() {
        for record in tail.poll(BATCH, WAIT).await? {
            orders_of(&record, force, book);
        }
    }
    Ok(())
}

fn orders_of(record: &Delivered, force: &Force, book: &mut Book) -> Vec<Order> {
    match wire::decode::<News>(record) {
        Ok(news) => {
            let camera = force.camera(&news.case.last_read.camera);
            book.take(&news, camera.map(|camera| camera.position))
        }
        Err(error) => {
            tracing::warn!(offset = record.place.offset, %error, "a case event cannot be read");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{CallSign, CaseId, Timestamp};

    fn news(state: DeploymentState) -> News {
        let case_id: CaseId = "00112233445566778899aabbccddeeff".parse().unwrap();
        let callsign: CallSign = "LN11".parse().unwrap();
        let deployment = Deployment {
            deployment_id: DeploymentId::of_deployment(case_id, &callsign, 1),
            case_id,
            callsign,
            state,
            by: "operator".parse().unwrap(),
            proposed_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        News {
            case: CaseNews {
                last_read: ReadNews {
                    camera: "M57-J2-N".parse().unwrap(),
                },
            },
            deployments: vec![deployment],
        }
    }

    #[test]
    fn a_deployment_is_ordered_once_and_released_when_it_is_over() {
        let mut book = Book::default();
        let place = Position::new(53.4, -2.9).ok();
        let mut check = |state, expected: &str| {
            let orders = book.take(&news(state), place);
            let kinds: Vec<&str> = orders
                .iter()
                .map(|order| match order {
                    Order::Answer { .. } => "answer",
                    Order::Release { .. } => "release",
                })
                .collect();
            assert_eq!(kinds.join(","), expected, "{state:?}");
        };
        check(DeploymentState::Proposed, "answer");
        check(DeploymentState::Accepted, "");
        check(DeploymentState::EnRoute, "");
        check(DeploymentState::Cleared, "release");
        assert!(book.open.is_empty());
    }

    #[test]
    fn a_deployment_under_way_when_the_ring_stopped_is_still_in_the_book() {
        let mut book = Book::default();
        book.take(&news(DeploymentState::EnRoute), Position::new(53.4, -2.9).ok());
        assert_eq!(book.open.len(), 1);
    }
}
