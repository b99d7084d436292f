package main
//go:noinline
func fill(m map[int]int) { for i := 0; ; i++ { m[i&1023] = i } }
func main() { m := map[int]int{}; go fill(m); fill(m) }
