package main

import (
	"os"
	"os/exec"
	"strconv"
	"time"
)

//go:noinline
func serve() { time.Sleep(time.Hour) }

func main() {
	go exec.Command("sh", "-c", "kill -QUIT "+strconv.Itoa(os.Getpid())).Run()
	serve()
}
