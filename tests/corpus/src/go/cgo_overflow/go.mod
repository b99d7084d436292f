module cgo_overflow

go 1.19
