module quit

go 1.19
