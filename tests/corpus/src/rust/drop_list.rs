struct Node { next: Option<Box<Node>>, value: u64 }
#[inline(never)]
fn release(list: Option<Box<Node>>) { drop(list); }
fn main() { let mut head = None; for value in 0..400000 { head = Some(Box::new(Node { next: head, value })); } println!("{}", head.as_ref().unwrap().value); release(head); }
