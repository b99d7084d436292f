package main

/*
static long walk(long n) { volatile char pad[256]; pad[0] = n; return walk(n + 1) + pad[0]; }
static long start(long n) { return walk(n); }
*/
import "C"
import "fmt"

func main() { fmt.Println(C.start(1)) }
