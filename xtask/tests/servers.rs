//! The test servers themselves: they answer, come back on the same port and data, and end when told to.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use xtask::run;
use xtask::servers::{Database, Kafka, Postgres, shared_kafka, shared_postgres};

#[test]
fn kafka_comes_back_on_port_and_data_after_stop_and_kill() {
    let mut kafka = Kafka::start().expect("a Kafka starts");
    let brokers = kafka.brokers().to_owned();
    assert!(TcpStream::connect(&brokers).is_ok());
    let identity = identity(kafka.data());

    kafka.stop().expect("it stops");
    assert!(
        TcpStream::connect(&brokers).is_err(),
        "a stopped Kafka is not there"
    );
    kafka.stop().expect("stopping what is down is nothing");
    kafka.restart().expect("it starts again");
    assert!(TcpStream::connect(&brokers).is_ok());

    kafka.kill().expect("it is killed");
    assert!(
        TcpStream::connect(&brokers).is_err(),
        "a killed Kafka is not there"
    );
    let killed = Instant::now();
    kafka.restart().expect("it recovers");
    println!("Kafka answered {:?} after a kill", killed.elapsed());
    assert_eq!(kafka.brokers(), brokers);
    assert_eq!(self::identity(kafka.data()), identity, "the data are the same");

    let data = kafka.data().to_owned();
    drop(kafka);
    assert!(TcpStream::connect(&brokers).is_err());
    assert!(!data.exists(), "the data go with the server");
}

#[test]
fn postgres_keeps_committed_rows_across_stop_and_kill() {
    let mut postgres = Postgres::start().expect("a PostgreSQL starts");
    let url = postgres.create_database("second").expect("a second database");
    query(&url, "create table seen (at text)").expect("a table");

    query(&url, "insert into seen values ('before stop')").expect("a row");
    postgres.stop().expect("it stops");
    assert!(
        query(&url, "select 1").is_err(),
        "a stopped PostgreSQL is not there"
    );
    postgres.restart().expect("it starts again");

    query(&url, "insert into seen values ('before kill')").expect("a row");
    postgres.kill().expect("it is killed");
    assert!(
        query(&url, "select 1").is_err(),
        "a killed PostgreSQL is not there"
    );
    postgres.restart().expect("it recovers");
    assert_eq!(
        query(&url, "select at from seen order by at").expect("rows"),
        "before kill\nbefore stop\n"
    );
    assert_eq!(
        query(&postgres.url(), "select current_database()").expect("a row"),
        "steelring\n"
    );
}

#[test]
fn shared_servers_outlive_the_thread_that_asked_first() {
    let (brokers, database): (&str, &Database) = std::thread::spawn(|| {
        (
            shared_kafka().expect("a shared Kafka"),
            shared_postgres().expect("a shared PostgreSQL"),
        )
    })
    .join()
    .expect("the first user's thread ended well");
    std::thread::sleep(Duration::from_millis(200));
    assert!(TcpStream::connect(brokers).is_ok());
    assert_eq!(shared_kafka().expect("the same"), brokers);

    let one = database.create_fresh("shared").expect("a database");
    let other = database.create_fresh("shared").expect("another");
    assert_ne!(one, other);
    assert_eq!(query(&one, "select 1").expect("a row"), "1\n");
}

/// What Kafka wrote when its storage was formatted.
fn identity(data: &Path) -> String {
    std::fs::read_to_string(data.join("data/meta.properties")).expect("formatted storage")
}

fn query(url: &str, sql: &str) -> anyhow::Result<String> {
    run::output(Command::new("psql").args(["-X", "-A", "-t", "-q", "-d", url, "-c", sql]))
}
