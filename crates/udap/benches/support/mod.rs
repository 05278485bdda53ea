//! What the benchmarks share: CPU time as the measure, and ratios as the result.

mod cpu_time;
mod ratios;

pub(crate) use cpu_time::CpuTime;
pub(crate) use ratios::{Comparison, Ratio};

use std::time::Duration;

use criterion::Criterion;
use criterion::measurement::Measurement;

/// Criterion with short runs; arguments of the command line still win.
pub(crate) fn criterion<M: Measurement + 'static>(measurement: M) -> Criterion<M> {
    Criterion::default()
        .with_measurement(measurement)
        .output_directory(&ratios::target())
        .warm_up_time(Duration::from_millis(500))
        .sample_size(30)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args()
}
