//! Revocation lists of a million entries: how long they take to read, beside SHA-256 over the same
//! octets, and how much memory, counted by the allocator.

mod support;

use std::hint::black_box;

use peak_alloc::PeakAlloc;
use sha2::Digest;
use support::{Comparison, CpuTime, Ratio};
use udap::trust::Crl;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const ENTRIES: u64 = 1_000_000;

/// Random numbers of 128 bits: half of them need one octet more in DER.
const MIXED: usize = 0;

struct Shape {
    name: &'static str,
    octets: usize,
    reasons: bool,
    sorted: bool,
}

impl Shape {
    const fn new(name: &'static str, octets: usize, reasons: bool, sorted: bool) -> Self {
        Self {
            name,
            octets,
            reasons,
            sorted,
        }
    }
}

const SHAPES: [Shape; 6] = [
    Shape::new("16 octets", 16, false, false),
    Shape::new("16 octets, with reasons", 16, true, false),
    Shape::new("16 or 17 octets, with reasons", MIXED, true, false),
    Shape::new("20 octets", 20, false, false),
    Shape::new("20 octets, with reasons", 20, true, false),
    Shape::new("20 octets, with reasons, in order", 20, true, true),
];

fn main() {
    let compared = |shape: &Shape| {
        let (reading, hashing) = (
            format!("read/{}", shape.name),
            format!("hash/{}", shape.name),
        );
        Ratio::new(reading, hashing, None)
    };
    let comparison = Comparison::new(SHAPES.iter().map(compared).collect());
    let mut criterion = support::criterion(CpuTime::default());
    let mut memory = Vec::new();
    for shape in &SHAPES {
        let der = list(shape);
        memory.push(measured(shape, &der));
        criterion
            .benchmark_group("hash")
            .sample_size(10)
            .bench_function(shape.name, |bencher| {
                bencher.iter(|| sha2::Sha256::digest(black_box(&der)));
            });
        criterion
            .benchmark_group("read")
            .sample_size(10)
            .bench_function(shape.name, |bencher| {
                bencher.iter_with_large_drop(|| Crl::from_der(black_box(&der)));
            });
    }
    criterion.final_summary();
    comparison.print();
    println!(
        "| serial numbers | list, MB | retained, MB | an entry | × numbers | peak, MB | × numbers |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for line in memory {
        println!("{line}");
    }
}

/// What reading a list takes and leaves, its octets not counted.
fn measured(shape: &Shape, der: &[u8]) -> String {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let crl = Crl::from_der(der).expect("a list");
    let peak = MEMORY.peak_usage() - before;
    let retained = MEMORY.current_usage() - before;
    assert_eq!(crl.len() as u64, ENTRIES);
    let numbers = match shape.octets {
        MIXED => crl.len() * 33 / 2,
        octets => crl.len() * octets,
    };
    format!(
        "| {} | {:.1} | {:.1} | {:.1} | {:.2} | {:.1} | {:.2} |",
        shape.name,
        der.len() as f64 / 1e6,
        retained as f64 / 1e6,
        retained as f64 / crl.len() as f64,
        retained as f64 / numbers as f64,
        peak as f64 / 1e6,
        peak as f64 / numbers as f64,
    )
}

/// A list with a signature of the right form; it is hashed here, not verified.
fn list(shape: &Shape) -> Vec<u8> {
    let date = tlv(0x17, b"261122110000Z");
    let reason = |number: u64| {
        // keyCompromise, superseded, cessationOfOperation, …
        let code = tlv(0x0a, &[[1, 4, 5, 9][number as usize % 4]]);
        let oid = tlv(0x06, &[0x55, 0x1d, 0x15]);
        tlv(0x30, &tlv(0x30, &[oid, tlv(0x04, &code)].concat()))
    };
    let entries: Vec<u8> = (0..ENTRIES)
        .flat_map(|number| {
            let serial = tlv(0x02, &serial(shape, number));
            let extensions = if shape.reasons {
                reason(number)
            } else {
                Vec::new()
            };
            tlv(0x30, &[serial, date.clone(), extensions].concat())
        })
        .collect();
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let attribute = [tlv(0x06, &[0x55, 4, 3]), tlv(0x0c, b"A CA")].concat();
    let name = tlv(0x30, &tlv(0x31, &tlv(0x30, &attribute)));
    let version = tlv(0x02, &[1]);
    let entries = tlv(0x30, &entries);
    let parts = [
        version,
        algorithm.clone(),
        name,
        date.clone(),
        date,
        entries,
    ];
    let signature = tlv(0x03, &[0; 72]);
    tlv(
        0x30,
        &[tlv(0x30, &parts.concat()), algorithm, signature].concat(),
    )
}

/// Numbers spread over the whole range, as random ones are, or ascending.
fn serial(shape: &Shape, number: u64) -> Vec<u8> {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let head = if shape.sorted { number } else { spread };
    let head = head >> 1 | 1 << 62;
    let mut serial = head.to_be_bytes().to_vec();
    serial.extend(spread.to_le_bytes());
    if shape.octets == MIXED {
        if number % 2 == 1 {
            serial[0] |= 0x80;
            serial.insert(0, 0);
        }
        return serial;
    }
    serial.resize(shape.octets, 0x5a);
    serial
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|octet| *octet != 0).unwrap_or(7);
    let length = &length[significant..];
    let mut der = vec![tag];
    if content.len() >= 0x80 {
        der.push(0x80 | length.len() as u8);
    }
    der.extend_from_slice(length);
    der.extend_from_slice(content);
    der
}
