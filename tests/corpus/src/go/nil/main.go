package main
type conn struct { id int; open bool }
//go:noinline
func closeConn(c *conn) { c.open = false }
func main() { closeConn(nil) }
