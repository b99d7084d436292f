use std::os::raw::{c_int, c_void};
extern "C" { fn qsort(base: *mut c_void, n: usize, size: usize, cmp: extern "C" fn(*const c_void, *const c_void) -> c_int); }
extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
    let (a, b) = unsafe { (*(a as *const f64), *(b as *const f64)) };
    a.partial_cmp(&b).unwrap() as c_int
}
fn main() {
    let mut v = vec![3.0, f64::NAN, 1.0, 2.0];
    unsafe { qsort(v.as_mut_ptr() as *mut c_void, v.len(), 8, compare) };
    println!("{:?}", v);
}
