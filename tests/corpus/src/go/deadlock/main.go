package main
func wait(c chan int) int { return <-c }
func main() { wait(make(chan int)) }
