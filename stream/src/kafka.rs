//! The Kafka engine.
