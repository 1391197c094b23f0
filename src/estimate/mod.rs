//! What a run will take, before it starts: numbers in, numbers out.
//!
//! [`Work`] is how much there is to do, [`Sizes`] how long its files come out, [`Rates`] how fast the machine is. Who
//! finds these out (by counting, by trial, by measuring) is none of this room's business. [`play`] has many workers share it.

mod memory;
mod per_stage;
mod plan;
pub(crate) mod probe;
mod rates;
mod recorded;
mod simulation;
mod sizes;
mod warnings;
mod work;

pub use memory::{Footprint, memory};
pub use per_stage::PerStage;
pub use plan::{StageForecast, Standing, Times, Totals, stages, totals};
pub use probe::{Forecast, forecast};
pub use rates::{Rates, seconds};
pub use recorded::{Recorded, recorded};
pub use simulation::{CrewStage, Played, Requests, Rules, StagePlayed, crew_stages, play};
pub use sizes::{Line, Sizes, bytes, receipts};
pub use warnings::{Found, warnings};
pub use work::Work;
