#[inline(never)]
fn decode(n: usize) -> u8 { let mut frame = [0u8; 4 << 20]; frame[n] = 1; std::hint::black_box(&frame); frame[n / 2] }
fn main() { let t = std::thread::Builder::new().name("decoder".into()).spawn(|| decode(77)).unwrap(); println!("{}", t.join().unwrap()); }
