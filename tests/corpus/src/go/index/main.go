package main
//go:noinline
func pick(v []int, n int) int { return v[n] }
func main() { println(pick([]int{1, 2, 3}, 5)) }
