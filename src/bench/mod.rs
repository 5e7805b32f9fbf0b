//! `steelring bench ring-of-steel`: from a camera's post to an operator's screen, measured from outside.
//!
//! The system under test runs in processes of its own ([`system`]). This process is what surrounds it: the cameras
//! ([`offer`]), an operator's browser ([`watch`]), an intelligence unit ([`load`]), somebody who pulls plugs
//! ([`disturb`]), and an accountant who trusts none of them ([`ledger`]).
//!
//! Read [`run`] first, then [`offer::offer`].

mod ceiling;
mod disturb;
mod gauge;
mod ledger;
mod load;
mod offer;
mod page;
mod report;
mod scenario;
mod servers;
mod system;
mod table;
mod usage;
mod watch;

use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use domain::hit::Hit;
use domain::hotlist::Entry;
use domain::{HitId, ListName, Timestamp};
use simulator::{MAX_RATE, MIN_RATE, World};
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{LogPlace, Settings};
use crate::force;
use crate::messages::{progress, spinner};
use crate::topology;
use disturb::Disturber;
use gauge::{Gauge, lock};
use ledger::{Ledger, Lists};
use load::Loader;
pub use offer::Rate;
use offer::{Cameras, Offer, Offered};
pub use page::page;
pub use report::Report;
use report::{Ceiling, Hops, Moment, Quantiles, histogram};
pub use scenario::Scenario;
use scenario::{Disturbance, Plan};
pub use servers::Servers;
use system::{Setup, System};
pub use table::Table;
use watch::Watch;

/// Entries loaded at once: a list of its own for every so many.
const LIST_ROWS: usize = 500_000;
/// How long hits may stay away after the last read was accepted, while none comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether all processes run.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A doubled hit would come late.
const AFTERMATH: Duration = Duration::from_secs(1);
/// Hits read back from the database at once.
const PAGE: u32 = 5_000;
/// A backlog takes at least so many reads to say anything: a consumer takes 10,000 at once, and its first batch does not count.
const LEAST_BACKLOG: u64 = 50_000;
/// How far this machine may fall behind in making reads before the run says nothing about the system, in seconds.
const LATE_MAKING_S: f64 = 1.0;

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub rate: Rate,
    pub seconds: f64,
    pub entries: usize,
    pub wanted: f64,
    pub seed: u64,
    pub matchers: u32,
    pub scenario: Scenario,
    /// Reads in the backlog that is drained besides; 0 for none.
    pub backlog: u64,
}

/// Runs what was asked for, one scenario after the other, and adds the reports of those that came to their end: also where a
/// later one fails.
pub async fn run(
    settings: &Settings,
    servers: Servers,
    asked: &Asked,
    reports: &mut Vec<Report>,
) -> Result<()> {
    check(settings, asked)?;
    let bench = Bench {
        settings,
        servers: Arc::new(Mutex::new(servers)),
        asked,
    };
    let mut stop = pin!(topology::stop_signal());
    let scenarios = match asked.scenario {
        Scenario::All => Scenario::RUNS.to_vec(),
        one => vec![one],
    };
    for scenario in scenarios {
        if scenario == Scenario::Outage && !lock(&bench.servers).has_kafka() {
            if asked.scenario == Scenario::All {
                eprintln!("outage: passed over, it needs a Kafka that it may stop: --kafka local");
                continue;
            }
            bail!("--scenario outage stops and starts a Kafka: give it one of its own with --kafka local");
        }
        let plan = scenario.plan(asked);
        let report = bench.on_a_log(scenario.name(), stop.as_mut(), |place| bench.one(plan, place));
        let report = report
            .await
            .with_context(|| format!("scenario {}", scenario.name()))?;
        println!("{report}");
        reports.push(report);
    }
    if let Some(first) = reports.first_mut().filter(|_| asked.backlog > 0) {
        let entries = first.entries;
        let ceiling = bench.on_a_log("ceiling", stop, |place| bench.ceiling(entries, place));
        let ceiling = ceiling.await.context("drain a backlog")?;
        println!("{ceiling}");
        first.ceiling = Some(ceiling);
    }
    Ok(())
}

fn check(settings: &Settings, asked: &Asked) -> Result<()> {
    if asked.seconds.is_nan() || asked.seconds < 1.0 {
        bail!("--seconds: at least 1 is needed");
    }
    if let Rate::Fixed(rate) = asked.rate
        && !(MIN_RATE..=MAX_RATE).contains(&rate)
    {
        bail!("--rate: give a number of reads a second from {MIN_RATE} to {MAX_RATE}, or max");
    }
    if !(0.1..=1_000.0).contains(&asked.wanted) {
        bail!("--wanted: give a factor from 0.1 to 1000");
    }
    if (1..LEAST_BACKLOG).contains(&asked.backlog) {
        bail!("--backlog: give {LEAST_BACKLOG} or more, or 0 for none");
    }
    if asked.matchers == 0 || asked.matchers > settings.partitions {
        bail!(
            "--matchers: {} matchers cannot share {} partitions of plate reads; give 1 to {0}, or more partitions \
             (partitions = N in the settings)",
            asked.matchers,
            settings.partitions
        );
    }
    if asked.matchers > 1 && matches!(settings.log, LogPlace::Embedded(_)) {
        bail!("--matchers: the embedded log belongs to one process with one matcher; --kafka takes more");
    }
    Ok(())
}

/// What all scenarios of a call share.
struct Bench<'a> {
    settings: &'a Settings,
    servers: Arc<Mutex<Servers>>,
    asked: &'a Asked,
}

/// Where one scenario may write.
struct Place {
    folder: PathBuf,
    log: LogPlace,
}

/// A system that ends with this, also in the middle of a run.
struct Kept(Arc<Mutex<System>>);

impl Drop for Kept {
    fn drop(&mut self) {
        lock(&self.0).kill();
    }
}

/// What ran, until the verdict.
struct Run {
    plan: Plan,
    lists_live_s: f64,
    offered: Offered,
    timeline: Vec<Moment>,
    cpu_s: f64,
    rss_peak_mb: f64,
    disturbed: Option<Timestamp>,
    cameras: Arc<Cameras>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Bench<'_> {
    /// Works with a folder and a log of its own, and leaves neither behind, whether the work is done, fails, or is
    /// interrupted.
    async fn on_a_log<T, F>(
        &self,
        name: &str,
        stop: Pin<&mut impl Future<Output = Result<()>>>,
        work: impl FnOnce(Place) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let folder = tempfile::tempdir_in(&self.settings.data).context("make a folder for the run")?;
        let log = self.log(folder.path(), name);
        let place = Place {
            folder: folder.path().to_owned(),
            log: log.clone(),
        };
        let done = tokio::select! {
            done = work(place) => done,
            stopped = stop => Err(stopped.err().unwrap_or_else(|| anyhow!("interrupted"))),
        };
        let forgotten = servers::forget_log(&log).await;
        let done = done?;
        forgotten?;
        Ok(done)
    }

    /// One scenario, on a system of its own.
    async fn one(&self, plan: Plan, Place { folder, log }: Place) -> Result<Report> {
        let bar = spinner("starting the system");
        let database = self.database(&folder, plan.scenario.name())?;
        servers::try_log(&log, self.settings.partitions).await?;
        servers::check_unused(&database).await?;
        let setup = Setup {
            folder,
            log,
            database: database.clone(),
            partitions: self.settings.partitions,
            matchers: self.asked.matchers,
            force: self.settings.force.clone(),
        };
        let system = tokio::task::spawn_blocking(|| System::start(setup)).await??;
        bar.finish_and_clear();
        let system = Kept(Arc::new(Mutex::new(system)));
        let run = tokio::select! {
            run = self.measure(plan, &system.0) => run,
            ended = one_ends(&system.0) => Err(ended),
        };
        // A process that ended by itself explains every other error.
        lock(&system.0).check()?;
        let run = run?;
        let stopping = Arc::clone(&system.0);
        tokio::task::spawn_blocking(move || lock(&stopping).stop()).await??;
        self.report(run, &database).await
    }

    async fn ceiling(&self, entries: u64, Place { folder, log }: Place) -> Result<Ceiling> {
        let world = World::new(self.asked.seed, force::load(self.settings.force.as_deref())?)?;
        let (partitions, backlog) = (self.settings.partitions, self.asked.backlog);
        ceiling::measure(
            &log,
            &folder,
            partitions,
            &world,
            usize::try_from(entries)?,
            backlog,
        )
        .await
    }

    /// A log of the run's own.
    fn log(&self, folder: &Path, scenario: &str) -> LogPlace {
        match &self.settings.log {
            LogPlace::Embedded(_) => LogPlace::Embedded(folder.join("log")),
            LogPlace::Kafka {
                brokers,
                properties,
                topic_prefix,
                ..
            } => LogPlace::Kafka {
                brokers: brokers.clone(),
                properties: properties.clone(),
                topic_prefix: format!(
                    "{topic_prefix}bench-{}-{}-{scenario}.",
                    Timestamp::now().as_second(),
                    std::process::id()
                ),
                instance_id: None,
            },
        }
    }

    /// A database of the run's own, where this process may make one; else the one that was given.
    fn database(&self, folder: &Path, scenario: &str) -> Result<String> {
        if let Some(made) = lock(&self.servers).make_database(scenario)? {
            return Ok(made);
        }
        let in_data = self.settings.data.join("steelring.db");
        if self.settings.database == format!("sqlite:{}", in_data.display()) {
            return Ok(format!("sqlite:{}", folder.join("steelring.db").display()));
        }
        Ok(self.settings.database.clone())
    }

    async fn measure(&self, plan: Plan, system: &Arc<Mutex<System>>) -> Result<Run> {
        let force = force::load(self.settings.force.as_deref())?;
        let world = World::new(self.asked.seed, force).context("lay out the simulated world")?;
        let loader = Loader::new(&lock(system));
        let mut lists = Lists::default();
        let begun = Instant::now();
        let long_list = load_lists(&world, &plan, &loader, &mut lists).await?;
        let lists_live_s = begun.elapsed().as_secs_f64();

        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let cameras = Arc::new(Cameras::new(&lock(system), Arc::clone(&ledger))?);
        let watch = Watch::new(&lock(system), Arc::clone(&ledger));
        let connected = watch.connect().await?;
        let done = CancellationToken::new();
        // All of these end with this future, also where it is dropped.
        let watching = AbortOnDropHandle::new(tokio::spawn(watch.run(connected, done.clone())));
        let before = lock(system).usage();
        let gauge = Gauge {
            system: Arc::clone(system),
            cameras: Arc::clone(&cameras),
            ledger: Arc::clone(&ledger),
        };
        let bar = progress(plan.seconds.ceil() as u64, plan.scenario.name());
        let show = bar.clone();
        let measuring = tokio::spawn(gauge.run(done.clone(), move |moment, reads| {
            show.set_position(moment.t_s as u64);
            show.set_message(format!("{reads} reads, {:.0} behind", moment.lag));
        }));
        let measuring = AbortOnDropHandle::new(measuring);
        let disturber = Disturber {
            disturbance: plan.disturbance,
            seconds: plan.seconds,
            system: Arc::clone(system),
            servers: Arc::clone(&self.servers),
            loader,
            long_list,
        };
        let disturbing = AbortOnDropHandle::new(tokio::spawn(disturber.run()));
        let offer = Offer {
            world,
            lists: Arc::new(lists),
            demand: plan.demand,
            rate: plan.rate,
            pace: plan.pace,
            seconds: plan.seconds,
        };
        let offered = offer::offer(offer, Arc::clone(&cameras)).await?;
        let disturbed = disturbing.await??;
        let database = lock(system).database().to_owned();
        settle(&ledger, &database).await?;
        let used = lock(system).usage();
        done.cancel();
        bar.finish_and_clear();
        watching.await?;
        let timeline = measuring.await?;
        Ok(Run {
            plan,
            lists_live_s,
            offered,
            timeline,
            cpu_s: used.cpu_s - before.cpu_s,
            rss_peak_mb: used.rss_peak_mb,
            disturbed,
            cameras,
            ledger,
        })
    }

    async fn report(&self, run: Run, database: &str) -> Result<Report> {
        let Run { plan, offered, .. } = &run;
        if offered.late_making_s > LATE_MAKING_S && plan.rate != Rate::Max {
            bail!(
                "this machine cannot offer so many reads: it fell {:.1} s behind in making them, by no fault of the \
                 system. Give a lower --rate",
                offered.late_making_s
            );
        }
        let (stored, mut hops) = read_back(database, &run.ledger).await?;
        hops.accept = Quantiles::of(&lock(&run.cameras.accept_us));
        let ledger = lock(&run.ledger);
        let mut latency = histogram();
        for (due, push) in ledger.pushes_since_due() {
            latency.saturating_record(micros(due, push.at));
        }
        let accepted = run.cameras.accepted.load(Ordering::Relaxed);
        let most = |of: fn(&Moment) -> f64| run.timeline.iter().map(of).fold(0.0, f64::max);
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION"),
            machine: report::machine(),
            engine: engine(&self.settings.log),
            database: if database.starts_with("sqlite") {
                "sqlite"
            } else {
                "postgresql"
            },
            scenario: plan.scenario.name(),
            seed: self.asked.seed,
            seconds: plan.seconds,
            entries: plan.entries as u64,
            wanted: plan.demand.wanted,
            matchers: self.asked.matchers,
            partitions: self.settings.partitions,
            rate_offered: match plan.rate {
                Rate::Fixed(rate) => Some(rate),
                Rate::Max => None,
            },
            reads_per_s: accepted as f64 / offered.elapsed_s,
            reads_accepted: accepted,
            late_s: offered.late_sending_s,
            latency_ms: Quantiles::of(&latency),
            hop_ms: hops,
            lag_max: most(|moment| moment.lag),
            rss_mb: most(|moment| moment.rss_mb),
            rss_peak_mb: run.rss_peak_mb,
            cpu_s_per_million_reads: run.cpu_s / accepted.max(1) as f64 * 1e6,
            lists_live_s: run.lists_live_s,
            distribution: report::distribution(&latency),
            latency_over_time: report::over_time(ledger.pushes_since_due().map(|(due, push)| (due, push.at))),
            timeline: run.timeline.clone(),
            ..Report::default()
        };
        report.balance(ledger.balance(&stored));
        report.verdict = plan.scenario.judge(&report, &ledger, run.disturbed);
        Ok(report)
    }
}

/// Loads the world's lists, filled up to as many entries as were asked for. Returns the file that replaces the long list,
/// where one will.
async fn load_lists(
    world: &World,
    plan: &Plan,
    loader: &Loader,
    lists: &mut Lists,
) -> Result<Option<(ListName, Vec<u8>)>> {
    let now = Timestamp::now();
    let own = world.hotlists(now);
    let own_entries: usize = own.iter().map(|(_, entries)| entries.len()).sum();
    let Some(absent) = plan.entries.checked_sub(own_entries) else {
        bail!(
            "--entries: the simulated world's own lists have {own_entries} entries; give that many or more"
        );
    };
    let bar = progress(plan.entries as u64, "loading lists");
    for (list, entries) in own {
        lists.add(&entries, true);
        loader.load(&list, load::file(&entries)?).await?;
        bar.inc(entries.len() as u64);
    }
    let reloads = matches!(plan.disturbance, Disturbance::Reload { .. });
    let name = |number: usize| ListName::parse(&format!("absent-{number}"));
    // The list that is replaced is one; its successor has other vehicles.
    let (rows, count) = if reloads {
        (absent.max(1), absent * 2)
    } else {
        (LIST_ROWS, absent)
    };
    let mut entries = world.absent(count, now).into_iter();
    let mut number = 0;
    let mut replacement = None;
    while !entries.as_slice().is_empty() {
        let list = name(if reloads { 0 } else { number })?;
        let part: Vec<Entry> = entries.by_ref().take(rows).map(|entry| entry.on(&list)).collect();
        lists.add(&part, !reloads);
        let file = load::file(&part)?;
        if reloads && number > 0 {
            replacement = Some((list, file));
        } else {
            loader.load(&list, file).await?;
            bar.inc(part.len() as u64);
        }
        number += 1;
    }
    bar.finish_and_clear();
    let bar = spinner("waiting for every matcher to judge under the new lists");
    loader.wait_until_live().await?;
    bar.finish_and_clear();
    Ok(replacement)
}

/// Waits until one of the system's processes ends by itself: cameras would offer their reads to nobody for minutes.
async fn one_ends(system: &Mutex<System>) -> anyhow::Error {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(ended) = lock(system).check() {
            return ended;
        }
    }
}

/// Waits until every hit that is owed has been pushed and stored, or none has come for a while.
async fn settle(ledger: &Mutex<Ledger>, database: &str) -> Result<()> {
    let store = Store::open(database)
        .await
        .context("open the system's database")?;
    let (mut progress_at, mut last) = (Instant::now(), (usize::MAX, 0));
    loop {
        let (open, owed) = {
            let ledger = lock(ledger);
            (ledger.open(), ledger.owed() as u64)
        };
        let stored = store.count_hits().await.unwrap_or(last.1);
        if open == 0 && stored >= owed {
            // As many may be stored, and still not all that must be: misreads are hits, too.
            let kept = kept(&store, |_| ()).await?;
            if lock(ledger).balance(&kept).lost == 0 {
                break;
            }
        }
        if (open, stored) != last {
            (progress_at, last) = (Instant::now(), (open, stored));
        }
        if progress_at.elapsed() > PATIENCE {
            // What is missing now is lost: the balance will say so.
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(AFTERMATH).await;
    Ok(())
}

/// Every hit that the database keeps, each shown to `look`.
async fn kept(store: &Store, mut look: impl FnMut(&Hit)) -> Result<Vec<HitId>> {
    let mut ids = Vec::new();
    loop {
        let page = store.hits_after(ids.last().copied(), PAGE).await;
        let page = page.context("read hits back")?;
        if page.is_empty() {
            return Ok(ids);
        }
        for hit in &page {
            ids.push(hit.hit_id);
            look(hit);
        }
    }
}

/// Every hit that the database keeps, and how long the hops to it took.
async fn read_back(database: &str, ledger: &Mutex<Ledger>) -> Result<(Vec<HitId>, Hops)> {
    let store = Store::open(database)
        .await
        .context("open the system's database")?;
    let (mut matched, mut case, mut push) = (histogram(), histogram(), histogram());
    let ids = kept(&store, |hit| {
        matched.saturating_record(micros(hit.read.received_at, hit.matched_at));
        if let Some(pushed) = lock(ledger).push_of(hit.hit_id) {
            case.saturating_record(micros(hit.matched_at, pushed.happened_at));
            push.saturating_record(micros(pushed.happened_at, pushed.at));
        }
    });
    let ids = ids.await?;
    let hops = Hops {
        accept: Quantiles::default(),
        matched: Quantiles::of(&matched),
        case: Quantiles::of(&case),
        push: Quantiles::of(&push),
    };
    Ok((ids, hops))
}

fn engine(log: &LogPlace) -> &'static str {
    match log {
        LogPlace::Embedded(_) => "embedded",
        LogPlace::Kafka { .. } => "kafka",
    }
}

fn micros(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_micros()).unwrap_or_default()
}

/// Makes the files for results before anything runs, so that a run is not for nothing.
pub fn make_result(path: Option<&PathBuf>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    std::fs::File::create(path).map(drop).with_context(|| {
        format!(
            "make the file for results {}: choose another place",
            path.display()
        )
    })
}
