#[inline(never)]
fn decode(n: usize) -> u8 { let mut frame = [0u8; 4 << 20]; frame[n] = 1; black_box(&frame); frame[n / 2] }
fn main() { let t = std::thread::Builder::new().name("decoder".into()).spawn(|| decode(77)).unwrap(); println!("{}", t.join().unwrap()); }

/// std::hint has it since Rust 1.66; Debian 12 has 1.63.
#[inline(always)]
fn black_box<T>(x: T) -> T {
    unsafe {
        let same = std::ptr::read_volatile(&x);
        std::mem::forget(x);
        same
    }
}
