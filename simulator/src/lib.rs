//! The seeded world: roads, vehicles, cameras, units.
