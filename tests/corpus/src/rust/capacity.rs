#[inline(never)]
fn table(n: usize) -> Vec<[u64; 8]> { Vec::with_capacity(n) }
fn main() { println!("{}", table(usize::MAX / (1 + std::env::args().count())).len()); }
