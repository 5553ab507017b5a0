// Command nearfar learns to see from live video without labels. See `nearfar --help`.
package main

import "os"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}
