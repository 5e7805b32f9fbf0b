//! The quality benchmark on a world of some thousand vehicles, so that it cannot rot.

#[path = "../benches/match_quality/quality/mod.rs"]
mod quality;

use quality::measure::Row;
use quality::world::Scale;

fn tiny() -> Scale {
    Scale {
        seed: 1,
        registered: 40_000,
        driving: 5_000,
        reads_a_day: 6.0,
        entries: vec![10_000],
        reads: 5_000,
        misreads: 300,
        edit_reads: 500,
    }
}

#[test]
fn the_score_finds_more_misreads_than_fixed_groups_and_all_rows_are_there() {
    let scale = tiny();
    let rows = quality::rows(&scale, |_| ());
    assert_eq!(rows.len(), 2 * (4 + 4));
    for world in ["independent", "repeated"] {
        let of = |policy: &str| -> Vec<&Row> {
            rows.iter()
                .filter(|row| row.world == world && row.policy == policy)
                .collect()
        };
        let best = of("steelring")
            .into_iter()
            .find(|row| row.register && row.history_h == 24)
            .unwrap();
        assert!(best.recall > of("groups-2")[0].recall, "{world}: {}", best.recall);
        assert_eq!(of("exact")[0].recall, 0.0);
        let scored: usize = best.reliability.iter().map(|bin| bin.candidates).sum();
        assert!(scored > 0 && best.misreads == 300);
    }
    assert!(
        quality::report::json(&scale, &rows)
            .unwrap()
            .contains("false_per_1000")
    );
    assert!(quality::report::page(&scale, &rows).unwrap().contains("<svg"));
    assert!(quality::report::table(&rows).contains("groups-1"));
}
