#[inline(never)]
fn reserve(n: usize) -> Vec<u8> { Vec::with_capacity(n) }
fn main() { let v = reserve(1 << 50); println!("{}", v.capacity()); }
