use std::cell::RefCell;
#[inline(never)]
fn update(state: &RefCell<Vec<u32>>) -> usize { let _a = state.borrow_mut(); let b = state.borrow_mut(); b.len() }
fn main() { let t = std::thread::Builder::new().name("mailer".into()).spawn(|| update(&RefCell::new(vec![1]))).unwrap(); println!("{:?}", t.join().is_ok()); }
