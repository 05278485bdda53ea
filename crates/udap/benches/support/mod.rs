//! What the benchmarks share: CPU time as the measure, and ratios as the result.

mod cpu_time;
mod ratios;

pub(crate) use cpu_time::CpuTime;
pub(crate) use ratios::{Ratio, print, target};

use std::time::Duration;

use criterion::Criterion;

/// Criterion with short runs, measuring CPU time; arguments of the command line still win.
pub(crate) fn criterion() -> Criterion<CpuTime> {
    Criterion::default()
        .with_measurement(CpuTime::default())
        .output_directory(&target())
        .warm_up_time(Duration::from_millis(500))
        .sample_size(30)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args()
}
