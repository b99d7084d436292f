#[inline(never)]
fn port(text: &str) -> u16 { let p: u16 = text.parse().expect("PORT must be a number"); p + 1 }
fn main() { println!("{}", port("http")); }
