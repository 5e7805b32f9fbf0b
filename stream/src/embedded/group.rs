//! Who of a group reads which partition. Pure: time is an argument.
//!
//! A partition that moves is given up by its old reader when that one polls again, by when it has committed what it
//! wanted to; one that does not poll loses it after [`HANDOVER_AFTER`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::topics::Partition;
use crate::topic::Topic;

/// How long a partition waits for its old reader to finish. Long enough for a batch under a slow database; a member
/// that takes longer loses the partition and its records come twice.
pub(super) const HANDOVER_AFTER: Duration = Duration::from_secs(10);

/// Identifies a member within the process.
pub(super) type Member = u64;

struct Joined {
    topics: BTreeSet<Topic>,
    wake: Arc<Notify>,
}

struct Slot {
    owner: Option<Member>,
    wanted: Member,
    since: Instant,
    /// Counts owners: a member that lost a partition and got it back must not go on from where it was.
    epoch: u64,
}

/// The members of a group and what each reads.
#[derive(Default)]
pub(super) struct Group {
    members: BTreeMap<Member, Joined>,
    slots: BTreeMap<Partition, Slot>,
}

/// What a member reads now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Partitions, each with its epoch.
    pub(super) owned: BTreeMap<Partition, u64>,
    /// When to ask again though nobody woke it: a partition waits for its old reader.
    pub(super) again: Option<Instant>,
}

impl Group {
    pub(super) fn join(&mut self, member: Member, partitions: &[Partition], wake: Arc<Notify>, now: Instant) {
        let topics = partitions.iter().map(|(topic, _)| *topic).collect();
        self.members.insert(member, Joined { topics, wake });
        for partition in partitions {
            self.slots.entry(*partition).or_insert(Slot {
                owner: None,
                wanted: member,
                since: now,
                epoch: 0,
            });
        }
        self.share(now);
    }

    pub(super) fn leave(&mut self, member: Member, now: Instant) {
        self.members.remove(&member);
        for slot in self.slots.values_mut().filter(|slot| slot.owner == Some(member)) {
            slot.owner = None;
        }
        self.share(now);
    }

    /// Gives up what others are to read, takes what is free or waited long enough, and says what the member reads.
    pub(super) fn claim(&mut self, member: Member, now: Instant) -> Claim {
        let mut claim = Claim::default();
        for (partition, slot) in &mut self.slots {
            if slot.wanted != member {
                if slot.owner == Some(member) {
                    slot.owner = None;
                    if let Some(next) = self.members.get(&slot.wanted) {
                        next.wake.notify_one();
                    }
                }
                continue;
            }
            let expires = slot.since + HANDOVER_AFTER;
            if slot.owner != Some(member) {
                if slot.owner.is_some() && now < expires {
                    claim.again = Some(claim.again.map_or(expires, |again| again.min(expires)));
                    continue;
                }
                slot.owner = Some(member);
                slot.epoch += 1;
            }
            claim.owned.insert(*partition, slot.epoch);
        }
        claim
    }

    /// Whether the member reads the partition, unbroken since that epoch.
    pub(super) fn holds(&self, member: Member, partition: Partition, epoch: u64) -> bool {
        let slot = self.slots.get(&partition);
        slot.is_some_and(|slot| slot.owner == Some(member) && slot.epoch == epoch)
    }

    /// Shares every topic's partitions among the members that subscribe to it, evenly, moving as few as it can.
    fn share(&mut self, now: Instant) {
        let topics: BTreeSet<Topic> = self.slots.keys().map(|(topic, _)| *topic).collect();
        for topic in topics {
            let mut load: BTreeMap<Member, usize> = self
                .members
                .iter()
                .filter(|(_, joined)| joined.topics.contains(&topic))
                .map(|(member, _)| (*member, 0))
                .collect();
            if load.is_empty() {
                self.slots.retain(|(of, _), _| *of != topic);
                continue;
            }
            let slots = self.slots.iter_mut().filter(|((of, _), _)| *of == topic);
            let mut slots: Vec<&mut Slot> = slots.map(|(_, slot)| slot).collect();
            let fair = slots.len() / load.len();
            let mut larger = slots.len() % load.len();
            // A reader keeps its partitions up to its share, some one more where they do not divide evenly.
            slots.retain_mut(|slot| {
                let Some((owner, held)) = slot.owner.and_then(|owner| Some((owner, load.get_mut(&owner)?)))
                else {
                    return true;
                };
                if *held > fair || (*held == fair && larger == 0) {
                    return true;
                }
                larger -= usize::from(*held == fair);
                *held += 1;
                slot.wanted = owner;
                false
            });
            for slot in slots {
                let least = load.iter_mut().min_by_key(|(_, held)| **held);
                if let Some((member, held)) = least {
                    *held += 1;
                    slot.wanted = *member;
                    slot.since = now;
                }
            }
        }
        for joined in self.members.values() {
            joined.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: [Partition; 4] = [
        (Topic::Reads, 0),
        (Topic::Reads, 1),
        (Topic::Reads, 2),
        (Topic::Reads, 3),
    ];

    fn join(group: &mut Group, member: Member, now: Instant) {
        group.join(member, &READS, Arc::default(), now);
    }

    fn owned(group: &mut Group, member: Member, now: Instant) -> Vec<Partition> {
        group.claim(member, now).owned.into_keys().collect()
    }

    #[test]
    fn partition_moves_once_its_reader_polls_again() {
        let (mut group, now) = (Group::default(), Instant::now());
        join(&mut group, 1, now);
        assert_eq!(owned(&mut group, 1, now), READS);
        join(&mut group, 2, now);
        let waiting = group.claim(2, now);
        assert_eq!(waiting.owned, BTreeMap::new());
        assert_eq!(waiting.again, Some(now + HANDOVER_AFTER));
        assert_eq!(owned(&mut group, 1, now), READS[..2]);
        assert_eq!(owned(&mut group, 2, now), READS[2..]);
        assert!(group.holds(2, READS[2], 2));
        assert!(!group.holds(1, READS[2], 1));
    }

    #[test]
    fn silent_reader_loses_its_partitions() {
        let (mut group, now) = (Group::default(), Instant::now());
        join(&mut group, 1, now);
        assert_eq!(owned(&mut group, 1, now).len(), 4);
        join(&mut group, 2, now);
        let later = now + HANDOVER_AFTER;
        assert_eq!(owned(&mut group, 2, later), READS[2..]);
        assert!(!group.holds(1, READS[3], 1));
        assert_eq!(owned(&mut group, 1, later), READS[..2]);
    }

    #[test]
    fn survivors_take_over_at_once_and_keep_their_own() {
        let (mut group, now) = (Group::default(), Instant::now());
        for member in 1..=3 {
            join(&mut group, member, now);
        }
        for member in [1, 2, 3, 1, 2, 3] {
            owned(&mut group, member, now);
        }
        let before = owned(&mut group, 3, now);
        group.leave(1, now);
        let (second, third) = (owned(&mut group, 2, now), owned(&mut group, 3, now));
        assert!(before.iter().all(|partition| third.contains(partition)));
        assert_eq!((second.len(), third.len()), (2, 2));
    }

    #[test]
    fn members_beyond_the_partitions_wait_their_turn() {
        let (mut group, now) = (Group::default(), Instant::now());
        for member in 1..=6 {
            join(&mut group, member, now);
        }
        let mut shares: Vec<usize> = (1..=6)
            .map(|member| owned(&mut group, member, now).len())
            .collect();
        shares.sort_unstable();
        assert_eq!(shares, [0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn topics_are_shared_among_their_own_subscribers() {
        let (mut group, now) = (Group::default(), Instant::now());
        join(&mut group, 1, now);
        group.join(2, &[(Topic::Hits, 0)], Arc::default(), now);
        assert_eq!(owned(&mut group, 1, now), READS);
        assert_eq!(owned(&mut group, 2, now), [(Topic::Hits, 0)]);
        group.leave(1, now);
        assert_eq!(owned(&mut group, 2, now), [(Topic::Hits, 0)]);
    }
}
