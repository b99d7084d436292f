package main
import ("fmt"; "time")
//go:noinline
func commit(n int) { if n > 2 { panic(fmt.Errorf("ledger %d is locked", n)) } }
func main() { go commit(7); time.Sleep(time.Second * 5) }
