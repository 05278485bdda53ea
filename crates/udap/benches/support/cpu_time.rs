//! CPU time of the process, all its threads together: what the other programs of a busy machine
//! change least.

use std::time::Duration;

use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// [`Measurement`] of CPU time, shown as durations are.
#[derive(Default)]
pub(crate) struct CpuTime(Format);

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        spent()
    }

    fn end(&self, start: Duration) -> Duration {
        spent().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        // A run without any CPU time, which a coarse clock could show, has no logarithm.
        value.as_secs_f64().max(1e-9) * 1e9
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &self.0
    }
}

fn spent() -> Duration {
    let at = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(at.tv_sec).unwrap_or_default(),
        u32::try_from(at.tv_nsec).unwrap_or_default(),
    )
}

/// Criterion's own format for durations.
#[derive(Default)]
struct Format;

impl ValueFormatter for Format {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(
        &self,
        typical: f64,
        per: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, per, values)
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}
