// SPDX-License-Identifier: LGPL-2.1-or-later
//! Names and inlined chains of Rust: generics, traits, closures, iterators. The leaf writes to null.
mod deep {
    pub trait Step {
        fn step(&self, n: u64) -> u64;
    }
    pub struct Holder<T> {
        pub value: T,
    }
    impl<T: Into<u64> + Copy> Step for Holder<T> {
        #[inline(never)]
        fn step(&self, n: u64) -> u64 {
            super::leaf(n + self.value.into())
        }
    }
    impl<T> Holder<T> {
        #[inline(never)]
        pub fn visit<F: Fn(u64) -> u64>(&self, f: F) -> u64 {
            f(1) + 1
        }
    }
}

use deep::Step;

#[inline(never)]
fn leaf(n: u64) -> u64 {
    let mut at = std::hint::black_box(std::ptr::null_mut::<u64>());
    unsafe {
        at.write_volatile(n);
        at = at.add(1);
        at as u64
    }
}

#[inline(never)]
fn choose(items: &[Box<dyn Step + Send>]) -> u64 {
    items.iter().enumerate().map(|(i, s)| s.step(i as u64)).filter(|n| n % 2 == 0).sum()
}

fn main() {
    let items: Vec<Box<dyn Step + Send>> = vec![Box::new(deep::Holder { value: 7u32 })];
    let holder = deep::Holder { value: "text" };
    let worker = std::thread::Builder::new().name("worker".into()).spawn(move || {
        let sum = holder.visit(|n| n + choose(&items));
        println!("{sum}");
    });
    worker.unwrap().join().unwrap();
}
